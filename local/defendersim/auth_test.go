package defendersim

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const audience = "https://api.securitycenter.microsoft.com"

func TestTokensThatAreNotGoodAreAnsweredWith401(t *testing.T) {
	t.Parallel()
	roles := []string{"Alert.Read.All"}
	tn := open(t, Options{
		Audience: audience,
		Verify: verifier(map[string]Claims{
			"good":  {Audience: audience, Roles: roles, ExpiresAt: start().Add(time.Second)},
			"slash": {Audience: audience + "/", Roles: roles},
			"graph": {Audience: "https://graph.microsoft.com", Roles: roles},
			"old":   {Audience: audience, Roles: roles, ExpiresAt: start()},
		}),
	})
	for token, want := range map[string]int{
		"good":    200,
		"slash":   200,
		"graph":   401,
		"old":     401,
		"":        401,
		"made up": 401,
	} {
		tn.token = token
		r := tn.get("/api/alerts")
		if r.Code != want {
			t.Errorf("token %q: %d, want %d", token, r.Code, want)
		}
		if want == 401 {
			sameError(t, "error_401_unauthorized.json", r, want)
			if got := r.Header().Get("WWW-Authenticate"); got != "Bearer" {
				t.Errorf("token %q: challenge %q", token, got)
			}
		}
	}
	tn.token = "good"
	tn.clock.pass(time.Second)
	tn.want(tn.get("/api/alerts"), 401, "Unauthorized")
}

func TestEveryEndpointAsksForItsPermission(t *testing.T) {
	t.Parallel()
	tokens := map[string]Claims{}
	tn := open(t, Options{Verify: verifier(tokens)})
	tn.AddAlert(Alert{ID: "da1"}, time.Time{})
	action, err := tn.PortalIsolate(laptop, "robin", "why")
	if err != nil {
		t.Fatal(err)
	}
	all := []string{
		"Alert.Read.All", "Alert.ReadWrite.All", "Machine.Read.All", "Machine.ReadWrite.All",
		"Machine.Isolate", "Machine.Scan",
	}
	for _, role := range append(all, "User.Read.All") {
		tokens[role] = Claims{AppID: role, Roles: []string{role}}
	}
	for _, tt := range []struct {
		method, path, body string
		enough             []string
		text               string
	}{
		{"GET", "/api/alerts", "", all[0:2], "(Alert.Read.All, Alert.ReadWrite.All)"},
		{"GET", "/api/alerts/da1", "", all[0:2], "(Alert.Read.All, Alert.ReadWrite.All)"},
		{"PATCH", "/api/alerts/da1", `{"comment":"x"}`, all[1:2], "(Alert.ReadWrite.All)"},
		{"GET", "/api/machines", "", all[2:4], "(Machine.Read.All, Machine.ReadWrite.All)"},
		{"GET", "/api/machines/" + laptop, "", all[2:4], "(Machine.Read.All, Machine.ReadWrite.All)"},
		{"GET", "/api/machineactions", "", all[2:4], "(Machine.Read.All, Machine.ReadWrite.All)"},
		{"GET", "/api/machineactions/" + action.ID, "", all[2:4], "(Machine.Read.All, Machine.ReadWrite.All)"},
		{"POST", "/api/machines/" + server + "/isolate", `{"Comment":"x"}`, all[4:5], "(Machine.Isolate)"},
		{"POST", "/api/machines/" + server + "/unisolate", `{"Comment":"x"}`, all[4:5], "(Machine.Isolate)"},
		{
			"POST", "/api/machineactions/" + action.ID + "/cancel", `{"Comment":"x"}`, all[4:6],
			"(Machine.Isolate, Machine.RestrictExecution, Machine.Scan,",
		},
	} {
		var enough []string
		for role := range tokens {
			tn.token = role
			r := tn.ask(tt.method, tt.path, tt.body)
			code, message := r.problem()
			switch {
			case r.Code != http.StatusForbidden:
				enough = append(enough, role)
			case code != "Forbidden" ||
				!strings.Contains(message, "any of the required application permissions "+tt.text):
				t.Errorf("%s %s: %s %q", tt.method, tt.path, code, message)
			}
		}
		if diff := cmp.Diff(sorted(tt.enough), sorted(enough)); diff != "" {
			t.Errorf("%s %s is open to other permissions (-want +got):\n%s", tt.method, tt.path, diff)
		}
	}
	if n := len(tn.Actions()); n != 3 {
		t.Errorf("%d actions accepted, want the portal's, an isolation and a release", n)
	}
}
