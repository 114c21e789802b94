package signin

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"
)

const (
	tenantID     = "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4"
	clientID     = "5a1b0d3e-42a8-4e57-8f19-0c6de25a7343"
	cliID        = "6b2c1e4f-42a8-4e57-8f19-0c6de25a7344"
	personID     = "7c3d2f50-42a8-4e57-8f19-0c6de25a7345"
	authorityURL = "https://login.microsoftonline.com"
	issuer       = authorityURL + "/" + tenantID + "/v2.0"
)

// authority publishes keys and counts who asks.
type authority struct {
	mu    sync.Mutex
	keys  map[string]*rsa.PrivateKey
	asked int                                // descriptions and key sets
	wrong func(*http.Request) *http.Response // nil: it works
	hold  chan struct{}                      // not nil: an answer waits for it
}

var (
	keyOnce  sync.Once
	keyCache []*rsa.PrivateKey
)

// testKeys are made once: they take long.
func testKeys(t *testing.T) []*rsa.PrivateKey {
	t.Helper()
	keyOnce.Do(func() {
		for range 3 {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				panic(err)
			}
			keyCache = append(keyCache, key)
		}
	})
	return keyCache
}

func newAuthority(t *testing.T) *authority {
	return &authority{keys: map[string]*rsa.PrivateKey{"first": testKeys(t)[0]}}
}

func (a *authority) publish(keys map[string]*rsa.PrivateKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = keys
}

func (a *authority) broken(by func(*http.Request) *http.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wrong = by
}

func (a *authority) requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// RoundTrip answers as login.microsoftonline.com does.
func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.asked++
	hold, wrong := a.hold, a.wrong
	a.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if wrong != nil {
		if answer := wrong(r); answer != nil {
			return answer, nil
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	// Whoever is asked answers rightly: nobody else may be asked.
	switch r.URL.Path {
	case "/" + tenantID + "/v2.0/.well-known/openid-configuration":
		return answer(http.StatusOK, map[string]any{"issuer": issuer, "jwks_uri": authorityURL + "/keys"}), nil
	case "/keys":
		list := []any{
			map[string]any{"kty": "EC", "kid": "odd", "crv": "P-1", "x": "AA", "y": "AA"},
		}
		for id, key := range a.keys {
			list = append(list, map[string]any{
				"kty": "RSA", "use": "sig", "kid": id, "e": "AQAB",
				"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			})
		}
		return answer(http.StatusOK, map[string]any{"keys": list}), nil
	}
	return answer(http.StatusNotFound, nil), nil
}

func answer(status int, body any) *http.Response {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status,
		Status:     http.StatusText(status),
		Header:     http.Header{},
		Body:       io.NopCloser(bytes.NewReader(text)),
	}
}

// set changes claims; a nil value takes one out.
type set map[string]any

// claimsOf are those of an operator's access token.
func claimsOf(now time.Time, changes ...set) map[string]any {
	all := map[string]any{
		"ver": "2.0", "iss": issuer, "tid": tenantID, "aud": clientID,
		"exp": now.Add(time.Hour).Unix(), "nbf": now.Unix(), "iat": now.Unix(),
		"azp": cliID, "azpacr": "0", "scp": "openid Cordon.Use", "sub": "pairwise", "oid": personID,
		"roles": []string{"Cordon.Operator", "Other.Role"}, "preferred_username": "duty@example.com", "name": "Duty",
	}
	for _, change := range changes {
		maps.Copy(all, change)
	}
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

// signed makes a token.
func signed(key *rsa.PrivateKey, head, claims any) string {
	text := segment(head) + "." + segment(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func segment(v any) string {
	text, isText := v.(string)
	if !isText {
		body, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		text = string(body)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

var rs256 = map[string]any{"typ": "JWT", "alg": "RS256", "kid": "first"}

// clock stands still until it is set. Keys are read in the background, so several look at it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = to
}

// verifier is one with such a clock.
func verifier(a *authority, c *clock, log io.Writer) *Verifier {
	return New(Options{
		Authority: authorityURL,
		Tenant:    tenantID,
		ClientID:  clientID,
		Host:      "cordon.example.com",
		Client:    &http.Client{Transport: a},
		Log:       slog.New(slog.NewJSONHandler(log, nil)),
		Now:       c.now,
	})
}

func bearer(ctx context.Context, v *Verifier, token string) (Person, error) {
	return v.Bearer(ctx, http.Header{"Authorization": {"Bearer " + token}})
}
