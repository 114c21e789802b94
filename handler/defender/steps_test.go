package defender_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/machine"
)

// documented are the errors of the Common REST API error codes page and those observed besides, with what they mean for
// one who acts, and what their text tells.
var documented = []struct {
	status  int
	code    string
	message string
	want    machine.Trouble
	text    string
}{
	{
		400, "BadRequest", "General Bad Request error message.", machine.Refused,
		"400 BadRequest: General Bad Request error message.",
	},
	{400, "BadRequest", "Action is already in progress", machine.AlreadyActive, "Action is already in progress"},
	{
		400, "ActiveRequestAlreadyExists", "Action is already in progress", machine.AlreadyActive,
		"400 ActiveRequestAlreadyExists",
	},
	{400, "ODataError", "Invalid OData URI query.", machine.Refused, "400 ODataError"},
	{400, "InvalidInput", "Invalid input.", machine.Refused, "400 InvalidInput"},
	{400, "InvalidRequestBody", "Invalid request body.", machine.Refused, "400 InvalidRequestBody"},
	{400, "InvalidHashValue", "Hash value is invalid.", machine.Refused, "400 InvalidHashValue"},
	{400, "InvalidDomainName", "Domain name is invalid.", machine.Refused, "400 InvalidDomainName"},
	{400, "InvalidIpAddress", "IP address is invalid.", machine.Refused, "400 InvalidIpAddress"},
	{400, "InvalidUrl", "URL is invalid.", machine.Refused, "400 InvalidUrl"},
	{400, "MaximumBatchSizeExceeded", "Maximum batch size exceeded.", machine.Refused, "400 MaximumBatchSizeExceeded"},
	{
		400, "MissingRequiredParameter", "Parameter Comment is missing.", machine.Refused,
		"Parameter Comment is missing.",
	},
	{
		400, "OsPlatformNotSupported", "OS Platform macOS isn't supported for this action.", machine.Unsupported,
		"the machine does not know this action",
	},
	{
		400, "ClientVersionNotSupported", "Client version isn't supported.", machine.Unsupported,
		"the machine does not know this action",
	},
	{401, "Unauthorized", "Unauthorized.", machine.Denied, "CORDON_DEFENDER_AUDIENCE"},
	{
		403, "Forbidden",
		"The application does not have any of the required application permissions (X) to access the resource.",
		machine.Denied, "grant the application permission ",
	},
	{
		403, "Forbidden", "Missing application roles. API required roles: X, application roles: Y.", machine.Denied,
		"grant the application permission ",
	},
	{
		403, "Forbidden", "The device is restricted.", machine.Refused,
		"403 Forbidden: The device is restricted. (the service itself refuses it",
	},
	{403, "DisabledFeature", "Tenant feature isn't enabled.", machine.Refused, "the service itself refuses it"},
	{403, "DisallowedOperation", "Operation isn't allowed.", machine.Refused, "the service itself refuses it"},
	{
		403, "RestrictedDeviceSecurityOperations", "Not allowed on this device.", machine.Refused,
		"403 RestrictedDeviceSecurityOperations: Not allowed on this device.",
	},
	{403, "NeverHeardOf", "", machine.Refused, "403 NeverHeardOf"},
	{403, "Forbidden", "", machine.Refused, "403 Forbidden (the service itself refuses it"},
	{405, "MethodNotAllowed", "Not this way.", machine.Refused, "405 MethodNotAllowed: Not this way."},
	{409, "Conflict", "The device is not active.", machine.Refused, "409 Conflict: The device is not active."},
	{
		409, "ActiveRequestAlreadyExists", "Action is already in progress", machine.AlreadyActive,
		"409 ActiveRequestAlreadyExists",
	},
	{422, "NeverHeardOf", "No.", machine.Refused, "422 NeverHeardOf: No."},
	{404, "NotFound", "General Not Found error message.", machine.NotFound, "404 NotFound"},
	{
		404, "ResourceNotFound", "Machine m was not found", machine.NotFound,
		"404 ResourceNotFound: Machine m was not found",
	},
	{
		429, "429", "API calls quota exceeded! maximum allowed 100 per 00:01:00", machine.Transient,
		"quota used up: ask again in 37s",
	},
	{
		429, "TooManyRequests", "Response represents reaching quota limit.", machine.Transient,
		"quota used up: ask again in 37s",
	},
	{500, "InternalServerError", "", machine.UnknownFate, "it may have been carried out: "},
	{503, "", "", machine.UnknownFate, "it may have been carried out: "},
}

// step is something that a playbook can ask of the API.
type step struct {
	endpoint, permission, look string
	do                         func(*defender.Client) error
}

