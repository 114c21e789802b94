package entrasim_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/local/entrasim"
)

const (
	tenantID = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"
	clientID = "b71d9c3e-42a8-4e57-8f19-0c6de25a7341"
	secret   = "app-secret"
)

// clock is a clock that stands still until it is set.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newSim(t *testing.T, c *clock) *entrasim.Sim {
	t.Helper()
	sim, err := entrasim.New(entrasim.Options{
		Now:       c.Now,
		RefreshIn: 30 * time.Minute,
		Apps: []entrasim.App{{
			TenantID:      tenantID,
			ClientID:      clientID,
			Secret:        secret,
			SecretExpires: c.now.Add(24 * time.Hour),
			Roles: map[string][]string{
				entrasim.Defender: {
					"Alert.ReadWrite.All", "Machine.Read.All", "Machine.Isolate", "Machine.Scan",
					"AdvancedQuery.Read.All",
				},
				"api://own": {"Own.Role"},
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

func fixtureClock() *clock { return &clock{time.Unix(1763459300, 0)} }

func goodForm() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret},
		"scope": {entrasim.Defender + "/.default openid offline_access profile"},
	}
}

// ask sends a token request and decodes the answer.
func ask(t *testing.T, sim *entrasim.Sim, tenant string, form url.Values) (int, http.Header, map[string]any) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, "https://login.example.com/"+tenant+"/oauth2/v2.0/token",
		strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	sim.ServeHTTP(rec, req)
	return rec.Code, rec.Header(), decoded(t, rec)
}

func decoded(t *testing.T, rec *httptest.ResponseRecorder) (body map[string]any) {
	t.Helper()
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
		t.Fatalf("answer %q: %v", rec.Body, err)
	}
	return body
}

func issued(t *testing.T, sim *entrasim.Sim, form url.Values) string {
	t.Helper()
	status, _, body := ask(t, sim, tenantID, form)
	token, _ := body["access_token"].(string)
	if status != 200 || token == "" {
		t.Fatalf("status %d, answer %v", status, body)
	}
	return token
}

func TestTokenHasTheClaimsOfARealOne(t *testing.T) {
	raw, err := os.ReadFile("testdata/token_claims_mde.json")
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(issued(t, newSim(t, fixtureClock()), goodForm()),
		".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	if got["oid"] == "" || got["oid"] != got["sub"] || got["uti"] == "" {
		t.Errorf("oid %v, sub %v, uti %v", got["oid"], got["sub"], got["uti"])
	}
	for _, own := range []string{"oid", "sub", "uti"} {
		delete(want, own)
		delete(got, own)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-sample +issued):\n%s", diff)
	}
}

