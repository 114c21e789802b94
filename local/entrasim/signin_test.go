package entrasim_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/local/entrasim"
)

const (
	host      = "https://login.example.com"
	webID     = "5d0f2c71-3a96-4a0e-b1c8-7e64f0a2d913"
	cliID     = "e4a8b6d0-9c13-4f27-8d52-1b70c3f95e68"
	otherID   = "c07b51e9-64f8-4d3a-9e20-85d1fa36b74c"
	webSecret = "web-secret"
	webURI    = "api://app.example.com/" + webID
	callback  = "https://app.example.com/api/signin/callback"
	operator  = "operator@contoso.com"
	stranger  = "guest@contoso.com"

	managedID = "0a6c7f10-42a8-4e57-8f19-0c6de25a7342"
)

// tenant is a Sim with an API that wants roles, a public client that may use it and one that may not.
func tenant(t *testing.T, c *clock, change ...func(*entrasim.Options)) *entrasim.Sim {
	t.Helper()
	o := entrasim.Options{
		Now: c.Now,
		Apps: []entrasim.App{
			{
				TenantID:     tenantID,
				ClientID:     webID,
				Name:         "Cordon",
				Secret:       webSecret,
				RedirectURIs: []string{callback},
				API: &entrasim.API{
					URI:                webURI,
					Scopes:             []string{"Cordon.Use"},
					Roles:              []string{"Cordon.Reader", "Cordon.Operator"},
					PreAuthorized:      []string{cliID},
					AssignmentRequired: true,
				},
				Federated: []entrasim.Federated{{Subject: objectOf(managedID), Audience: entrasim.TokenExchange}},
			},
			{TenantID: tenantID, ClientID: cliID, Public: true, RedirectURIs: []string{"http://localhost"}},
			{TenantID: tenantID, ClientID: otherID, Public: true, RedirectURIs: []string{"http://127.0.0.1/back"}},
			{
				TenantID: tenantID,
				ClientID: clientID,
				Secret:   secret,
				Roles:    map[string][]string{webURI: {"Cordon.Reader"}},
			},
		},
		People: []entrasim.Person{
			{
				TenantID: tenantID,
				Username: operator,
				Name:     "Operator",
				Roles:    map[string][]string{webID: {"Cordon.Operator"}},
			},
			{TenantID: tenantID, Username: stranger, Name: "Guest"},
		},
		Identities:     []entrasim.Identity{{TenantID: tenantID, ClientID: managedID, System: true}},
		IdentityHeader: "header",
	}
	for _, f := range change {
		f(&o)
	}
	sim, err := entrasim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

// objectOf is the object id of the service principal of an app of the tenant.
func objectOf(clientID string) string { return entrasim.PrincipalID(tenantID, clientID) }

// serveRequest asks the Sim without a network.
func serveRequest(sim http.Handler, method, address string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, r)
	return w
}

// verifier is PKCE's, with the challenge that belongs to it.
const verifier = "a-verifier-that-is-long-enough-for-the-rules-of-pkce"

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func authorizeQuery() url.Values {
	return url.Values{
		"client_id":             {cliID},
		"response_type":         {"code"},
		"redirect_uri":          {"http://localhost:4711"},
		"scope":                 {webURI + "/Cordon.Use openid profile offline_access"},
		"state":                 {"st/ate"},
		"nonce":                 {"nonce-1"},
		"code_challenge":        {challenge()},
		"code_challenge_method": {"S256"},
	}
}

func redeemForm(code string) url.Values {
	return url.Values{
		"grant_type":    {"authorization_code"},
		"client_id":     {cliID},
		"code":          {code},
		"redirect_uri":  {"http://localhost:4711"},
		"code_verifier": {verifier},
		"client_info":   {"1"},
	}
}

