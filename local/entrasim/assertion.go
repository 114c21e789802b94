package entrasim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// assertionType is how a client assertion is announced (RFC 7523, section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// skew is how far the authority's clock and a client's may be apart.
const skew = 5 * time.Minute

// assertion is a client assertion that was taken apart and not believed yet
// (https://learn.microsoft.com/entra/identity-platform/certificate-credentials).
type assertion struct {
	header struct {
		Algorithm  string   `json:"alg"`
		Type       string   `json:"typ"`
		SHA1       string   `json:"x5t"`
		SHA256     string   `json:"x5t#S256"`
		Chain      []string `json:"x5c"`
		Thumbprint []byte   `json:"-"`
	}
	claims struct {
		Audience  string   `json:"aud"`
		Issuer    string   `json:"iss"`
		Subject   string   `json:"sub"`
		ID        string   `json:"jti"`
		NotBefore *float64 `json:"nbf"`
		Expires   *float64 `json:"exp"`
	}
	signed    string
	signature []byte
}

// checkAssertion finds out whether the assertion of a request proves that it is from the app.
func (s *Sim) checkAssertion(app App, r *http.Request) *refusal {
	if r.PostForm.Get("client_assertion_type") != assertionType {
		return missing("client_assertion_type")
	}
	a, err := readAssertion(r.PostForm.Get("client_assertion"))
	if err != nil {
		return &refusal{401, "invalid_client", 50027, "JWT token is invalid or malformed: " + err.Error()}
	}
	if no := s.checkClaims(app, r, a); no != nil {
		return no
	}
	certificate, reason := s.signer(app, a)
	if certificate == nil {
		return &refusal{
			401, "invalid_client", 700027,
			fmt.Sprintf("The certificate with identifier used to sign the client assertion is not registered on "+
				"application. [Reason - %s, Thumbprint of key used by client: '%X']", reason, a.header.Thumbprint),
		}
	}
	if now := s.options.Now(); now.After(certificate.NotAfter) || now.Before(certificate.NotBefore) {
		return &refusal{
			401, "invalid_client", 700027,
			fmt.Sprintf("Client assertion failed signature validation. [Reason - The key used is expired., "+
				"Thumbprint of key used by client: '%X']", a.header.Thumbprint),
		}
	}
	if !a.signedBy(certificate) {
		return &refusal{
			401, "invalid_client", 700027,
			fmt.Sprintf("Client assertion failed signature validation. [Reason - The provided signature value did "+
				"not match the expected signature value., Thumbprint of key used by client: '%X']",
				a.header.Thumbprint),
		}
	}
	return nil
}

// checkClaims holds what the assertion says of itself against the request that carries it.
func (s *Sim) checkClaims(app App, r *http.Request, a assertion) *refusal {
	c, now := a.claims, s.options.Now()
	base := s.base(r) + "/" + r.PathValue("tenant")
	switch {
	case !strings.EqualFold(c.Issuer, app.ClientID) || !strings.EqualFold(c.Subject, app.ClientID):
		return &refusal{
			401, "invalid_client", 700021,
			"Client assertion application identifier doesn't match 'client_id' parameter.",
		}
	case !slices.Contains([]string{base + "/oauth2/v2.0/token", base + "/v2.0"}, c.Audience):
		return &refusal{
			401, "invalid_client", 700023,
			fmt.Sprintf("Client assertion audience claim does not match Realm issuer. Audience: '%s'.", c.Audience),
		}
	case c.Expires == nil || !now.Add(-skew).Before(time.Unix(int64(*c.Expires), 0)) ||
		c.NotBefore != nil && now.Add(skew).Before(time.Unix(int64(*c.NotBefore), 0)):
		return &refusal{401, "invalid_client", 700024, "Client assertion is not within its valid time range."}
	case c.ID == "":
		return &refusal{401, "invalid_client", 50027, "JWT token is invalid or malformed: it has no jti."}
	}
	return nil
}

// signer finds the certificate that the assertion says it is signed with: one that was uploaded to the registration, or
// one that its x5c header carries and that the registration trusts by subject name and issuer. The reason says why
// there is none.
func (s *Sim) signer(app App, a assertion) (found *x509.Certificate, reason string) {
	for _, c := range app.Certificates {
		if a.names(c) {
			return c, ""
		}
	}
	if app.Issuers == nil || len(a.header.Chain) == 0 {
		return nil, "The key was not found."
	}
	chain, err := parseChain(a.header.Chain)
	if err != nil {
		return nil, "The x5c header cannot be read."
	}
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{
		Roots:         app.Issuers,
		Intermediates: intermediates,
		CurrentTime:   s.options.Now(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil || chain[0].Subject.CommonName != app.SubjectName || !a.names(chain[0]) {
		return nil, "The certificate's subject name and issuer are not registered."
	}
	return chain[0], ""
}

func parseChain(encoded []string) ([]*x509.Certificate, error) {
	chain := make([]*x509.Certificate, 0, len(encoded))
	for _, text := range encoded {
		// RFC 7515, section 4.1.6: base64, and not the alphabet for URLs.
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// names says whether the assertion's thumbprint is the certificate's.
func (a assertion) names(c *x509.Certificate) bool {
	want := sha256.Sum256(c.Raw)
	if a.header.SHA256 != "" {
		return subtle.ConstantTimeCompare(want[:], a.header.Thumbprint) == 1
	}
	old := sha1.Sum(c.Raw)
	return subtle.ConstantTimeCompare(old[:], a.header.Thumbprint) == 1
}

func (a assertion) signedBy(c *x509.Certificate) bool {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		return false
	}
	sum := sha256.Sum256([]byte(a.signed))
	if a.header.Algorithm == "PS256" {
		return rsa.VerifyPSS(key, crypto.SHA256, sum[:], a.signature,
			&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	}
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], a.signature) == nil
}

func readAssertion(text string) (assertion, error) {
	var a assertion
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return a, fmt.Errorf("it has %d parts, not 3", len(parts))
	}
	for i, into := range []any{&a.header, &a.claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, into) != nil {
			return a, fmt.Errorf("part %d is no JSON in base64url", i+1)
		}
	}
	var err error
	if a.signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return a, errors.New("the signature is no base64url")
	}
	a.signed = parts[0] + "." + parts[1]
	if a.header.Algorithm != "PS256" && a.header.Algorithm != "RS256" {
		return a, fmt.Errorf("the algorithm %q is neither PS256 nor RS256", a.header.Algorithm)
	}
	thumbprint := a.header.SHA256
	if thumbprint == "" {
		thumbprint = a.header.SHA1
	}
	if a.header.Thumbprint, err = decodeThumbprint(thumbprint); err != nil || thumbprint == "" {
		return a, errors.New("the header has no thumbprint in x5t#S256 or x5t")
	}
	return a, nil
}

// decodeThumbprint reads a thumbprint. The documentation asks for base64url; the vendor's Go library sends plain
// base64, and is let in with it, so both are taken.
func decodeThumbprint(text string) ([]byte, error) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	return base64.RawURLEncoding.DecodeString(text)
}
