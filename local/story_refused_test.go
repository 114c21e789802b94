package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cordon/handler/operate/wire"
	"cordon/local/entrasim"
	"cordon/local/scenario"
	"cordon/local/world"
)

// surfer is a browser of somebody, page by page.
type surfer struct {
	s      *story
	client *http.Client
}

func (s *story) surfer() surfer { return surfer{s, s.browser(scenario.Operator).Client} }

// asks asks a page of the app, follows no redirect, and answers with status, where it is sent on to, and the code of a
// refusal.
func (f surfer) asks(method, path string, headers ...string) (status int, to, code string) {
	f.s.t.Helper()
	r, err := http.NewRequestWithContext(f.s.t.Context(), method, f.s.AppURL+path, nil)
	if err != nil {
		f.s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	alone := *f.client
	alone.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := alone.Do(r)
	if err != nil {
		f.s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		f.s.t.Fatal(err)
	}
	if cache := answer.Header.Get("Cache-Control"); cache != "no-store" {
		f.s.t.Errorf("%s %s may be kept: %q", method, path, cache)
	}
	var problem wire.Problem
	_ = json.Unmarshal(body, &problem) // a page is none
	return answer.StatusCode, answer.Header.Get("Location"), problem.Code
}

// TestStoryWhatABrowserBringsBackSignsInNobodyElse goes through the host, whose own parameter is named code too.
func TestStoryWhatABrowserBringsBackSignsInNobodyElse(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, nil)
	person := s.surfer()
	if status, _, code := person.asks(http.MethodGet, "/api/signin/me"); status != 401 || code != "not_signed_in" {
		t.Errorf("before: %d %s", status, code)
	}
	_, at, _ := person.asks(http.MethodGet, "/api/SignIn/start/?returnTo=/api/signin/me")
	u, err := url.Parse(at)
	if err != nil || u.Query().Get("redirect_uri") != s.AppURL+"/api/signin/callback" {
		t.Fatalf("sent to %s: %v", at, err)
	}
	state := u.Query().Get("state")
	back := "/api/signin/callback?code=0.AS-s3cr3t_code&state=" + state
	if status, _, code := s.surfer().asks(http.MethodGet, back); status != 401 || code != "wrong_state" {
		t.Errorf("in another browser: %d %s", status, code)
	}
	if status, _, code := person.asks(http.MethodGet, back); status != 401 || code != "code_refused" {
		t.Errorf("with a made-up code: %d %s", status, code)
	}
	status, _, code := person.asks(http.MethodPost, "/api/signin/out", "Origin", "https://evil.example.net")
	if status != 403 || code != "cross_site" {
		t.Errorf("signed out by another site: %d %s", status, code)
	}
	status, to, code := person.asks(http.MethodPost, "/api/signin/out", "Origin", s.AppURL)
	if status != 303 || to != s.AppURL+"/api/signin/out" {
		t.Errorf("signed out: %d %s %s", status, to, code)
	}
	if s.logged("s3cr3t") != 0 || s.logged(state) != 0 {
		t.Error("the log holds a code or a state")
	}
}

// TestStoryEveryOtherTokenIsRefusedByTheApp asks with tokens that are wrong in one way, and asks for a write.
func TestStoryEveryOtherTokenIsRefusedByTheApp(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, nil)
	asks := func(method, path, token string) string {
		t.Helper()
		status, _, code := s.surfer().asks(method, path, "Authorization", "Bearer "+token)
		return strings.TrimSpace(fmt.Sprint(status, " ", code))
	}
	for _, flaw := range entrasim.Flaws() {
		token, err := s.FlawedToken(scenario.Operator, flaw)
		if err != nil {
			t.Fatal(err)
		}
		want := map[entrasim.Flaw]string{
			entrasim.Expired: "401 expired", entrasim.NotYetValid: "401 not_yet", entrasim.OtherTenant: "401 other_tenant",
			entrasim.OtherIssuer: "401 wrong_issuer", entrasim.OtherAudience: "401 wrong_audience",
			entrasim.VersionOne: "401 wrong_version", entrasim.ForeignKey: "401 bad_signature",
			entrasim.UnknownKey: "401 bad_signature", entrasim.Unsigned: "401 wrong_algorithm",
			entrasim.Symmetric: "401 wrong_algorithm", entrasim.NoScope: "401 no_scope", entrasim.OtherScope: "401 no_scope",
			entrasim.NoRoles: "403 no_role", entrasim.OtherRoles: "403 no_role", entrasim.IDToken: "401 id_token",
			entrasim.AppOnly: "403 app_may_not_write",
		}[flaw]
		if got := asks(http.MethodPost, "/api/operator/pause", token); got != want || want == "" {
			t.Errorf("a token %s: %s, want %s", flaw, got, want)
		}
	}
	alone, err := s.FlawedToken(scenario.Operator, entrasim.AppOnly)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := s.Token(scenario.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, token, want string }{
		{http.MethodGet, "/api/operator/me", alone, "200"},
		{http.MethodGet, "/api/operator/me", reader, "200"},
		{http.MethodPost, "/api/operator/pause", reader, "403 no_role"},
		{http.MethodGet, "/api/operator/pause", reader, "200"},
	} {
		if got := asks(c.method, c.path, c.token); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.method, c.path, got, c.want)
		}
	}
}