// answered is what the browser brings back to the client.
func answered(t *testing.T, sim *entrasim.Sim, query url.Values, username string) url.Values {
	t.Helper()
	w := serveRequest(sim, http.MethodPost, host+"/"+tenantID+"/oauth2/v2.0/authorize?"+query.Encode(),
		url.Values{"person": {username}})
	back, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound {
		t.Fatalf("%d %q %v: %s", w.Code, w.Header().Get("Location"), err, w.Body)
	}
	return back.Query()
}

// signedIn redeems a code of the operator's.
func signedIn(t *testing.T, sim *entrasim.Sim) map[string]any {
	t.Helper()
	code := answered(t, sim, authorizeQuery(), operator).Get("code")
	status, _, body := ask(t, sim, tenantID, redeemForm(code))
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, body)
	}
	return body
}

// publishedKeys fetches the keys as an API does.
func publishedKeys(t *testing.T, sim *entrasim.Sim, authority string) (all []map[string]string) {
	t.Helper()
	var set struct{ Keys []map[string]string }
	w := serveRequest(sim, http.MethodGet, authority+"/discovery/v2.0/keys", nil)
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return set.Keys
}

func publicKeys(t *testing.T, sim *entrasim.Sim, authority string) (all []*rsa.PublicKey) {
	t.Helper()
	for _, key := range publishedKeys(t, sim, authority) {
		n, errN := base64.RawURLEncoding.DecodeString(key["n"])
		e, errE := base64.RawURLEncoding.DecodeString(key["e"])
		if errN != nil || errE != nil || key["kty"] != "RSA" || key["use"] != "sig" ||
			key["issuer"] != authority+"/v2.0" {
			t.Fatalf("key %v", key)
		}
		all = append(all, &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())})
	}
	return all
}

func verified(t *testing.T, sim *entrasim.Sim, token string) (claims map[string]any, ok bool) {
	t.Helper()
	return verifiedAt(t, sim, host+"/"+tenantID, token)
}

// verifiedAt reads a token and says whether a published key signed it, as an API finds out.
func verifiedAt(t *testing.T, sim *entrasim.Sim, authority, token string) (claims map[string]any, ok bool) {
	t.Helper()
	parts := strings.Split(token, ".")
	var header map[string]string
	for i, into := range []any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	public := publicKeys(t, sim, authority)
	for i, key := range publishedKeys(t, sim, authority) {
		ok = ok || key["kid"] == header["kid"] && header["alg"] == "RS256" &&
			rsa.VerifyPKCS1v15(public[i], crypto.SHA256, sum[:], signature) == nil
	}
	return claims, ok
}

func TestTokensOfAPersonHaveTheClaimsOfRealOnes(t *testing.T) {
	sim := tenant(t, fixtureClock())
	answer := signedIn(t, sim)
	if answer["scope"] != webURI+"/Cordon.Use openid profile" || answer["refresh_token"] == "" {
		t.Errorf("answer %v", answer)
	}
	info, err := base64.RawURLEncoding.DecodeString(answer["client_info"].(string))
	if err != nil || !strings.Contains(string(info), `"utid":"`+tenantID+`"`) {
		t.Errorf("client_info %s (%v)", info, err)
	}
	now := fixtureClock().now.Unix()
	shared := map[string]any{
		"iss":                host + "/" + tenantID + "/v2.0",
		"iat":                float64(now - 300),
		"nbf":                float64(now - 300),
		"exp":                float64(now + 3600),
		"name":               "Operator",
		"preferred_username": operator,
		"tid":                tenantID,
		"ver":                "2.0",
	}
	for name, want := range map[string]map[string]any{
		"access_token": {
			"aud":    webID,
			"azp":    cliID,
			"azpacr": "0",
			"scp":    "Cordon.Use",
			"roles":  []any{"Cordon.Operator"},
		},
		"id_token": {"aud": cliID, "nonce": "nonce-1"},
	} {
		for key, value := range shared {
			want[key] = value
		}
		got, ok := verified(t, sim, answer[name].(string))
		for _, own := range []string{"oid", "sub", "uti"} {
			if got[own] == "" {
				t.Errorf("%s has no %s", name, own)
			}
			delete(got, own)
		}
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s, signed right %t (-want +got):\n%s", name, ok, diff)
		}
	}
}