func TestAnswerNamesTheTimes(t *testing.T) {
	_, _, body := ask(t, newSim(t, fixtureClock()), tenantID, goodForm())
	delete(body, "access_token")
	want := map[string]any{"token_type": "Bearer", "expires_in": 3600.0, "ext_expires_in": 3600.0, "refresh_in": 1800.0}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestScopeDecidesAudienceAndRoles(t *testing.T) {
	sim := newSim(t, fixtureClock())
	tests := []struct {
		scope, audience string
		roles           []string
	}{
		{"https://servicebus.azure.net//.default openid offline_access profile", "https://servicebus.azure.net/", nil},
		{"https://servicebus.azure.net/.default", "https://servicebus.azure.net", nil},
		{"https://graph.microsoft.com/.default", "https://graph.microsoft.com", nil},
		{"api://own/.default openid", "api://own", []string{"Own.Role"}},
		{"api://own//.default", "api://own/", []string{"Own.Role"}},
	}
	for _, tt := range tests {
		form := goodForm()
		form.Set("scope", tt.scope)
		claims, err := sim.Verify(issued(t, sim, form))
		if err != nil || claims.Audience != tt.audience || !slices.Equal(claims.Roles, tt.roles) {
			t.Errorf("scope %q: audience %q, roles %v (%v), want %q, %v", tt.scope, claims.Audience, claims.Roles, err,
				tt.audience, tt.roles)
		}
	}
}

func TestRefusalsAreThoseOfTheRealAuthority(t *testing.T) {
	tests := []struct {
		name   string
		tenant string
		change func(url.Values)
		later  time.Duration
		status int
		oauth  string
		code   float64
	}{
		{
			name:   "wrong secret",
			change: set("client_secret", "other"),
			status: 401,
			oauth:  "invalid_client",
			code:   7000215,
		},
		{name: "no secret", change: set("client_secret", ""), status: 401, oauth: "invalid_client", code: 7000218},
		{name: "expired secret", later: 24 * time.Hour, status: 401, oauth: "invalid_client", code: 7000222},
		{
			name:   "unknown app",
			change: set("client_id", "other"),
			status: 400,
			oauth:  "unauthorized_client",
			code:   700016,
		},
		{name: "unknown tenant", tenant: "other", status: 400, oauth: "invalid_tenant", code: 90002},
		{
			name:   "unknown resource",
			change: set("scope", "https://other.example.com/.default"),
			status: 400,
			oauth:  "invalid_resource",
			code:   500011,
		},
		{
			name:   "no default scope",
			change: set("scope", "https://graph.microsoft.com/Mail.Send"),
			status: 400,
			oauth:  "invalid_scope",
			code:   1002012,
		},
		{
			name:   "other grant",
			change: set("grant_type", "password"),
			status: 400,
			oauth:  "unsupported_grant_type",
			code:   70003,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, form, tenant := fixtureClock(), goodForm(), tenantID
			sim := newSim(t, c)
			if tt.change != nil {
				tt.change(form)
			}
			if tt.tenant != "" {
				tenant = tt.tenant
			}
			c.now = c.now.Add(tt.later)
			status, _, body := ask(t, sim, tenant, form)
			if status != tt.status || body["error"] != tt.oauth || !cmp.Equal(body["error_codes"], []any{tt.code}) {
				t.Errorf("got %d %v %v, want %d %s %v", status, body["error"], body["error_codes"], tt.status, tt.oauth,
					tt.code)
			}
			text, _ := body["error_description"].(string)
			if !strings.HasPrefix(text, "AADSTS") || strings.Contains(text, secret) {
				t.Errorf("description %q", text)
			}
			if sim.Counts().Issued != 0 {
				t.Error("a token was counted as issued")
			}
		})
	}
}

func TestVerifyTakesOnlyValidTokensOfThisAuthority(t *testing.T) {
	c := fixtureClock()
	sim, other := newSim(t, c), newSim(t, c)
	token := issued(t, sim, goodForm())
	parts := strings.Split(token, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"https://api.securitycenter.microsoft.com",` +
		`"exp":9999999999}`))
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"none"}`))
	tests := []struct {
		name  string
		token string
		at    time.Duration
		want  error
	}{
		{"valid", token, 0, nil},
		{"valid to the last second", token, time.Hour - time.Second, nil},
		{"expired", token, time.Hour, entrasim.ErrExpired},
		{"not yet valid", token, -6 * time.Minute, entrasim.ErrExpired},
		{"of another authority", issued(t, other, goodForm()), 0, entrasim.ErrSignature},
		{"other payload", parts[0] + "." + forged + "." + parts[2], 0, entrasim.ErrSignature},
		{"unsigned", none + "." + parts[1] + ".", 0, entrasim.ErrMalformed},
		{"cut off", parts[0] + "." + parts[1], 0, entrasim.ErrMalformed},
		{"broken signature", parts[0] + "." + parts[1] + ".%", 0, entrasim.ErrMalformed},
		{"empty", "", 0, entrasim.ErrMalformed},
		{"opaque", "opaque", 0, entrasim.ErrMalformed},
	}
	start := c.now
	for _, tt := range tests {
		c.now = start.Add(tt.at)
		claims, err := sim.Verify(tt.token)
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if (claims.AppID == clientID) != (tt.want == nil) {
			t.Errorf("%s: claims %+v", tt.name, claims)
		}
	}
}

func TestTokensDiffer(t *testing.T) {
	sim := newSim(t, fixtureClock())
	first, second := issued(t, sim, goodForm()), issued(t, sim, goodForm())
	if first == second {
		t.Error("two requests got one token")
	}
}

