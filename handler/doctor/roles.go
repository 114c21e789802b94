package doctor

import (
	"fmt"
	"net/url"
)

// Grants says how people grant application permissions to whoever the app is.
type Grants struct {
	ClientID   string // of the app registration
	Registered bool   // the app is one; else it is a managed identity
	GraphURL   *url.URL
}

// Defender is an application permission of the Defender API that is needed for something.
func (g Grants) Defender(name, why string) Role {
	r := Role{Name: name, Why: why, Absent: Fail}
	r.Grant = func(string) string { return "grant " + name + " of WindowsDefenderATP with admin consent" }
	if known, is := defenderRole(name); is {
		r.Grant = g.granting(known)
	}
	return r
}

// Hunting is ThreatHunting.Read.All, which running hunts needs.
func (g Grants) Hunting(hunts int) Role {
	return Role{
		Name:   "ThreatHunting.Read.All",
		Why:    fmt.Sprintf("to run %d hunt(s)", hunts),
		Absent: Fail,
		Grant:  g.granting(appRole{graphAPI, "ThreatHunting.Read.All", "dd98c7f5-2d42-42d3-a0e4-633161547251"}),
	}
}

// GraphAlerts is an application permission of Microsoft Graph that alerts are read or changed with.
func (g Grants) GraphAlerts(name, why string) Role {
	id := map[string]string{
		"SecurityAlert.Read.All":      "472e4a4d-bb4a-4026-98d1-0b0d74cb74a5",
		"SecurityAlert.ReadWrite.All": "ed4fca05-be46-441f-9803-1873825f8fdb",
	}[name]
	return Role{
		Name:   name,
		Why:    why,
		Absent: Fail,
		Grant:  g.granting(appRole{graphAPI, name, id}),
	}
}

// MailSend is Mail.Send, which is not the only way to be allowed to send: a role in Exchange does not show in the
// token.
func (g Grants) MailSend() Role {
	grant := g.granting(appRole{graphAPI, "Mail.Send", "b633e1c5-b582-4048-a93e-9f11b44c7e96"})
	return Role{
		Name:   "Mail.Send",
		Why:    "to send mail as every mailbox of the tenant",
		Absent: Warn,
		But: "unless the app has \"Application Mail.Send\" in Exchange for the one mailbox, which is better " +
			"and does not show here",
		Grant: func(principal string) string {
			return "cordon doctor --direct --send-test tells. To let it send as one mailbox, see docs/doctor.md, \"Mail\"; " +
				"as every mailbox:\n" + grant(principal)
		},
	}
}

// appRole is an application permission as the vendor publishes it: the same ids in every tenant.
type appRole struct{ api, name, id string }

// The APIs that permissions belong to, by the application id of their service principal.
const (
	defenderAPI = "fc780465-2017-40d4-a0c5-307022471b92"
	graphAPI    = "00000003-0000-0000-c000-000000000000"
)

// defenderRole is an application permission of Defender by its name; false for one whose published id is not known
// here.
func defenderRole(name string) (appRole, bool) {
	id, known := map[string]string{
		"Alert.Read.All":            "71fe6b80-7034-4028-9ed8-0f316df9c3ff",
		"Alert.ReadWrite.All":       "0f7000ec-157b-497f-b70e-ef0b0584f140",
		"Machine.Read.All":          "ea8291d3-4b9a-44b5-bc3a-6cea3026dc79",
		"Machine.Isolate":           "7e4e1300-e1b9-4102-88ba-f0cb6e6d5974",
		"Machine.RestrictExecution": "96b6b35d-074d-4e2d-b167-8d68d9269648",
		"Machine.Scan":              "a86d9824-b2b6-45f8-b042-16bc4922ed4e",
		"Machine.CollectForensics":  "15405ab2-2103-4a3c-ad80-e829841cedcc",
	}[name]
	return appRole{defenderAPI, name, id}, known
}

// granting is the command that grants a permission to whoever the app is.
func (g Grants) granting(x appRole) func(principal string) string {
	return func(principal string) string {
		if g.Registered {
			return fmt.Sprintf("az ad app permission add --id %s --api %s --api-permissions %s=Role && "+
				"az ad app permission admin-consent --id %s", g.ClientID, x.api, x.id, g.ClientID)
		}
		if principal == "" {
			principal = "OBJECT-ID-OF-THE-IDENTITY"
		}
		// A managed identity has no registration that could ask; the role is assigned to its service principal.
		return fmt.Sprintf("az rest --method post --url \"%s/v1.0/servicePrincipals/%s/appRoleAssignments\" "+
			"--headers Content-Type=application/json --body \"{\\\"principalId\\\":\\\"%s\\\","+
			"\\\"resourceId\\\":\\\"$(az ad sp show --id %s --query id -o tsv)\\\",\\\"appRoleId\\\":\\\"%s\\\"}\"",
			g.GraphURL, principal, principal, x.api, x.id)
	}
}
