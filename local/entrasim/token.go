package entrasim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/local/entrasim/keys"
)

// What Verify returns. An API answers 401 to each of them.
var (
	ErrMalformed = keys.ErrMalformed
	ErrSignature = keys.ErrSignature
	ErrExpired   = errors.New("entrasim: the token is expired or not yet valid")
)

// Claims are the claims of a token. Times are seconds since 1970. Which a token has depends on its version, and on who
// it is about (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
type Claims struct {
	Audience  string   `json:"aud"`
	Issuer    string   `json:"iss"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	OID       string   `json:"oid"` // of a person, or of the app's service principal
	Roles     []string `json:"roles,omitempty"`
	Sub       string   `json:"sub"`
	TID       string   `json:"tid"`
	UTI       string   `json:"uti"` // differs in every token
	Ver       string   `json:"ver"`

	// Of access tokens of version 1.0.
	AppID      string `json:"appid,omitempty"`
	AppIDACR   string `json:"appidacr,omitempty"` // 1: authenticated by a secret; 2: by a certificate
	IDP        string `json:"idp,omitempty"`
	UniqueName string `json:"unique_name,omitempty"`

	// Of access tokens of version 2.0, in place of AppID and AppIDACR. 0: a client without a credential.
	Azp    string `json:"azp,omitempty"`
	AzpACR string `json:"azpacr,omitempty"`

	// Of tokens about people, Nonce of id tokens only. A token about an app has no Scope. The claim idtyp, which would
	// say so, is optional and not set by default.
	Scope    string `json:"scp,omitempty"`
	Name     string `json:"name,omitempty"`
	Username string `json:"preferred_username,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
}

// HasRole says whether the application permission role was granted.
func (c Claims) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

// appToken makes a token about an app; acr says how it was authenticated, 1 by a secret and 2 by a certificate. The
// version is what the resource wants: 2.0 for an API of an app of the sim, and for what stands for a credential.
func (s *Sim) appToken(base string, app App, resource, acr string, lifetime time.Duration) string {
	c := s.claims(base, app.TenantID, lifetime)
	c.OID = PrincipalID(app.TenantID, app.ClientID)
	c.Sub = c.OID
	api, exposed := s.exposed(app.TenantID, resource)
	for known, roles := range app.Roles {
		named := strings.TrimSuffix(known, "/")
		if named == strings.TrimSuffix(resource, "/") || exposed && named == api.API.URI {
			c.Roles = roles
		}
	}
	if exposed {
		c.Audience, c.Azp, c.AzpACR = api.ClientID, app.ClientID, acr
		return s.keys.Sign(c, false)
	}
	// Assumed: its audience is what was asked for; it is compared with the federated credential's and nothing else.
	if strings.TrimSuffix(resource, "/") == TokenExchange {
		c.Audience, c.Azp, c.AzpACR = TokenExchange, app.ClientID, acr
		return s.keys.Sign(c, false)
	}
	return s.keys.Sign(c.versionOne(resource, app.ClientID, acr), true)
}

// claims are those that all tokens share, as version 2.0 has them.
func (s *Sim) claims(base, tenant string, lifetime time.Duration) Claims {
	now := s.options.Now()
	return Claims{
		Issuer: issuer(base, tenant),
		// The real authority allows five minutes for clocks that go wrong.
		IssuedAt:  now.Add(-skew).Unix(),
		NotBefore: now.Add(-skew).Unix(),
		Expires:   now.Add(lifetime).Unix(),
		TID:       tenant,
		UTI:       newID(),
		Ver:       "2.0",
	}
}

// versionOne are the claims of the same token in version 1.0.
func (c Claims) versionOne(audience, client, acr string) Claims {
	c.Issuer = "https://sts.windows.net/" + c.TID + "/"
	c.Ver, c.Audience, c.IDP = "1.0", audience, c.Issuer
	c.Azp, c.AzpACR, c.AppID, c.AppIDACR = "", "", client, acr
	c.UniqueName, c.Username = c.Username, ""
	return c
}

// issuer is the issuer of tokens of version 2.0.
func issuer(base, tenant string) string { return base + "/" + tenant + "/v2.0" }

// Verify checks a token, given without "Bearer ", for an API stand-in and returns its claims. It does not look at the
// audience and the roles: those are the API's to judge.
func (s *Sim) Verify(token string) (Claims, error) {
	raw, err := s.keys.Verify(token)
	if err != nil {
		return Claims{}, err
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

// PrincipalID is the object id of an app's or a managed identity's service principal in a tenant.
func PrincipalID(tenantID, clientID string) string {
	sum := sha256.Sum256([]byte(tenantID + "/" + clientID))
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
