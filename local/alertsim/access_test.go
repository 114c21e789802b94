package alertsim

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPermissionsAreThoseOfThePages(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Audience: "https://graph.microsoft.com", Verify: verifier(map[string]Claims{
		"none":  {Audience: "https://graph.microsoft.com"},
		"mail":  {Audience: "https://graph.microsoft.com/", Roles: []string{"Mail.Send", "ThreatHunting.Read.All"}},
		"read":  {Audience: "https://graph.microsoft.com/", Roles: []string{"SecurityAlert.Read.All"}},
		"write": {Audience: "https://graph.microsoft.com", Roles: []string{"SecurityAlert.ReadWrite.All"}},
		"other": {Audience: "https://api.security.microsoft.com", Roles: []string{"SecurityAlert.Read.All"}},
	})})
	tn.raise("a")
	for token, status := range map[string][2]int{
		"none": {403, 403}, "mail": {403, 403}, "read": {200, 403}, "write": {200, 200}, "other": {401, 401},
		"": {401, 401}, "x": {401, 401},
	} {
		tn.token = token
		code := map[int]string{401: "InvalidAuthenticationToken", 403: "Forbidden"}
		tn.want(tn.get(""), status[0], code[status[0]])
		tn.want(tn.get("/a"), status[0], code[status[0]])
		tn.want(tn.ask("PATCH", base+"/a", `{"status":"new"}`), status[1], code[status[1]])
		tn.want(tn.ask("POST", base+"/a/comments",
			`{"@odata.type":"microsoft.graph.security.alertComment","comment":"x"}`), status[1], code[status[1]])
	}
	tn.token = "mail"
	if _, says := tn.get("").problem(); says != "Missing application roles. API required roles: "+
		"SecurityAlert.Read.All,SecurityAlert.ReadWrite.All, application roles: Mail.Send,ThreatHunting.Read.All." {
		t.Errorf("said %q", says)
	}
}

// TestErrorsHaveGraphsEnvelope holds errors against samples: the members, not what differs in each answer.
func TestErrorsHaveGraphsEnvelope(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{PerMinute: 1, Verify: verifier(map[string]Claims{
		"app": {Roles: []string{"SecurityAlert.Read.All"}},
	})})
	same := func(name string, got reply) {
		t.Helper()
		want, is := fixture(t, name)["error"].(map[string]any), got.body["error"].(map[string]any)
		inner, _ := is["innerError"].(map[string]any)
		for _, member := range []string{"date", "request-id"} {
			if inner[member] == "" || want["innerError"].(map[string]any)[member] == nil {
				t.Errorf("%s: %v", name, inner)
			}
		}
		if inner["request-id"] != got.Header().Get("request-id") {
			t.Errorf("%s: two ids, %v", name, inner)
		}
		delete(want, "innerError")
		delete(is, "innerError")
		if diff := cmp.Diff(want, is); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	tn.get("")
	same("error_graph_429.json", tn.get(""))
	tn.token = "expired"
	same("error_graph_401.json", tn.get(""))
}

func TestAnAppHasAQuota(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Verify: verifier(map[string]Claims{
		"app": {AppID: "1", Roles: []string{"SecurityAlert.Read.All"}},
		"two": {AppID: "2", Roles: []string{"SecurityAlert.Read.All"}},
	})})
	tn.raise("a")
	for range 75 {
		tn.want(tn.get(""), 200, "")
		tn.want(tn.get("/a"), 200, "")
	}
	tn.clock.pass(20 * time.Second)
	if got := tn.want(tn.get("/a"), 429, "TooManyRequests"); got.Header().Get("Retry-After") != "40" {
		t.Errorf("Retry-After %q", got.Header().Get("Retry-After"))
	}
	tn.token = "two"
	tn.want(tn.get(""), 200, "")
	tn.token = "app"
	tn.clock.pass(40 * time.Second)
	for range 149 { // the call that was refused counts too
		tn.want(tn.get(""), 200, "")
	}
	tn.want(tn.get(""), 429, "TooManyRequests")
	free := open(t, Options{PerMinute: -1})
	for range 200 {
		free.want(free.get(""), 200, "")
	}
}

