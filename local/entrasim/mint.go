package entrasim

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"cordon/local/entrasim/keys"
)

// Flaw is one thing that is wrong with a token. All else of it is right.
type Flaw string

// The flaws. Only ForeignKey, UnknownKey, Unsigned and Symmetric are forgeries; the others are tokens that the real
// authority signs for somebody.
const (
	NoFlaw        Flaw = ""
	Expired       Flaw = "expired"
	NotYetValid   Flaw = "not yet valid"
	OtherTenant   Flaw = "of another tenant" // signed by the same key: tenants share them
	OtherIssuer   Flaw = "by another issuer" // which names the right tenant
	OtherAudience Flaw = "for another audience"
	VersionOne    Flaw = "of version 1.0"
	ForeignKey    Flaw = "signed by a foreign key under a known id"
	UnknownKey    Flaw = "signed by a foreign key under an unknown id"
	Unsigned      Flaw = "with alg none"
	Symmetric     Flaw = "with HS256 and the public key as secret"
	NoScope       Flaw = "without scp"
	OtherScope    Flaw = "with another scp"
	NoRoles       Flaw = "without roles"
	OtherRoles    Flaw = "with roles of nobody's"
	IDToken       Flaw = "an id token"
	AppOnly       Flaw = "of an app alone" // which has the person's roles
)

// Flaws are all of them.
func Flaws() []Flaw {
	return []Flaw{
		Expired, NotYetValid, OtherTenant, OtherIssuer, OtherAudience, VersionOne, ForeignKey, UnknownKey, Unsigned,
		Symmetric, NoScope, OtherScope, NoRoles, OtherRoles, IDToken, AppOnly,
	}
}

// Want is the token that somebody wants.
type Want struct {
	Username string
	Client   string // client id of the app that the person uses
	API      string // client id of the app that it is for
	Flaw     Flaw
	Lifetime time.Duration // 0: as clients get it
}

// Strangers, who are nobody in any tenant of the Sim.
const (
	strangeTenant = "9d2b7c40-5e1f-4a63-8b0d-7f4c1a92e6d5"
	strangeApp    = "00000003-0000-0000-c000-000000000000" // Microsoft Graph
)

// TokenFor makes the access token that a client would get for a person, with every scope that the API exposes. It is
// refused to whom the authority would refuse it. Tokens name the address of At as their issuer.
func (s *Sim) TokenFor(w Want) (string, error) {
	p, client, api, err := s.parties(w)
	if err != nil {
		return "", err
	}
	if w.Flaw == NoFlaw {
		if no := admits(p, client, api); no != nil {
			return "", fmt.Errorf("entrasim: AADSTS%d: %s", no.code, no.text)
		}
	}
	s.mu.Lock()
	base := s.at
	s.counts.Issued++
	s.mu.Unlock()
	if base == "" {
		base = publicCloud
	}
	acr := "1"
	if client.Public {
		acr = "0"
	}
	c := s.accessClaims(base, p, client, api, api.API.Scopes, acr)
	if w.Lifetime != 0 {
		c.Expires = s.options.Now().Add(w.Lifetime).Unix()
	}
	return s.flawed(c, api, w.Flaw), nil
}

// parties finds whom a token is about, by and for.
func (s *Sim) parties(w Want) (p Person, client, api App, err error) {
	for _, known := range s.options.Apps {
		if known.ClientID == w.Client {
			client = known
		}
		if known.ClientID == w.API && known.API != nil {
			api = known
		}
	}
	if client.ClientID == "" || api.ClientID == "" {
		return p, client, api, fmt.Errorf("entrasim: there is no client %q or no API %q", w.Client, w.API)
	}
	p, found := s.people.person(api.TenantID, w.Username)
	if !found {
		return p, client, api, fmt.Errorf("entrasim: there is no person %q", w.Username)
	}
	return p, client, api, nil
}

// flawed signs claims for an API with one thing wrong.
func (s *Sim) flawed(c Claims, api App, flaw Flaw) string {
	now := s.options.Now()
	id, public := s.keys.Current()
	switch flaw {
	case Expired:
		c.IssuedAt, c.NotBefore = now.Add(-2*time.Hour).Unix(), now.Add(-2*time.Hour).Unix()
		c.Expires = now.Add(-time.Hour).Unix()
	case NotYetValid:
		c.IssuedAt, c.NotBefore = now.Add(time.Hour).Unix(), now.Add(time.Hour).Unix()
		c.Expires = now.Add(2 * time.Hour).Unix()
	case OtherTenant:
		c.Issuer = c.Issuer[:len(c.Issuer)-len(issuer("", c.TID))] + issuer("", strangeTenant)
		c.TID = strangeTenant
	case OtherIssuer:
		c.Issuer = issuer("https://login.example.net", c.TID)
	case OtherAudience:
		c.Audience = strangeApp
	case VersionOne:
		return s.keys.Sign(c.versionOne(api.API.URI, c.Azp, c.AzpACR), true)
	case ForeignKey:
		return keys.Forge(c, id)
	case UnknownKey:
		return keys.Forge(c, newID())
	case Unsigned:
		return keys.Join(keys.Header{Type: "JWT", Algorithm: "none"}, c, func(string) []byte { return nil })
	case Symmetric:
		return keys.Join(keys.Header{Type: "JWT", Algorithm: "HS256", Key: id}, c, func(text string) []byte {
			der, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				panic(err) // it is an RSA key
			}
			mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
			mac.Write([]byte(text))
			return mac.Sum(nil)
		})
	case NoScope:
		c.Scope = ""
	case OtherScope:
		c.Scope = "Other.Use"
	case NoRoles:
		c.Roles = nil
	case OtherRoles:
		c.Roles = []string{"Other.Role"}
	case IDToken:
		c.Azp, c.AzpACR, c.Scope, c.Nonce = "", "", "", newID()
	case AppOnly:
		c.Scope, c.Name, c.Username = "", "", ""
		c.OID = PrincipalID(c.TID, c.Azp)
		c.Sub = c.OID
	}
	return s.keys.Sign(c, false)
}