func TestTheSubjectDiffersFromAppToAppAndTheObjectIDDoesNot(t *testing.T) {
	sim := tenant(t, fixtureClock())
	answer := signedIn(t, sim)
	access, _ := verified(t, sim, answer["access_token"].(string))
	id, _ := verified(t, sim, answer["id_token"].(string))
	if access["sub"] == id["sub"] || access["oid"] != id["oid"] {
		t.Errorf("access %v %v, id %v %v", access["sub"], access["oid"], id["sub"], id["oid"])
	}
}

func TestAnAppsTokenForTheAPIIsOfVersionTwoAndHasNoScope(t *testing.T) {
	sim := tenant(t, fixtureClock())
	for _, resource := range []string{webURI, webID} {
		form := goodForm()
		form.Set("scope", resource+"/.default")
		claims, ok := verified(t, sim, issued(t, sim, form))
		if !ok || claims["ver"] != "2.0" || claims["aud"] != webID || claims["azp"] != clientID ||
			claims["azpacr"] != "1" || claims["scp"] != nil || claims["idtyp"] != nil || claims["appid"] != nil ||
			!cmp.Equal(claims["roles"], []any{"Cordon.Reader"}) {
			t.Errorf("%s: %t %v", resource, ok, claims)
		}
	}
}

func TestARotatedKeySignsAndTheOldOneIsBelievedUntilItIsRetired(t *testing.T) {
	sim := tenant(t, fixtureClock())
	old := issued(t, sim, goodForm())
	sim.Rotate()
	fresh := issued(t, sim, goodForm())
	if old[:strings.Index(old, ".")] == fresh[:strings.Index(fresh, ".")] {
		t.Error("both name one key")
	}
	for name, token := range map[string]string{"old": old, "fresh": fresh} {
		_, err := sim.Verify(token)
		if _, ok := verified(t, sim, token); !ok || err != nil {
			t.Errorf("%s: published %t, %v", name, ok, err)
		}
	}
	sim.RetireKeys()
	if _, ok := verified(t, sim, old); ok {
		t.Error("the old key is still published")
	}
	if _, err := sim.Verify(old); err == nil {
		t.Error("a token by the old key is still believed")
	}
	if _, ok := verified(t, sim, fresh); !ok {
		t.Error("the fresh key is gone")
	}
}

func TestRolesAreReadAnewWhenATokenIsRefreshed(t *testing.T) {
	sim := tenant(t, fixtureClock())
	answer := signedIn(t, sim)
	refresh := func() (int, map[string]any) {
		t.Helper()
		status, _, body := ask(t, sim, tenantID, url.Values{
			"grant_type":    {"refresh_token"},
			"client_id":     {cliID},
			"refresh_token": {answer["refresh_token"].(string)},
			"scope":         {webURI + "/.default openid offline_access"},
		})
		return status, body
	}
	roles := func(names ...string) {
		t.Helper()
		if err := sim.SetRoles(operator, webID, names...); err != nil {
			t.Fatal(err)
		}
	}
	roles("Cordon.Reader")
	status, body := refresh()
	if status != http.StatusOK || body["refresh_token"] == answer["refresh_token"] || body["id_token"] == "" {
		t.Fatalf("%d %v", status, body)
	}
	claims, _ := verified(t, sim, body["access_token"].(string))
	if !cmp.Equal(claims["roles"], []any{"Cordon.Reader"}) || claims["scp"] != "Cordon.Use" {
		t.Errorf("roles %v, scp %v", claims["roles"], claims["scp"])
	}
	roles()
	if _, body := refresh(); !cmp.Equal(body["error_codes"], []any{50105.0}) || body["error"] != "invalid_grant" {
		t.Errorf("without a role: %v", body)
	}
	roles("Cordon.Reader")
	if err := sim.SetDisabled(operator, true); err != nil {
		t.Fatal(err)
	}
	if _, body := refresh(); !cmp.Equal(body["error_codes"], []any{50057.0}) {
		t.Errorf("disabled: %v", body)
	}
	if err := sim.SetDisabled(operator, false); err != nil {
		t.Fatal(err)
	}
	if status, body := refresh(); status != http.StatusOK {
		t.Errorf("enabled again: %v", body)
	}
	if sim.SetRoles("nobody@contoso.com", webID) == nil || sim.SetDisabled("nobody@contoso.com", true) == nil {
		t.Error("there is nobody of that name")
	}
}

