package signin

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"cordon/handler/operate/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func TestATokenOfThisAppSaysWhoAsks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change set
		want   Person
	}{
		"a person": {nil, Person{
			Name: "duty@example.com", ObjectID: personID, Tenant: tenantID,
			Roles: []wire.Role{wire.Operator}, Client: cliID, Until: at.Add(time.Hour),
		}},
		"an app by its claim": {set{"scp": nil, "idtyp": "app", "sub": personID}, Person{
			Name: cliID, ObjectID: personID, Tenant: tenantID,
			Roles: []wire.Role{wire.Operator}, App: true, Client: cliID, Until: at.Add(time.Hour),
		}},
		"an app without the claim": {set{"scp": nil, "sub": personID}, Person{
			Name: cliID, ObjectID: personID, Tenant: tenantID,
			Roles: []wire.Role{wire.Operator}, App: true, Client: cliID, Until: at.Add(time.Hour),
		}},
		"a person with a name that plays tricks": {
			set{"preferred_username": "a\u202eb\x00c\n" + strings.Repeat("d", 300), "oid": strings.ToUpper(personID)},
			Person{
				Name: "ab c " + strings.Repeat("d", 194) + "…", ObjectID: personID, Tenant: tenantID,
				Roles: []wire.Role{wire.Operator}, Client: cliID, Until: at.Add(time.Hour),
			},
		},
		"a person without a name": {set{"preferred_username": nil, "name": " "}, Person{
			Name: personID, ObjectID: personID, Tenant: tenantID,
			Roles: []wire.Role{wire.Operator}, Client: cliID, Until: at.Add(time.Hour),
		}},
	} {
		now := &clock{at: at}
		v := verifier(newAuthority(t), now, io.Discard)
		got, err := bearer(t.Context(), v, signed(testKeys(t)[0], rs256, claimsOf(at, c.change)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// refusal is what a token is answered with. Silent: without a call to anybody.
type refusal struct {
	status int
	code   string
	silent bool
}

// TestEveryOtherTokenIsRefused has each way in which a token can be wrong.
func TestEveryOtherTokenIsRefused(t *testing.T) {
	t.Parallel()
	key, other := testKeys(t)[0], testKeys(t)[1]
	of := func(changes ...set) string { return signed(key, rs256, claimsOf(at, changes...)) }
	whole := of()
	parts := strings.Split(whole, ".")
	for name, c := range map[string]struct {
		token string
		want  refusal
	}{
		"none at all":       {"", refusal{401, "malformed", true}},
		"no token":          {"abc", refusal{401, "malformed", true}},
		"not JSON":          {"e30.abc.e30", refusal{401, "malformed", true}},
		"five parts":        {whole + ".e30.e30", refusal{401, "malformed", true}},
		"with blanks":       {whole + " ", refusal{401, "malformed", true}},
		"two in one header": {whole + ", Bearer " + whole, refusal{401, "malformed", true}},
		"a hundred kilobytes": {
			parts[0] + "." + parts[1] + strings.Repeat("A", 100<<10) + "." + parts[2], refusal{401, "too_long", true},
		},
		"deeply nested": {signed(key, rs256, strings.Repeat(`{"a":`, 1000)+"1"+strings.Repeat("}", 1000)),
			refusal{401, "wrong_version", true}},
		"a name twice": {
			signed(key, rs256, `{"aud":"x","aud":"`+clientID+`"}`), refusal{401, "malformed", true},
		},
		"names in other letters": {
			signed(key, rs256, `{"VER":"2.0","TID":"`+tenantID+`"}`), refusal{401, "wrong_version", true},
		},
		"another spelling of the signature": {respelled(whole), refusal{401, "malformed", true}},
		"padded base64": {
			parts[0] + "=." + parts[1] + "." + parts[2], refusal{401, "malformed", true},
		},

		"alg none": {
			segment(set{"alg": "none", "kid": "first"}) + "." + parts[1] + ".", refusal{401, "wrong_algorithm", true},
		},
		"alg none and no key": {
			segment(set{"alg": "none"}) + "." + parts[1] + ".", refusal{401, "wrong_algorithm", true},
		},
		"alg NONE with the signature": {
			segment(set{"alg": "NonE", "kid": "first"}) + "." + parts[1] + "." + parts[2],
			refusal{401, "wrong_algorithm", true},
		},
		"signed with the public key as a password": {byPublicKey(t, parts[1]), refusal{401, "wrong_algorithm", true}},
		"RS512": {
			signed(key, set{"alg": "RS512", "kid": "first"}, claimsOf(at)), refusal{401, "wrong_algorithm", true},
		},
		"no key id": {signed(key, set{"alg": "RS256"}, claimsOf(at)), refusal{401, "malformed", true}},

		"of version 1": {
			of(set{"ver": "1.0", "iss": "https://sts.windows.net/" + tenantID + "/", "aud": "api://x/" + clientID}),
			refusal{401, "wrong_version", true},
		},
		"without a version": {of(set{"ver": nil}), refusal{401, "wrong_version", true}},
		"of another tenant": {
			of(set{"tid": personID, "iss": authorityURL + "/" + personID + "/v2.0"}),
			refusal{401, "other_tenant", true},
		},
		"of another tenant that names ours": {of(set{"tid": personID}), refusal{401, "other_tenant", true}},
		"of another authority": {
			of(set{"iss": "https://login.example.com/" + tenantID + "/v2.0"}), refusal{401, "wrong_issuer", true},
		},
		"of an issuer with a slash too many": {of(set{"iss": issuer + "/"}), refusal{401, "wrong_issuer", true}},
		"for Graph": {
			of(set{"aud": "00000003-0000-0000-c000-000000000000"}), refusal{401, "wrong_audience", true},
		},
		"for the command line": {of(set{"aud": cliID}), refusal{401, "wrong_audience", true}},
		"for several":          {of(set{"aud": []string{clientID, cliID}}), refusal{401, "malformed", true}},
		"for nobody":           {of(set{"aud": nil}), refusal{401, "wrong_audience", true}},

		"expired":             {of(set{"exp": at.Unix() - 120}), refusal{401, "expired", true}},
		"not yet valid":       {of(set{"nbf": at.Unix() + 121}), refusal{401, "not_yet", true}},
		"of the future":       {of(set{"iat": at.Unix() + 121}), refusal{401, "not_yet", true}},
		"without an end":      {of(set{"exp": nil}), refusal{401, "malformed", true}},
		"without a start":     {of(set{"nbf": nil}), refusal{401, "malformed", true}},
		"with a time as text": {of(set{"exp": "9999999999"}), refusal{401, "malformed", true}},

		"an id token":               {of(set{"azp": nil, "scp": nil, "nonce": "n"}), refusal{401, "id_token", true}},
		"an id token without nonce": {of(set{"azp": nil, "scp": nil}), refusal{401, "id_token", true}},
		"an id token with a client": {of(set{"scp": nil, "nonce": "n"}), refusal{401, "id_token", true}},
		"an id token of an app's id": {
			of(set{"azp": nil, "scp": nil, "sub": personID}), refusal{401, "id_token", true},
		},
		"without a scope":    {of(set{"scp": nil}), refusal{401, "no_scope", true}},
		"with another scope": {of(set{"scp": "User.Read Cordon.User"}), refusal{401, "no_scope", true}},
		"a person's that says user": {
			of(set{"scp": nil, "idtyp": "user", "sub": personID}), refusal{401, "no_scope", true},
		},
		"an app's with a scope": {of(set{"idtyp": "app"}), refusal{401, "malformed", true}},
		"without an object id":  {of(set{"oid": nil}), refusal{401, "malformed", true}},
		"with an odd object id": {of(set{"oid": "x' or 1 eq 1"}), refusal{401, "malformed", true}},
		"without a role":        {of(set{"roles": nil}), refusal{403, "no_role", true}},
		"with other roles": {
			of(set{"roles": []string{"Operator", "cordon.operator", "Cordon.Operator "}}),
			refusal{403, "no_role", true},
		},
		"an app's without a role": {
			of(set{"scp": nil, "idtyp": "app", "roles": nil}), refusal{403, "no_role", true},
		},

		"signed with another key": {signed(other, rs256, claimsOf(at)), refusal{401, "bad_signature", false}},
		"of a key that nobody has": {
			signed(other, set{"alg": "RS256", "kid": "second"}, claimsOf(at)), refusal{401, "bad_signature", false},
		},
		"with a key of its own": {
			signed(other, set{
				"alg": "RS256", "kid": "own", "jku": "https://evil.example.com/keys",
				"jwk": set{"kty": "RSA", "kid": "own", "e": "AQAB", "n": parts[2]},
			}, claimsOf(at)),
			refusal{401, "bad_signature", false},
		},
		"with a critical header": {
			signed(key, set{"alg": "RS256", "kid": "first", "crit": []string{"b64"}, "b64": false}, claimsOf(at)),
			refusal{401, "malformed", true},
		},
		"changed after it was signed": {
			parts[0] + "." + segment(claimsOf(at, set{"roles": []string{"Cordon.Approver"}})) + "." + parts[2],
			refusal{401, "bad_signature", false},
		},
		"without its signature": {parts[0] + "." + parts[1] + ".", refusal{401, "wrong_algorithm", true}},
	} {
		now := &clock{at: at}
		a := newAuthority(t)
		var log bytes.Buffer
		who, err := bearer(t.Context(), verifier(a, now, &log), c.token)
		var problem *wire.Problem
		if !errors.As(err, &problem) {
			t.Errorf("%s: %+v, %v", name, who, err)
			continue
		}
		if got := (refusal{problem.Status, problem.Code, a.requests() == 0}); got != c.want || who.ObjectID != "" {
			t.Errorf("%s: %+v, want %+v; %+v", name, got, c.want, who)
		}
		if problem.Detail == "" || problem.Title != http.StatusText(problem.Status) || problem.Type != "about:blank" {
			t.Errorf("%s: %+v", name, problem)
		}
		if parts := strings.Split(c.token, "."); len(parts) == 3 && len(parts[1]) > 10 &&
			strings.Contains(log.String(), parts[1][:10]) || !strings.Contains(log.String(), `"WARN"`) {
			t.Errorf("%s: the log says %s", name, log.String())
		}
	}
}

// respelled is a token whose last character has bits that mean nothing, and are not zero as they should be.
func respelled(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])+1])
}