// steps are every machine action in each of its scopes and its cancelling, tags, and changes of an alert.
func steps(t *testing.T) map[string]step {
	all := map[string]step{
		"tag": {
			"POST /api/machines/{id}/tags", "Machine.ReadWrite.All",
			"a repeat is safe", func(c *defender.Client) error {
				return c.Tag(t.Context(), machineID, "IR", false)
			},
		},
		"take tag off": {
			"POST /api/machines/{id}/tags", "Machine.ReadWrite.All",
			"a repeat is safe", func(c *defender.Client) error {
				return c.Tag(t.Context(), machineID, "IR", true)
			},
		},
		"update alert": {
			"PATCH /api/alerts/{id}", "Alert.ReadWrite.All",
			"read the alert and its comments before asking again", func(c *defender.Client) error {
				_, err := c.UpdateAlert(t.Context(), alertID, alert.Change{
					Status:  alert.StatusResolved,
					Comment: "why",
				})
				return err
			},
		},
	}
	for _, spec := range machine.Catalogue() {
		scopes := spec.Scopes
		if spec.ScopeKey == "" {
			scopes = []machine.Scope{""}
		}
		for _, scope := range scopes {
			all[strings.TrimSpace(spec.Would+" "+string(scope))] = step{
				"POST /api/machines/{id}/" + spec.Path, spec.Permission,
				"look for the machine action before asking again", func(c *defender.Client) error {
					_, err := c.Act(t.Context(), machineID, machine.Request{
						Type:    spec.Type,
						Scope:   scope,
						Comment: "why",
					})
					return err
				},
			}
		}
		all["cancel "+spec.Noun] = step{
			"POST /api/machineactions/{id}/cancel", spec.Permission,
			"look for the machine action before asking again", func(c *defender.Client) error {
				_, err := c.CancelAction(t.Context(), actionID, spec.Type, "why")
				return err
			},
		}
	}
	return all
}

func TestEveryStepSortsEveryErrorOfTheAPI(t *testing.T) {
	t.Parallel()
	for name, step := range steps(t) {
		for _, e := range documented {
			body := encode(t,
				map[string]any{"error": map[string]string{"code": e.code, "message": e.message, "target": "7c0"}})
			a := always(e.status, body)
			if e.status == http.StatusTooManyRequests {
				a = always(e.status, body, "Retry-After", "37")
			}
			err := step.do(a.client())
			wait := time.Duration(0)
			if e.want == machine.Transient {
				wait = 37 * time.Second
			}
			if trouble, after := machine.TroubleOf(err); trouble != e.want || after != wait {
				t.Errorf("%s, %d %s: %s after %v, want %s after %v", name, e.status, e.code, trouble, after, e.want,
					wait)
			}
			wants := []string{"Defender " + step.endpoint, e.text, "[correlation 7c0]"}
			if e.status == http.StatusForbidden && e.want == machine.Denied {
				wants = append(wants, "grant the application permission "+step.permission+" of WindowsDefenderATP")
			}
			if e.want == machine.UnknownFate {
				wants = append(wants, "it may have been carried out: "+step.look)
			}
			for _, want := range wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s, %d %s: %v lacks %q", name, e.status, e.code, err, want)
				}
			}
			if len(a.asked) != 1 {
				t.Errorf("%s, %d %s: %d requests", name, e.status, e.code, len(a.asked))
			}
		}
	}
}

func TestSecondActionThatIsAnsweredWithTheFirstIsTaken(t *testing.T) {
	t.Parallel()
	for _, spec := range machine.Catalogue() {
		pending := fmt.Sprintf(`{"id":"first","type":%q,"status":"Pending","machineId":%q}`, spec.Type, machineID)
		got, err := always(201, pending).client().Act(t.Context(), machineID, wanted(spec.Type))
		if diff := cmp.Diff(machine.Action{ID: "first", Type: spec.Type, Status: machine.Pending, MachineID: machineID},
			got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", spec.Type, err, diff)
		}
	}
}

func TestWhatTheCatalogueDoesNotKnowIsNotSent(t *testing.T) {
	t.Parallel()
	for text, try := range map[string]func(*defender.Client) error{
		`"Offboard" is no machine action that can be asked for`: func(c *defender.Client) error {
			_, err := c.Act(t.Context(), machineID, machine.Request{Type: "Offboard", Comment: "why"})
			return err
		},
		`"LiveResponse" is no machine action that is taken back`: func(c *defender.Client) error {
			_, err := c.CancelAction(t.Context(), actionID, "LiveResponse", "why")
			return err
		},
		`IsolationType "Quick" is none of [Full Selective UnManagedDevice]`: func(c *defender.Client) error {
			_, err := c.Act(t.Context(), machineID, machine.Request{
				Type:    machine.Isolate,
				Scope:   machine.Quick,
				Comment: "why",
			})
			return err
		},
		`ScanType "" is none of [Quick Full]`: func(c *defender.Client) error {
			_, err := c.Act(t.Context(), machineID, machine.Request{Type: machine.Scan, Comment: "why"})
			return err
		},
		"the tag is empty": func(c *defender.Client) error { return c.Tag(t.Context(), machineID, " ", false) },
		"the change changes nothing": func(c *defender.Client) error {
			_, err := c.UpdateAlert(t.Context(), alertID, alert.Change{})
			return err
		},
	} {
		a := always(201, `{"id":"x"}`)
		err := try(a.client())
		if trouble, _ := machine.TroubleOf(err); trouble != machine.Refused || len(a.asked) != 0 ||
			!strings.Contains(err.Error(), text) {
			t.Errorf("%v (%s) after %d requests, want %q and none", err, trouble, len(a.asked), text)
		}
	}
}

