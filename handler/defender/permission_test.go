package defender_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"cordon/handler/machine"
)

// needs are the permissions that the methods of every need.
var needs = map[string]string{
	"AlertPage":                   "Alert.Read.All",
	"Alert":                       "Alert.Read.All",
	"Machine":                     "Machine.Read.All",
	"Machines":                    "Machine.Read.All",
	"ActionsSince":                "Machine.Read.All",
	"ActionsOn":                   "Machine.Read.All",
	"CurrentActions":              "Machine.Read.All",
	"Action":                      "Machine.Read.All",
	"AlertComments":               "Alert.Read.All",
	"UpdateAlert":                 "Alert.ReadWrite.All",
	"Tag":                         "Machine.ReadWrite.All",
	"CancelAction":                "Machine.Scan",
	"Isolate":                     "Machine.Isolate",
	"Unisolate":                   "Machine.Isolate",
	"RestrictCodeExecution":       "Machine.RestrictExecution",
	"UnrestrictCodeExecution":     "Machine.RestrictExecution",
	"RunAntiVirusScan":            "Machine.Scan",
	"CollectInvestigationPackage": "Machine.CollectForensics",
}

// TestMissingPermissionIsWhatTheAPISaysIsOneOrTheTokenLacks asks every method about every kind of 403.
func TestMissingPermissionIsWhatTheAPISaysIsOneOrTheTokenLacks(t *testing.T) {
	t.Parallel()
	const restricted = `{"error":{"code":"RestrictedDeviceSecurityOperations","message":"Isolating is not allowed ` +
		`on this device","target":"7c0"}}`
	for name, tt := range map[string]struct {
		body  string
		lacks bool // what is known of the token
		want  machine.Trouble
	}{
		"missing": {
			`{"error":{"code":"Forbidden","message":"Missing application roles. API required roles: Machine.Isolate,` +
				` application roles: Machine.Read.All."}}`, false, machine.Denied,
		},
		"missing, in older words": {fixture(t, "error_403_forbidden.json"), false, machine.Denied},
		"the token lacks it":      {restricted, true, machine.Denied},
		"lacks it, and a page":    {"<html>", true, machine.Denied},
		"lacks it, and no word":   {"", true, machine.Denied},
		"other code":              {restricted, false, machine.Refused},
		"other words": {
			`{"error":{"code":"Forbidden","message":"Isolating is not allowed on this device"}}`, false,
			machine.Refused,
		},
		"no words": {`{"error":{"code":"Forbidden"}}`, false, machine.Refused},
		"words of another code": {
			`{"error":{"code":"DisabledFeature","message":"Missing application roles."}}`, false, machine.Refused,
		},
		"of Graph": {fixture(t, "error_graph_403_mail.json"), false, machine.Refused},
	} {
		c := always(403, tt.body).clientThatKnows(func(_ context.Context, permission string) bool {
			return tt.lacks && permission != ""
		})
		reads, acts := every(t.Context(), c)
		all := maps.Clone(reads)
		maps.Copy(all, acts)
		for method, err := range all {
			trouble, _ := machine.TroubleOf(err)
			grants := strings.Contains(err.Error(),
				"grant the application permission "+needs[method]+" of WindowsDefenderATP with admin consent")
			if trouble != tt.want || grants != (tt.want == machine.Denied) ||
				strings.Contains(err.Error(), "grant") != grants {
				t.Errorf("%s, %s: %s, want %s: %v", name, method, trouble, tt.want, err)
			}
			if tt.body == restricted &&
				!strings.Contains(err.Error(),
					"403 RestrictedDeviceSecurityOperations: Isolating is not allowed on this device") {
				t.Errorf("%s, %s: %v lacks the API's code and words", name, method, err)
			}
		}
	}
}

func TestTokenIsLookedAtOnlyForAForbidden(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	lacks := func(_ context.Context, permission string) bool { asked[permission] = true; return true }
	for _, status := range []int{400, 401, 404, 409, 429, 500} {
		c := always(status,
			`{"error":{"code":"Forbidden","message":"Missing application roles."}}`).clientThatKnows(lacks)
		if _, err := c.Act(t.Context(), machineID, wanted(machine.Isolate)); strings.Contains(err.Error(), "grant") ||
			len(asked) > 0 {
			t.Errorf("%d: %v, asked about %v", status, err, asked)
		}
	}
	_, _ = always(403, "").clientThatKnows(lacks).Act(t.Context(), machineID, wanted(machine.Isolate))
	if !asked["Machine.Isolate"] || len(asked) != 1 {
		t.Errorf("asked about %v", asked)
	}
}