func TestARefreshTokenIsOfItsClientAndEnds(t *testing.T) {
	c := fixtureClock()
	sim := tenant(t, c)
	token, _ := signedIn(t, sim)["refresh_token"].(string)
	for name, tt := range map[string]struct {
		client, token string
		later         time.Duration
		code          float64 // 0: tokens
	}{
		"as documented":     {cliID, token, 0, 0},
		"weeks later":       {cliID, token, 80 * 24 * time.Hour, 0},
		"months later":      {cliID, token, 90 * 24 * time.Hour, 70008},
		"of another client": {otherID, token, 0, 70000},
		"of nobody":         {cliID, "other", 0, 70000},
		"none":              {cliID, "", 0, 900144},
	} {
		start := c.now
		c.now = c.now.Add(tt.later)
		status, _, body := ask(t, sim, tenantID, url.Values{
			"grant_type":    {"refresh_token"},
			"client_id":     {tt.client},
			"refresh_token": {tt.token},
		})
		c.now = start
		if codes := body["error_codes"]; (status == http.StatusOK) != (tt.code == 0) ||
			tt.code != 0 && !cmp.Equal(codes, []any{tt.code}) {
			t.Errorf("%s: %d %v, want %v", name, status, body, tt.code)
		}
	}
}

func TestAPublicClientIsNothingByItself(t *testing.T) {
	status, _, body := ask(t, tenant(t, fixtureClock()), tenantID, url.Values{
		"grant_type": {"client_credentials"},
		"client_id":  {cliID},
		"scope":      {webURI + "/.default"},
	})
	if status != http.StatusUnauthorized || !cmp.Equal(body["error_codes"], []any{7000218.0}) {
		t.Errorf("%d %v", status, body)
	}
}

func TestTheMetadataNamesEveryEndpoint(t *testing.T) {
	sim := tenant(t, fixtureClock())
	sim.At("https://127.0.0.1:8443/") // wherever it is asked
	got := decoded(t, serveRequest(sim, http.MethodGet, host+"/"+tenantID+"/v2.0/.well-known/openid-configuration", nil))
	const at = "https://127.0.0.1:8443/" + tenantID
	for name, want := range map[string]any{
		"issuer":                                at + "/v2.0",
		"jwks_uri":                              at + "/discovery/v2.0/keys",
		"authorization_endpoint":                at + "/oauth2/v2.0/authorize",
		"token_endpoint":                        at + "/oauth2/v2.0/token",
		"device_authorization_endpoint":         at + "/oauth2/v2.0/devicecode",
		"id_token_signing_alg_values_supported": []any{"RS256"},
	} {
		if !cmp.Equal(got[name], want) {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

func TestATenantThatIsNotThereHasNothing(t *testing.T) {
	sim := tenant(t, fixtureClock())
	for _, tt := range []struct{ method, path string }{
		{http.MethodGet, "/discovery/v2.0/keys"},
		{http.MethodGet, "/v2.0/.well-known/openid-configuration"},
		{http.MethodGet, "/oauth2/v2.0/authorize?" + authorizeQuery().Encode()},
		{http.MethodPost, "/oauth2/v2.0/devicecode"},
		{http.MethodPost, "/oauth2/v2.0/token"},
	} {
		w := serveRequest(sim, tt.method, host+"/other"+tt.path, url.Values{"client_id": {cliID}})
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "AADSTS90002") {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, w.Code, w.Body)
		}
	}
}