// byPublicKey is the forgery for verifiers that take the algorithm from the token.
func byPublicKey(t *testing.T, claims string) string {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(&testKeys(t)[0].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := segment(set{"alg": "HS256", "kid": "first"}) + "." + claims
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestClocksMayDifferALittle(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]set{
		"just expired":   {"exp": at.Unix() - 119},
		"just not valid": {"nbf": at.Unix() + 120, "iat": at.Unix() + 120},
	} {
		now := &clock{at: at}
		if _, err := bearer(t.Context(), verifier(newAuthority(t), now, io.Discard),
			signed(testKeys(t)[0], rs256, claimsOf(at, change))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOnlyOneBearerTokenInItsHeaderProvesAnybody has what else claims to be somebody.
func TestOnlyOneBearerTokenInItsHeaderProvesAnybody(t *testing.T) {
	t.Parallel()
	token := "Bearer " + signed(testKeys(t)[0], rs256, claimsOf(at))
	for name, c := range map[string]struct {
		from http.Header
		code string
	}{
		"nothing":         {http.Header{}, "not_signed_in"},
		"an empty header": {http.Header{"Authorization": {""}}, "not_bearer"},
		"two tokens":      {http.Header{"Authorization": {token, token}}, "several_tokens"},
		"another scheme":  {http.Header{"Authorization": {strings.Replace(token, "Bearer", "Basic", 1)}}, "not_bearer"},
		"no scheme":       {http.Header{"Authorization": {strings.TrimPrefix(token, "Bearer ")}}, "not_bearer"},
		"a cookie":        {http.Header{"Cookie": {"__Host-cordon=x; Authorization=" + token}}, "not_signed_in"},
		"what a front end would say": {http.Header{
			"X-Ms-Client-Principal": {"eyJ1c2VySWQiOiJhZG1pbiJ9"}, "X-Ms-Client-Principal-Id": {personID},
			"X-Ms-Client-Principal-Name":  {"admin@example.com"},
			"X-Ms-Token-Aad-Access-Token": {strings.TrimPrefix(token, "Bearer ")},
			"X-Functions-Key":             {"key"}, "X-Forwarded-For": {"127.0.0.1"}, "X-Authorization": {token},
			"Proxy-Authorization": {token},
		}, "not_signed_in"},
	} {
		now := &clock{at: at}
		a := newAuthority(t)
		who, err := verifier(a, now, io.Discard).Bearer(t.Context(), c.from)
		var problem *wire.Problem
		if !errors.As(err, &problem) || problem.Status != http.StatusUnauthorized || problem.Code != c.code ||
			a.requests() != 0 {
			t.Errorf("%s: %+v, %v after %d requests", name, who, err, a.requests())
		}
	}
	now := &clock{at: at}
	if _, err := verifier(newAuthority(t), now, io.Discard).Bearer(t.Context(),
		http.Header{"Authorization": {strings.Replace(token, "Bearer", "bearer", 1)}}); err != nil {
		t.Errorf("the scheme in small letters: %v", err)
	}
}

func TestWhatEachRoleMayDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		person             Person
		read, write, admit string // the code of the refusal; empty: allowed
	}{
		{Person{Roles: []wire.Role{wire.Reader}}, "", "no_role", "no_role"},
		{Person{Roles: []wire.Role{wire.Operator}}, "", "", "no_role"},
		{Person{Roles: []wire.Role{wire.Approver}}, "", "no_role", ""},
		{
			Person{Roles: []wire.Role{wire.Operator, wire.Approver}, App: true}, "", "app_may_not_write",
			"app_may_not_write",
		},
		{Person{}, "no_role", "no_role", "no_role"},
	} {
		for role, want := range map[wire.Role]string{
			wire.Anybody: "", wire.Reader: c.read, wire.Operator: c.write, wire.Approver: c.admit,
		} {
			err := c.person.May(role)
			var problem *wire.Problem
			if got := errors.As(err, &problem); got != (want != "") ||
				got && (problem.Code != want || problem.Status != http.StatusForbidden) {
				t.Errorf("%+v as %q: %v, want %q", c.person, role, err, want)
			}
		}
	}
}

func TestARefusalSaysHowToBeBelieved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		problem   *wire.Problem
		challenge string
	}{
		{wire.NewProblem(401, notSignedIn, "you are not"), "Bearer"},
		{
			wire.NewProblem(401, "expired", `say "again"`),
			`Bearer error="invalid_token", error_description="say \"again\""`,
		},
		{wire.NewProblem(403, "no_role", "ask"), ""},
		{later("keys_unavailable", "wait", 9100*time.Millisecond), ""},
	} {
		w := httptest.NewRecorder()
		Answer(w, c.problem)
		retry := map[bool]string{true: "10", false: ""}[c.problem.Status == http.StatusServiceUnavailable]
		if w.Code != c.problem.Status || w.Header().Get("WWW-Authenticate") != c.challenge ||
			w.Header().Get("Retry-After") != retry || w.Header().Get("Cache-Control") != "no-store" ||
			w.Header().Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(w.Body.String(), `"code":"`+c.problem.Code+`"`) {
			t.Errorf("%+v: %d %v %s", c.problem, w.Code, w.Header(), w.Body)
		}
	}
}
