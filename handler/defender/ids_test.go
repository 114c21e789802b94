package defender_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/httpretry"
	"cordon/handler/machine"
)

// byID are the methods that take an id, with the path that belongs to it; in the list ones it belongs to the filter.
var byID = map[string]struct {
	path string
	call func(context.Context, *defender.Client, string) error
}{
	"Alert": {"/mde/api/alerts/{id}", func(ctx context.Context, c *defender.Client, id string) error {
		_, err := c.Alert(ctx, id)
		return err
	}},
	"Machine": {"/mde/api/machines/{id}", func(ctx context.Context, c *defender.Client, id string) error {
		_, err := c.Machine(ctx, id)
		return err
	}},
	"Action": {"/mde/api/machineactions/{id}", func(ctx context.Context, c *defender.Client, id string) error {
		_, err := c.Action(ctx, id)
		return err
	}},
	"Isolate": {"/mde/api/machines/{id}/isolate", func(ctx context.Context, c *defender.Client, id string) error {
		_, err := c.Act(ctx, id, wanted(machine.Isolate))
		return err
	}},
	"Scan": {"/mde/api/machines/{id}/runAntiVirusScan", func(ctx context.Context, c *defender.Client, id string) error {
		_, err := c.Act(ctx, id, wanted(machine.Scan))
		return err
	}},
	"Tag": {"/mde/api/machines/{id}/tags", func(ctx context.Context, c *defender.Client, id string) error {
		return c.Tag(ctx, id, "IR", true)
	}},
	"AlertComments": {"/mde/api/alerts/{id}", func(ctx context.Context, c *defender.Client, id string) error {
		_, err := c.AlertComments(ctx, id)
		return err
	}},
	"UpdateAlert": {"/mde/api/alerts/{id}", func(ctx context.Context, c *defender.Client, id string) error {
		_, err := c.UpdateAlert(ctx, id, alert.Change{Comment: "why"})
		return err
	}},
	"CancelAction": {
		"/mde/api/machineactions/{id}/cancel", func(ctx context.Context, c *defender.Client, id string) error {
			_, err := c.CancelAction(ctx, id, machine.Isolate, "why")
			return err
		},
	},
	"ActionsOn": {"/mde/api/machineactions", func(ctx context.Context, c *defender.Client, id string) error {
		_, err := c.ActionsOn(ctx, id, window.From)
		return err
	}},
	"Machines": {"/mde/api/machines", func(ctx context.Context, c *defender.Client, id string) error {
		_, err := c.Machines(ctx, []string{machineID, id})
		return err
	}},
}

// checkOneID holds the promise about ids for one of them: refused without a request, or sent exactly where it belongs.
func checkOneID(t *testing.T, id string) {
	for name, method := range byID {
		a := always(200, `{"id":"x","value":[]}`)
		err := method.call(t.Context(), a.client(), id)
		if alert.CheckID(id) != nil {
			if trouble, _ := machine.TroubleOf(err); trouble != machine.Refused || len(a.asked) != 0 ||
				!strings.Contains(err.Error(), " id ") {
				t.Errorf("%s(%q): %v (%s), %d requests; want it refused", name, id, err, trouble, len(a.asked))
			}
			continue
		}
		if err != nil || len(a.asked) != 1 {
			t.Fatalf("%s(%q): %v after %d requests", name, id, err, len(a.asked))
		}
		sent := a.asked[0].URL
		if want := strings.ReplaceAll(method.path, "{id}", id); sent.Path != want || sent.EscapedPath() != want ||
			sent.Host != "api.example.com" || sent.Fragment != "" {
			t.Errorf("%s(%q) went to %s, want the path %s", name, id, sent, want)
		}
		if filter := sent.Query().Get("$filter"); name == "ActionsOn" &&
			filter != "machineId eq '"+id+"' and creationDateTimeUtc ge 2025-11-18T09:00:00Z" {
			t.Errorf("%s(%q): filter %s", name, id, filter)
		}
	}
}

// hostileIDs try to leave their place in a path or a filter.
var hostileIDs = []string{
	"", ".", "..", "...", "../machines/x", "a/../b", "a/b", `a\b`, "%2e%2e", "a%2fb", "a?b=c", "a#b", "a;b", "a b",
	"a+b", "a&b", "a=b", "a'b",
	"x' or id ne '", "a\"b", "a\nb", "a\x00b", "a\u00e9", "\uff0e\uff0e", "$metadata", "a@b", "a,b", "(a)",
	strings.Repeat("a", 129),
}

func TestHostileIDsAreRefusedWithoutARequest(t *testing.T) {
	t.Parallel()
	for _, id := range hostileIDs {
		if alert.CheckID(id) == nil {
			t.Errorf("%q passes for an id", id)
		}
		checkOneID(t, id)
	}
}

func FuzzIDsNeverLeaveTheirPlace(f *testing.F) {
	for _, id := range append([]string{
		machineID, alertID, actionID, "a..b", "..a", "a:b", "api", "isolate", strings.Repeat("a", 128),
	}, hostileIDs...) {
		f.Add(id)
	}
	f.Fuzz(checkOneID)
}

func TestBudgetIsKeptPerEndpointAndNamesNoID(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"Alert":         "GET /api/alerts/{id}",
		"Machine":       "GET /api/machines/{id}",
		"Action":        "GET /api/machineactions/{id}",
		"Isolate":       "POST /api/machines/{id}/isolate",
		"Scan":          "POST /api/machines/{id}/runAntiVirusScan",
		"Tag":           "POST /api/machines/{id}/tags",
		"AlertComments": "GET /api/alerts/{id}",
		"UpdateAlert":   "PATCH /api/alerts/{id}",
		"CancelAction":  "POST /api/machineactions/{id}/cancel",
		"ActionsOn":     "GET /api/machineactions",
		"Machines":      "GET /api/machines",
	}
	for _, base := range []string{"", "/mde", "/api", "/api/v1.0/", "/gateway/api"} {
		for name, method := range byID {
			// An id that reads like a part of the path.
			for _, id := range []string{machineID, "api", "alerts", "machines"} {
				a := always(200, `{"id":"x","value":[]}`)
				c := defender.New(defender.Options{
					Base: &url.URL{Scheme: "https", Host: "api.example.com", Path: base},
					HTTP: &http.Client{Transport: a},
				})
				if err := method.call(t.Context(), c, id); err != nil {
					t.Fatalf("%s at %q: %v", name, base, err)
				}
				if key, perMinute := defender.Budget(a.asked[0]); key != want[name] || perMinute != 100 {
					t.Errorf("Budget(%s) = %q, %d, want %q, 100", a.asked[0].URL, key, perMinute, want[name])
				}
			}
		}
	}
	a := always(200, list())
	if _, _, err := readPage(t, a.client(), window); err != nil {
		t.Fatal(err)
	}
	if key, perMinute := defender.Budget(a.asked[0]); key != "GET /api/alerts" || perMinute != 100 {
		t.Errorf("alert page: %q, %d", key, perMinute)
	}
}

func TestRequestsToAnythingElseHaveNoBudget(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"", "/", "/api", "/api/", "/alerts/da1", "/api/files/x", "/tenant/oauth2/v2.0/token",
	} {
		key, perMinute := defender.Budget(&http.Request{Method: "GET", URL: &url.URL{Path: path}})
		if key != "" || perMinute != 0 {
			t.Errorf("Budget(%q) = %q, %d", path, key, perMinute)
		}
	}
}

// The transport takes the function as it is.
var _ = httpretry.Options{Budget: defender.Budget}