func TestTagsAreSentAsTheAPIReadsThem(t *testing.T) {
	t.Parallel()
	var samples map[string]struct{ Body map[string]any }
	if err := json.Unmarshal([]byte(fixture(t, "action_requests.json")), &samples); err != nil {
		t.Fatal(err)
	}
	for action, remove := range map[string]bool{"Add": false, "Remove": true} {
		a := always(200, fixture(t, "machine.json"))
		if err := a.client().Tag(t.Context(), machineID, "IR-Isolated", remove); err != nil {
			t.Error(err)
		}
		want := samples["tag_add"].Body
		want["Action"] = action
		if diff := cmp.Diff(want, object(t, a.bodies[0])); diff != "" ||
			a.calls()[0] != "POST /mde/api/machines/"+machineID+"/tags" {
			t.Errorf("%v (-want +got):\n%s", a.calls(), diff)
		}
	}
	for _, body := range []string{"", "null", "<html>", `{"error":{}}`} {
		err := always(200, body).client().Tag(t.Context(), machineID, "IR", false)
		if trouble, _ := machine.TroubleOf(err); trouble != machine.UnknownFate {
			t.Errorf("%q: %v is %s", body, err, trouble)
		}
	}
}

func TestOfAnAlertOnlyWhatIsSetIsChanged(t *testing.T) {
	t.Parallel()
	whole := alert.Change{
		Status:         alert.StatusResolved,
		AssignedTo:     "robin.osei@contoso.com",
		Classification: "TruePositive",
		Determination:  "Malware",
		Comment:        "Contained and re-imaged, closing.",
	}
	for want, change := range map[string]alert.Change{
		fixture(t, "alert_update_request.json"): whole,
		`{"comment":"why"}`:                     {Comment: "why"},
		`{"status":"InProgress"}`:               {Status: alert.StatusInProgress},
		`{"assignedTo":"kim"}`:                  {AssignedTo: "kim"},
		`{"classification":"FalsePositive","determination":"Clean"}`: {
			Classification: "FalsePositive",
			Determination:  "NotMalicious",
		},
		`{"classification":"InformationalExpectedActivity","determination":"ConfirmedUserActivity"}`: {
			Classification: "InformationalExpectedActivity",
			Determination:  "ConfirmedActivity",
		},
		`{"classification":"InformationalExpectedActivity","determination":"SecurityTesting"}`: {
			Classification: "InformationalExpectedActivity",
			Determination:  "SecurityTesting",
		},
		`{"classification":"FalsePositive","determination":"InsufficientData","comment":"\"<b>\u2028"}`: {
			Classification: "FalsePositive",
			Determination:  "InsufficientData",
			Comment:        "\"<b>\u2028",
		},
	} {
		a := always(200, fixture(t, "alert.json"))
		got, err := a.client().UpdateAlert(t.Context(), alertID, change)
		if err != nil || got.ID != alertID || len(got.Evidence) == 0 {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
		if diff := cmp.Diff(object(t, want), object(t, a.bodies[0])); diff != "" ||
			a.calls()[0] != "PATCH /mde/api/alerts/"+alertID {
			t.Errorf("%v (-want +got):\n%s", a.calls(), diff)
		}
	}
	for _, body := range []string{"", "null", "[]", `{"status":"Resolved"}`} {
		_, err := always(200, body).client().UpdateAlert(t.Context(), alertID, whole)
		if trouble, _ := machine.TroubleOf(err); trouble != machine.UnknownFate ||
			!strings.Contains(err.Error(), "read the alert and its comments before asking again") {
			t.Errorf("%q: %v is %s", body, err, trouble)
		}
	}
}

func TestCommentsOfAnAlertAreReadWhateverStandsBesideThem(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		fixture(t, "alert.json"):       {"Picked up by automated triage"},
		`{"id":"a"}`:                   nil,
		`{"id":"a","comments":null}`:   nil,
		`{"id":"a","comments":"none"}`: nil,
		`{"id":"a","comments":[{"comment":"x","createdBy":"kim","createdTime":"2025-11-18T09:00:00Z"},7,null,` +
			`{"comment":null},{"comment":""},{"Comment":"y\nz"}]}`: {"x", "y\nz"},
	} {
		a := always(200, body)
		got, err := a.client().AlertComments(t.Context(), alertID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" || a.calls()[0] != "GET /mde/api/alerts/"+alertID {
			t.Errorf("%.60s: %v, %v (-want +got):\n%s", body, a.calls(), err, diff)
		}
	}
	long := strings.Repeat("x", 1<<20)
	endless := `{"id":"a","comments":[` + strings.Repeat(`{"comment":"`+long+`"},`, 17) + `{}]}`
	if got, err := always(200, endless).client().AlertComments(t.Context(), alertID); err == nil || got != nil {
		t.Errorf("%d comments of an answer over 16 MiB, %v", len(got), err)
	}
}