func TestFaultsHitAsOftenAsTold(t *testing.T) {
	sim := newSim(t, fixtureClock())
	sim.SetFault(entrasim.Fault{Status: 429, RetryAfter: 17 * time.Second, Times: 2})
	var got []int
	for range 3 {
		status, header, _ := ask(t, sim, tenantID, goodForm())
		got = append(got, status)
		if after := header.Get("Retry-After"); (after == "17") != (status == 429) {
			t.Errorf("status %d with Retry-After %q", status, after)
		}
	}
	sim.SetFault(entrasim.Fault{Status: 503})
	for range 2 {
		status, _, _ := ask(t, sim, tenantID, goodForm())
		got = append(got, status)
	}
	sim.SetFault(entrasim.Fault{})
	status, _, _ := ask(t, sim, tenantID, goodForm())
	if diff := cmp.Diff([]int{429, 429, 200, 503, 503, 200}, append(got, status)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(entrasim.Counts{Token: 6, Issued: 2}, sim.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestOnlyClaimsOfAChallengeAreCounted(t *testing.T) {
	sim := newSim(t, fixtureClock())
	for _, claims := range []string{"", "{", `{"access_token":{"xms_cc":{"values":["cp1"]}}}`,
		`{"access_token":{"xms_cc":{"values":["cp1"]},"nbf":{"essential":true,"value":"1"}}}`} {
		form := goodForm()
		form.Set("claims", claims)
		issued(t, sim, form)
	}
	if got := sim.Counts().Claims; got != 1 {
		t.Errorf("counted %d, want 1", got)
	}
}

func TestDiscoveryPointsBackAtTheHostThatWasAsked(t *testing.T) {
	sim := newSim(t, fixtureClock())
	for tenant, want := range map[string]int{tenantID: 200, "other": 400} {
		rec := httptest.NewRecorder()
		sim.ServeHTTP(rec,
			httptest.NewRequest(http.MethodGet,
				"https://127.0.0.1:8443/"+tenant+"/v2.0/.well-known/openid-configuration", nil))
		body, _ := io.ReadAll(rec.Body)
		if rec.Code != want {
			t.Errorf("tenant %s: %d, want %d", tenant, rec.Code, want)
		}
		if want == 200 &&
			!strings.Contains(string(body),
				`"token_endpoint":"https://127.0.0.1:8443/`+tenantID+`/oauth2/v2.0/token"`) {
			t.Errorf("answer %s", body)
		}
	}
}

func TestNewRefusesIncompleteApps(t *testing.T) {
	for name, apps := range map[string][]entrasim.App{
		"none": nil, "no secret": {{TenantID: tenantID, ClientID: clientID}},
		"no tenant": {{ClientID: clientID, Secret: secret}}, "no client": {{TenantID: tenantID, Secret: secret}},
	} {
		if _, err := entrasim.New(entrasim.Options{Apps: apps}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, id := range map[string]entrasim.Identity{
		"identity without a tenant": {ClientID: clientID},
		"identity without an id":    {TenantID: tenantID},
	} {
		if _, err := entrasim.New(entrasim.Options{Identities: []entrasim.Identity{id}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// BenchmarkVerify is what every request to a stand-in of an API costs.
func BenchmarkVerify(b *testing.B) {
	sim, err := entrasim.New(entrasim.Options{
		Apps:   []entrasim.App{{TenantID: tenantID, ClientID: clientID, Public: true, API: &entrasim.API{URI: "api://x"}}},
		People: []entrasim.Person{{TenantID: tenantID, Username: "reader@contoso.com"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	token, err := sim.TokenFor(entrasim.Want{Username: "reader@contoso.com", Client: clientID, API: clientID})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := sim.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	sim, err := entrasim.New(entrasim.Options{Apps: []entrasim.App{{
		TenantID: tenantID,
		ClientID: clientID,
		Secret:   secret,
	}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		if claims, err := sim.Verify(token); err == nil {
			t.Errorf("Verify(%q) = %+v, and the key is secret", token, claims)
		}
	})
}
