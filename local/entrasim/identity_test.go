package entrasim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/local/entrasim"
)

const (
	systemID       = "0a6c7f10-42a8-4e57-8f19-0c6de25a7342"
	userID         = "0a6c7f10-42a8-4e57-8f19-0c6de25a7343"
	identityHeader = "header-of-the-instance"
)

func identitySim(t *testing.T, c *clock, change func(*entrasim.Options)) *entrasim.Sim {
	t.Helper()
	o := entrasim.Options{
		Now:            c.Now,
		IdentityHeader: identityHeader,
		Identities: []entrasim.Identity{
			{
				TenantID: tenantID,
				ClientID: systemID,
				System:   true,
				Roles:    map[string][]string{entrasim.Defender: {"Machine.Isolate"}},
			},
			{TenantID: tenantID, ClientID: userID},
		},
	}
	if change != nil {
		change(&o)
	}
	sim, err := entrasim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

// get asks an identity endpoint.
func get(t *testing.T, h http.Handler, path string, query url.Values,
	headers ...string) (int, http.Header, map[string]any) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://169.254.169.254"+path+"?"+query.Encode(),
		nil)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	var body map[string]any
	if rec.Code != http.StatusNotFound {
		if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
			t.Fatalf("answer %q: %v", rec.Body, err)
		}
	}
	return rec.Code, rec.Header(), body
}

func TestAppServiceGivesTokensToWhoKnowsTheHeader(t *testing.T) {
	c := fixtureClock()
	sim := identitySim(t, c, nil)
	ask := func(client string) map[string]any {
		q := url.Values{"api-version": {"2019-08-01"}, "resource": {entrasim.Defender}}
		if client != "" {
			q.Set("client_id", client)
		}
		status, _, body := get(t, sim.AppService(), "/msi/token", q, "X-IDENTITY-HEADER", identityHeader)
		if status != 200 || body["token_type"] != "Bearer" || body["resource"] != entrasim.Defender {
			t.Fatalf("client %q: %d %v", client, status, body)
		}
		return body
	}
	for client, want := range map[string]string{"": systemID, userID: userID} {
		body := ask(client)
		claims, err := sim.Verify(body["access_token"].(string))
		if err != nil || claims.AppID != want || claims.Audience != entrasim.Defender || claims.AppIDACR != "2" ||
			claims.HasRole("Machine.Isolate") != (want == systemID) {
			t.Errorf("client %q: claims %+v (%v), want those of %s", client, claims, err, want)
		}
		if body["expires_on"] != strconv.FormatInt(c.now.Add(24*time.Hour).Unix(), 10) || body["client_id"] != want {
			t.Errorf("client %q: answer %v", client, body)
		}
	}
}

func TestAppServiceRefusesAsTheRealOneDoes(t *testing.T) {
	sim := identitySim(t, fixtureClock(), nil)
	lonely := identitySim(t, fixtureClock(), func(o *entrasim.Options) { o.Identities = o.Identities[1:] })
	headless := identitySim(t, fixtureClock(), func(o *entrasim.Options) { o.IdentityHeader = "" })
	for _, tt := range []struct {
		name, header, version, resource, client string
		sim                                     *entrasim.Sim
		status                                  int
		says                                    string
	}{
		{"no header", "", "2019-08-01", entrasim.Graph, "", sim, 401, "Unauthorized"},
		{"wrong header", "guess", "2019-08-01", entrasim.Graph, "", sim, 401, "Unauthorized"},
		{"no header where none is set", "", "2019-08-01", entrasim.Graph, "", headless, 401, "Unauthorized"},
		{"old version", identityHeader, "2017-09-01", entrasim.Graph, "", sim, 400, "API version"},
		{"unknown client", identityHeader, "2019-08-01", entrasim.Graph, clientID, sim, 400, "No User Assigned"},
		{
			"no system-assigned identity", identityHeader, "2019-08-01", entrasim.Graph, "", lonely, 400,
			"Unable to load",
		},
		{"unknown resource", identityHeader, "2019-08-01", "https://other.example.com", "", sim, 500, "AAD Token"},
	} {
		q := url.Values{"api-version": {tt.version}, "resource": {tt.resource}, "client_id": {tt.client}}
		status, _, body := get(t, tt.sim.AppService(), "/msi/token", q, "X-IDENTITY-HEADER", tt.header)
		text, _ := body["message"].(string)
		if status != tt.status || body["statusCode"] != float64(tt.status) || !strings.Contains(text, tt.says) ||
			body["access_token"] != nil {
			t.Errorf("%s: %d %v, want %d saying %q", tt.name, status, body, tt.status, tt.says)
		}
	}
	if n := sim.Counts().Issued + lonely.Counts().Issued + headless.Counts().Issued; n != 0 {
		t.Errorf("%d tokens were issued", n)
	}
}

