package setup

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/sessions"
	"cordon/local/tables"
)

const signInID = "5a1b0d3e-42a8-4e57-8f19-0c6de25a7343"

// TestSignInIsMadeOfItsSettings has what people who begin to sign in are answered, with each kind of settings.
func TestSignInIsMadeOfItsSettings(t *testing.T) {
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "IMDS_ENDPOINT"} {
		t.Setenv(name, "")
	}
	on := map[string]string{
		"CORDON_APP_URL":          "https://cordon.example.com",
		"CORDON_SIGNIN_CLIENT_ID": signInID,
	}
	with := func(more ...string) map[string]string {
		all := maps.Clone(on)
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	for name, c := range map[string]struct {
		settings map[string]string
		status   int // 0: there are no pages
		log      string
	}{
		"off":                   {nil, 0, ""},
		"by the app's identity": {on, http.StatusSeeOther, ""},
		"by a secret":           {with("CORDON_SIGNIN_SECRET", "s"), http.StatusSeeOther, ""},
		"by a secret that was not resolved": {
			with("CORDON_SIGNIN_SECRET", "@Microsoft.KeyVault(SecretUri=x)"), http.StatusServiceUnavailable,
			"CORDON_SIGNIN_SECRET",
		},
		"by a certificate that is not there": {
			with("CORDON_SIGNIN_CERTIFICATE", "/nowhere/app.pem"), http.StatusServiceUnavailable,
			"CORDON_SIGNIN_CERTIFICATE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var written bytes.Buffer
			log := slog.New(slog.NewTextHandler(&written, nil))
			server := tables.New(tables.Options{})
			ledger, err := rows.Connect(rows.Options{
				ConnectionString: server.ConnectionString("127.0.0.1:1"),
				Prefix:           "t",
				Tenant:           "tenant",
				Transport:        server,
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := ledger.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			settings := loaded(t, c.settings)
			verifier := Verifier(settings, &http.Transport{}, log)
			pages := Pages(settings, &http.Transport{}, verifier, sessions.In(ledger), "v1", log)
			if c.status == 0 {
				if pages.Pages != nil || verifier != nil {
					t.Errorf("pages %v, verifier %v", pages, verifier)
				}
				return
			}
			w := httptest.NewRecorder()
			pages.Pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/signin/start", nil))
			if w.Code != c.status || !strings.Contains(written.String(), c.log) {
				t.Fatalf("%d %s; %s", w.Code, w.Body, written.String())
			}
			at, err := url.Parse(w.Header().Get("Location"))
			if err != nil || c.status == http.StatusSeeOther &&
				(at.Host != "login.microsoftonline.com" || at.Query().Get("client_id") != signInID ||
					at.Query().Get("redirect_uri") != "https://cordon.example.com/api/signin/callback") {
				t.Errorf("%v: sent to %s", err, at)
			}
		})
	}
}

func TestTheIdentityThatTheAppActsAsVouchesForSignIn(t *testing.T) {
	for name, c := range map[string]struct{ client, secret, want string }{
		"a user-assigned one": {ownID, "", "managed identity " + ownID},
		"the system-assigned": {"", "", "managed identity (system-assigned)"},
		"an app registration": {appID, "s", "managed identity (system-assigned)"},
	} {
		settings := loaded(t, map[string]string{"CORDON_CLIENT_ID": c.client, "CORDON_CLIENT_SECRET": c.secret})
		source, err := vouching(settings, &http.Transport{})
		if err != nil || source.Identity() != c.want {
			t.Errorf("%s: %v, %v", name, source, err)
		}
	}
}
