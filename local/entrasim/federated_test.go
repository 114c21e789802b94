package entrasim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/local/entrasim"
)

// managedToken asks the platform for a token of the managed identity.
func managedToken(t *testing.T, sim *entrasim.Sim, resource string) string {
	t.Helper()
	query := url.Values{"api-version": {"2019-08-01"}, "resource": {resource}}
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/msi/token?"+query.Encode(), nil)
	r.Header.Set("X-IDENTITY-HEADER", "header")
	w := httptest.NewRecorder()
	sim.AppService().ServeHTTP(w, r)
	var said struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Token == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return said.Token
}

func TestAManagedIdentityStandsForTheCredential(t *testing.T) {
	c := fixtureClock()
	for name, tt := range map[string]struct {
		change func(*entrasim.App)
		token  func(*entrasim.Sim) string
		later  time.Duration
		code   float64 // 0: a token
	}{
		"as documented": {},
		"of another issuer": {
			change: func(a *entrasim.App) { a.Federated[0].Issuer = "https://token.example.com" }, code: 700211,
		},
		"for another audience": {
			change: func(a *entrasim.App) { a.Federated[0].Audience = "api://other" }, code: 700212,
		},
		"of another subject": {change: func(a *entrasim.App) { a.Federated[0].Subject = "other" }, code: 700213},
		"of an app without federated credentials": {
			change: func(a *entrasim.App) { a.Federated = nil }, code: 700211,
		},
		"for an API":  {token: func(sim *entrasim.Sim) string { return managedToken(t, sim, webURI) }, code: 700212},
		"of a person": {token: func(sim *entrasim.Sim) string { return minted(t, sim, entrasim.NoFlaw) }, code: 700212},
		"forged": {
			change: func(a *entrasim.App) { a.Federated[0].Audience, a.Federated[0].Subject = webID, objectOf(cliID) },
			token: func(sim *entrasim.Sim) string {
				// What AppOnly is, but for its signature.
				return minted(t, sim, entrasim.AppOnly) + "x"
			},
			code: 700027,
		},
		"expired": {later: 24 * time.Hour, code: 700024},
	} {
		t.Run(name, func(t *testing.T) {
			start := c.now
			defer func() { c.now = start }()
			sim := tenant(t, c, func(o *entrasim.Options) {
				if tt.change != nil {
					tt.change(&o.Apps[0])
				}
			})
			sim.At(host)
			token := managedToken(t, sim, entrasim.TokenExchange)
			if tt.token != nil {
				token = tt.token(sim)
			}
			c.now = c.now.Add(tt.later)
			form := assertionForm(token)
			form.Set("client_id", webID)
			form.Set("scope", entrasim.Graph+"/.default")
			status, _, body := ask(t, sim, tenantID, form)
			if tt.code == 0 {
				claims, err := sim.Verify(body["access_token"].(string))
				if err != nil || claims.AppID != webID || claims.AppIDACR != "2" {
					t.Errorf("%v: %+v", err, claims)
				}
				return
			}
			if status != http.StatusUnauthorized || !cmp.Equal(body["error_codes"], []any{tt.code}) {
				t.Errorf("%d %v, want %v", status, body, tt.code)
			}
		})
	}
}

func TestAPersonStandsForNoCredential(t *testing.T) {
	c := fixtureClock()
	claims, _ := verified(t, tenant(t, c), minted(t, tenant(t, c), entrasim.NoFlaw))
	sim := tenant(t, c, func(o *entrasim.Options) {
		o.Apps[0].Federated = []entrasim.Federated{{Subject: claims["sub"].(string), Audience: webID}}
	})
	sim.At(host)
	form := assertionForm(minted(t, sim, entrasim.NoFlaw))
	form.Set("client_id", webID)
	if _, _, body := ask(t, sim, tenantID, form); !cmp.Equal(body["error_codes"], []any{700229.0}) {
		t.Errorf("%v", body)
	}
}