func TestIMDSGivesTokensToWhoSendsTheMetadataHeader(t *testing.T) {
	sim := identitySim(t, fixtureClock(), nil)
	lonely := identitySim(t, fixtureClock(), func(o *entrasim.Options) { o.Identities = o.Identities[1:] })
	two := identitySim(t, fixtureClock(), func(o *entrasim.Options) { o.Identities[0].System = false })
	good := url.Values{"api-version": {"2018-02-01"}, "resource": {entrasim.ServiceBus + "/"}}
	with := func(changes ...string) url.Values {
		q := url.Values{}
		for name, values := range good {
			q[name] = values
		}
		for i := 0; i < len(changes); i += 2 {
			q.Set(changes[i], changes[i+1])
		}
		return q
	}
	for _, tt := range []struct {
		name    string
		sim     *entrasim.Sim
		query   url.Values
		headers []string
		client  string // of the token
		says    string // of the refusal
	}{
		{"system-assigned", sim, good, []string{"Metadata", "true"}, systemID, ""},
		{"user-assigned", sim, with("client_id", userID), []string{"Metadata", "true"}, userID, ""},
		{"the only one", lonely, good, []string{"Metadata", "True"}, userID, ""},
		{
			"one of two that is not named", two, good, []string{"Metadata", "true"}, "",
			"Multiple user assigned identities",
		},
		{"unknown", sim, with("client_id", clientID), []string{"Metadata", "true"}, "", "Identity not found"},
		{"no header", sim, good, nil, "", "metadata header"},
		{"through a proxy", sim, good, []string{"Metadata", "true", "X-Forwarded-For", "10.0.0.1"}, "", "proxy"},
		{"no version", sim, with("api-version", ""), []string{"Metadata", "true"}, "", "version"},
		{"no resource", sim, with("resource", ""), []string{"Metadata", "true"}, "", "'resource' is missing"},
		{
			"unknown resource", sim, with("resource", "https://other.example.com"), []string{"Metadata", "true"}, "",
			"AADSTS500011",
		},
	} {
		status, _, body := get(t, tt.sim.IMDS(), "/metadata/identity/oauth2/token", tt.query, tt.headers...)
		if tt.says != "" {
			text, _ := body["error_description"].(string)
			if status != 400 || !strings.Contains(text, tt.says) {
				t.Errorf("%s: %d %v, want 400 saying %q", tt.name, status, body, tt.says)
			}
			continue
		}
		token, _ := body["access_token"].(string)
		claims, err := tt.sim.Verify(token)
		if status != 200 || err != nil || claims.AppID != tt.client || claims.Audience != entrasim.ServiceBus+"/" ||
			body["expires_in"] != "86400" {
			t.Errorf("%s: %d %v (%v), want a token of %s", tt.name, status, body, err, tt.client)
		}
	}
	if status, _, _ := get(t, sim.IMDS(), "/metadata/instance", good, "Metadata", "true"); status != 404 {
		t.Errorf("another path: %d", status)
	}
}

func TestThePlatformKeepsATokenForHalfOfItsLife(t *testing.T) {
	for _, keep := range []bool{true, false} {
		c := fixtureClock()
		sim := identitySim(t, c, func(o *entrasim.Options) { o.KeepIdentityTokens = keep })
		ask := func() any {
			_, _, body := get(t, sim.IMDS(), "/metadata/identity/oauth2/token",
				url.Values{"api-version": {"2018-02-01"}, "resource": {entrasim.Graph}}, "Metadata", "true")
			return body["access_token"]
		}
		first := ask()
		c.now = c.now.Add(12 * time.Hour)
		second := ask()
		c.now = c.now.Add(time.Second)
		third := ask()
		if (first == second) != keep || third == first {
			t.Errorf("kept %t: the second is the first: %t, the third too: %t", keep, first == second, third == first)
		}
	}
}

func TestIdentityFaultsHitBothEndpointsAndAreCounted(t *testing.T) {
	sim := identitySim(t, fixtureClock(), nil)
	sim.SetIdentityFault(entrasim.Fault{Status: 429, RetryAfter: 9 * time.Second, Times: 2})
	for name, h := range map[string]http.Handler{"App Service": sim.AppService(), "IMDS": sim.IMDS()} {
		status, header, _ := get(t, h, "/metadata/identity/oauth2/token", url.Values{}, "Metadata", "true")
		if status != 429 || header.Get("Retry-After") != "9" {
			t.Errorf("%s: %d, Retry-After %q", name, status, header.Get("Retry-After"))
		}
	}
	if status, _, _ := get(t, sim.IMDS(), "/metadata/identity/oauth2/token",
		url.Values{"api-version": {"2018-02-01"}, "resource": {entrasim.Graph}}, "Metadata", "true"); status != 200 {
		t.Errorf("past the fault: %d", status)
	}
	if got, want := sim.Counts(), (entrasim.Counts{AppService: 1, IMDS: 2, Issued: 1}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}
