package entra

import (
	"fmt"
	"net/http"
	"strings"
)

// party is whom tokens are asked of, as errors speak of it.
type party struct {
	name    string // "the authority"
	setting string // what to check when it does not make sense
	passing []int  // statuses that pass by themselves, besides 429 and 5xx
	lasting string // what to look at when trouble that should pass does not
	absent  string // what to do when it cannot be reached
	advice  func(status int, code string) string
}

func authorityParty() party {
	return party{
		name:    "the authority",
		setting: "CORDON_AUTHORITY_URL",
		advice: func(_ int, code string) string {
			if code == "" {
				return "this is no answer of Microsoft Entra: check CORDON_AUTHORITY_URL"
			}
			return codeAdvice(code)
		},
	}
}

// codeAdvice says what to do about the error codes that a wrong set-up leads to
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
func codeAdvice(code string) string {
	switch code {
	case "AADSTS7000215":
		return "client secret is invalid: set CORDON_CLIENT_SECRET to the value, not the id, of a secret of this " +
			"app registration"
	case "AADSTS7000222":
		return "client secret is expired: create a new one for the app registration and set CORDON_CLIENT_SECRET"
	case "AADSTS700027":
		return "the certificate is not one of the app registration's, or it is expired: upload the certificate in " +
			"the file that CORDON_CLIENT_CERTIFICATE names " +
			"(without its key) under Certificates & secrets of the app CORDON_CLIENT_ID, and compare the thumbprints"
	case "AADSTS700024":
		return "the time on this machine is wrong: the authority takes assertions only within some minutes of their " +
			"making"
	case "AADSTS700023":
		return "the assertion was made for another authority: check CORDON_AUTHORITY_URL, CORDON_CLOUD and " +
			"CORDON_TENANT_ID"
	case "AADSTS700016", "AADSTS700021":
		return "the tenant does not know this app: check CORDON_CLIENT_ID and CORDON_TENANT_ID"
	case "AADSTS7000112":
		return "the app is disabled in the tenant: enable its enterprise application"
	case "AADSTS54005", "AADSTS70000", "AADSTS70008":
		return "the code of the sign-in was used before, or is too old: sign in again"
	case "AADSTS70021", "AADSTS700211", "AADSTS700212", "AADSTS700213":
		return "the app registration has no federated credential for the app's managed identity: " +
			"infra/app-registrations.sh makes it"
	case "AADSTS90002", "AADSTS900023":
		return "there is no such tenant: check CORDON_TENANT_ID and CORDON_CLOUD"
	case "AADSTS500011", "AADSTS500014":
		return "the tenant does not have the API, or has it disabled: check the audience settings " +
			"(CORDON_DEFENDER_AUDIENCE, CORDON_GRAPH_AUDIENCE) and CORDON_CLOUD"
	case "AADSTS1002012", "AADSTS70011":
		return "the scope is not valid: an audience setting must be the API's application id URI"
	case "AADSTS53003":
		return "Conditional Access blocks the app: look up the sign-in log of the service principal"
	}
	return "look up the code in Microsoft's list of Entra error codes"
}

// platformParty is the endpoint that vouches for managed identities: App Service's, or the metadata service of a
// virtual machine, whose 404 and 410 pass
// (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
func platformParty(appService bool, clientIDSetting string) party {
	p := party{
		name:    "the managed identity endpoint",
		setting: "IDENTITY_ENDPOINT",
		passing: []int{http.StatusRequestTimeout},
		lasting: "; if it goes on, check the audience settings (CORDON_DEFENDER_AUDIENCE, CORDON_GRAPH_AUDIENCE) " +
			"and CORDON_CLOUD",
		advice: func(status int, code string) string {
			switch {
			case strings.HasPrefix(code, "AADSTS"):
				return codeAdvice(code)
			case status == http.StatusUnauthorized || status == http.StatusForbidden:
				return "the endpoint does not take this process for a part of the app: leave IDENTITY_ENDPOINT and " +
					"IDENTITY_HEADER as the platform sets them"
			case status == http.StatusBadRequest:
				return fmt.Sprintf("the app does not have this identity: assign it to the app, or set %s to the "+
					"client id (not the object id) of a user-assigned identity "+
					"that is assigned; empty means the system-assigned one", clientIDSetting)
			}
			return "this is no answer of a managed identity endpoint: leave IDENTITY_ENDPOINT as the platform sets it"
		},
	}
	if !appService {
		p.passing = append(p.passing, http.StatusNotFound, http.StatusGone)
		p.absent = "; without CORDON_CLIENT_SECRET and CORDON_CLIENT_CERTIFICATE a managed identity is used, and " +
			"IDENTITY_ENDPOINT, which Azure Functions sets " +
			"for an app with one, is not set: assign an identity to the app, or outside Azure set one of the two"
	}
	return p
}
