package world_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cordon/handler/operate/wire"
	"cordon/local/entrasim"
	"cordon/local/funchost"
	"cordon/local/scenario"
	"cordon/local/world"
)

func start(t *testing.T, o world.Options) *world.World {
	t.Helper()
	w, err := world.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestThePeopleOfTheScenarioGetTokensForTheApp(t *testing.T) {
	t.Parallel()
	w := start(t, world.Options{})
	for _, p := range scenario.People() {
		token, err := w.Token(p.Username)
		if len(p.Roles) == 0 {
			if err == nil || !strings.Contains(err.Error(), "AADSTS50105") {
				t.Errorf("%s: %v", p.Username, err)
			}
			continue
		}
		claims, verifyErr := w.Entra.Verify(token)
		if err != nil || verifyErr != nil || claims.Audience != w.Settings["CORDON_SIGNIN_CLIENT_ID"] ||
			claims.Azp != w.Settings["CORDON_CLI_CLIENT_ID"] || claims.Username != p.Username ||
			claims.Issuer != w.Settings["CORDON_AUTHORITY_URL"]+"/"+world.TenantID+"/v2.0" || claims.Ver != "2.0" ||
			!claims.HasRole(p.Roles[0]) || claims.Scope != "Cordon.Use" {
			t.Errorf("%s: %v, %v, %+v", p.Username, err, verifyErr, claims)
		}
	}
	if token, err := w.FlawedToken(scenario.Guest, entrasim.NoRoles); err != nil || token == "" {
		t.Errorf("a token without roles: %v", err)
	}
}

func TestTheScopeIsBoundToTheHostOfTheApp(t *testing.T) {
	t.Parallel()
	w := start(t, world.Options{})
	host, _, err := net.SplitHostPort(strings.TrimPrefix(w.Settings["CORDON_APP_URL"], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for of, want := range map[string]int{host: http.StatusOK, "cordon.example.com": http.StatusBadRequest} {
		scope := wire.SignIn{API: world.SignInID}.Scope(of)
		form := url.Values{"client_id": {world.CLIID}, "scope": {scope}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost,
			"/"+world.TenantID+"/oauth2/v2.0/devicecode", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := httptest.NewRecorder()
		if w.Entra.ServeHTTP(answer, r); answer.Code != want {
			t.Errorf("%s: %d, want %d: %s", scope, answer.Code, want, answer.Body)
		}
	}
}

func TestHostsTakeTheAddressOfTheAppOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := start(t, world.Options{})
	at := func(o funchost.Options) string {
		if o.Listener == nil {
			return ""
		}
		return "http://" + o.Listener.Addr().String()
	}
	first := w.Host("app")
	if at(first) != w.AppURL || w.AppURL != w.Settings["CORDON_APP_URL"] {
		t.Errorf("the first host is at %q, the app at %q", at(first), w.AppURL)
	}
	if second := w.Host("app"); at(second) != "" || second.Addr != "127.0.0.1:0" {
		t.Errorf("a second one beside it is at %q", at(second))
	}
	_ = first.Listener.Close()
	third := w.Host("app")
	if at(third) != w.AppURL {
		t.Errorf("the one after it is at %q", at(third))
	}
	_ = third.Listener.Close()
}

func TestABusyAddressIsAnErrorBeforeAnythingIsServed(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	w, err := world.Start(world.Options{Addr: busy.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), busy.Addr().String()) {
		t.Errorf("got %v, %v", w, err)
	}
}
