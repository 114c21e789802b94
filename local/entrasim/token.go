package entrasim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// tokenHeader is the JWT header of every token. The real authority signs with RS256; nobody but Verify reads these.
const tokenHeader = `{"typ":"JWT","alg":"HS256"}`

// What Verify returns. An API answers 401 to each of them.
var (
	ErrMalformed = errors.New("entrasim: not a token of this authority")
	ErrSignature = errors.New("entrasim: the token's signature is wrong")
	ErrExpired   = errors.New("entrasim: the token is expired or not yet valid")
)

// Claims are the claims of an access token in application context (version 1.0). Times are seconds since 1970.
type Claims struct {
	Audience  string   `json:"aud"`
	Issuer    string   `json:"iss"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	AppID     string   `json:"appid"`
	AppIDACR  string   `json:"appidacr"` // 1: authenticated by a secret; 2: by a certificate
	IDP       string   `json:"idp"`
	OID       string   `json:"oid"` // the app's service principal
	Roles     []string `json:"roles,omitempty"`
	Sub       string   `json:"sub"`
	TID       string   `json:"tid"`
	UTI       string   `json:"uti"` // differs in every token
	Ver       string   `json:"ver"`
}

// HasRole says whether the application permission role was granted.
func (c Claims) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

// issue makes a token; acr says how the app was authenticated, 1 by a secret and 2 by a certificate.
func (s *Sim) issue(app App, resource, acr string, lifetime time.Duration) string {
	now := s.options.Now()
	issuer := "https://sts.windows.net/" + app.TenantID + "/"
	oid := principalID(app)
	c := Claims{
		Audience: resource, Issuer: issuer, AppID: app.ClientID, AppIDACR: acr, IDP: issuer,
		OID: oid, Sub: oid, TID: app.TenantID, UTI: newID(), Ver: "1.0",
		// The real authority allows five minutes for clocks that go wrong.
		IssuedAt: now.Add(-5 * time.Minute).Unix(), NotBefore: now.Add(-5 * time.Minute).Unix(),
		Expires: now.Add(lifetime).Unix(),
	}
	for known, roles := range app.Roles {
		if strings.TrimSuffix(known, "/") == strings.TrimSuffix(resource, "/") {
			c.Roles = roles
		}
	}
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers only
	}
	signed := encode([]byte(tokenHeader)) + "." + encode(payload)
	return signed + "." + encode(s.sign(signed))
}

// Verify checks a token, given without "Bearer ", for an API stand-in and returns its claims. It does not look at the
// audience and the roles: those are the API's to judge.
func (s *Sim) Verify(token string) (Claims, error) {
	signed, signature, ok := cutLast(token, ".")
	header, payload, dotted := strings.Cut(signed, ".")
	if !ok || !dotted || header != encode([]byte(tokenHeader)) {
		return Claims{}, ErrMalformed
	}
	got, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: signature: %w", ErrMalformed, err)
	}
	if !hmac.Equal(got, s.sign(signed)) {
		return Claims{}, ErrSignature
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: payload: %w", ErrMalformed, err)
	}
	var c Claims
	if err := json.Unmarshal(raw, &c); err != nil {
		return Claims{}, fmt.Errorf("%w: payload: %w", ErrMalformed, err)
	}
	if now := s.options.Now().Unix(); now >= c.Expires || now < c.NotBefore {
		return Claims{}, ErrExpired
	}
	return c, nil
}

func (s *Sim) sign(text string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// principalID gives each app of a tenant a lasting object id.
func principalID(app App) string {
	sum := sha256.Sum256([]byte(app.TenantID + "/" + app.ClientID))
	return formatID(sum[:16])
}

func newID() string {
	b := make([]byte, 16)
	// crypto/rand ends the program rather than return an error.
	_, _ = rand.Read(b)
	return formatID(b)
}

func formatID(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