func TestFaultsOnDemand(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.raise("a")
	for status, code := range map[int]string{
		403: "Forbidden", 404: "ResourceNotFound", 410: "Gone", 429: "TooManyRequests", 500: "InternalServerError",
		503: "ServiceUnavailable",
	} {
		tn.SetFault(Dead(status))
		for range 2 {
			tn.want(tn.get(""), status, code)
			tn.want(tn.ask("PATCH", base+"/a", `{"status":"resolved"}`), status, code)
		}
	}
	if tn.defender.Alerts()[0].Status != "New" {
		t.Error("a refused change was made")
	}
	tn.SetFault(func(*http.Request) *Fault {
		return &Fault{Status: 503, Code: "x", Message: "y", RetryAfter: 1500 * time.Millisecond}
	})
	got := tn.want(tn.get(""), 503, "x")
	if _, says := got.problem(); says != "y" || got.Header().Get("Retry-After") != "2" {
		t.Errorf("%q, Retry-After %q", says, got.Header().Get("Retry-After"))
	}
	tn.SetFault(Emptied)
	if got := tn.want(tn.get("", "$count", "true"), 200, ""); len(got.list()) != 0 || got.body["@odata.count"] != 0.0 {
		t.Errorf("%v", got.body)
	}
	tn.want(tn.get("/a"), 200, "")
	tn.SetFault(nil)
	if got := tn.want(tn.get(""), 200, ""); got.ids() != "a" {
		t.Errorf("%v", got.body)
	}
}

func TestAnAnswerCanBeCutOrLost(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.raise("a")
	web := httptest.NewServer(tn)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() { client.CloseIdleConnections(); web.Close() })
	tn.SetFault(func(*http.Request) *Fault { return &Fault{Cut: true} })
	for _, encoding := range []string{"gzip", "identity"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+base, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", encoding)
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if len(got) == 0 || json.Valid(got) || !errors.Is(err, io.ErrUnexpectedEOF) || answer.StatusCode != 200 {
			t.Errorf("%s: %d, %d bytes, %v", encoding, answer.StatusCode, len(got), err)
		}
	}
	tn.SetFault(func(*http.Request) *Fault { return &Fault{LoseAnswer: true} })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, web.URL+base+"/a",
		strings.NewReader(`{"status":"resolved"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if answer, err := client.Do(r); err == nil {
		answer.Body.Close()
		t.Errorf("answered %d", answer.StatusCode)
	}
	calls := tn.Calls()
	if last := calls[len(calls)-1]; tn.defender.Alerts()[0].Status != "Resolved" || !last.Lost || last.Status != 200 {
		t.Errorf("the alert is %s, the call %+v", tn.defender.Alerts()[0].Status, last)
	}
}

func TestAnswersAreCompressedWhenAskedFor(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	numbered(tn, 50)
	plain := tn.get("").Body.String()
	for header, compressed := range map[string]bool{
		"gzip":                true,
		"deflate, gzip;q=0.5": true,
		"gzip;q=0":            false,
		"":                    false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, base, nil)
		r.Header.Set("Accept-Encoding", header)
		r.Header.Set("Prefer", tn.prefer)
		w := httptest.NewRecorder()
		tn.ServeHTTP(w, r)
		body := io.Reader(w.Body)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != compressed {
			t.Fatalf("%q: compressed %t", header, got)
		}
		if compressed {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != plain {
			t.Errorf("%q: another body, %v", header, err)
		}
	}
}

// TestManyAtOnce is for the race detector.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{PerMinute: -1})
	tn.raise("a")
	own := tn.AddAlert(Alert{Evidence: []Evidence{NewEvidence("user", start(), nil)}}, time.Time{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				for _, path := range []string{"/a", "/" + own} {
					r := httptest.NewRequest(http.MethodPatch, base+path, strings.NewReader(`{"status":"inProgress"}`))
					r.Header.Set("Content-Type", "application/json")
					tn.ServeHTTP(httptest.NewRecorder(), r)
				}
				w := httptest.NewRecorder()
				tn.ServeHTTP(w, httptest.NewRequest(http.MethodGet, base, nil))
				if !json.Valid(w.Body.Bytes()) {
					t.Error("an answer is no JSON")
				}
				tn.SetLag(0)
				tn.HideAlert("x", true)
				tn.SetFault(nil)
				tn.defender.AlertsAt(start())
			}
		})
	}
	group.Wait()
	if len(tn.Calls()) != 8*20*3 {
		t.Errorf("%d calls", len(tn.Calls()))
	}
}
