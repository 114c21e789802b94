package entrasim_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/local/entrasim"
)

// signer is a certificate with its key.
type signer struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

// issueSigner makes a certificate; without an issuer it signs itself.
func issueSigner(name string, from, to time.Time, issuer *signer) (*signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(7),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             from,
		NotAfter:              to,
		IsCA:                  issuer == nil,
		BasicConstraintsValid: true,
	}
	parent, parentKey := template, key
	if issuer != nil {
		parent, parentKey = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &signer{key, cert}, err
}

// signers are made once: keys take their time.
var signers = sync.OnceValues(func() (map[string]*signer, error) {
	now := fixtureClock().now
	all := map[string]*signer{}
	for _, s := range []struct {
		name, issuer string
		to           time.Time
	}{
		{"registered", "", now.AddDate(1, 0, 0)}, {"other", "", now.AddDate(1, 0, 0)},
		{"expired", "", now.Add(-time.Hour)},
		{"root", "", now.AddDate(9, 0, 0)}, {"cordon.example.com", "root", now.AddDate(1, 0, 0)},
		{"mail.example.com", "root", now.AddDate(1, 0, 0)},
	} {
		made, err := issueSigner(s.name, now.AddDate(-1, 0, 0), s.to, all[s.issuer])
		if err != nil {
			return nil, err
		}
		all[s.name] = made
	}
	return all, nil
})

// parts is what an assertion is made of; a test changes what it is about.
type parts struct {
	header, claims map[string]any
	key            *rsa.PrivateKey
}

// assert signs an assertion as the certificate's owner would.
func assert(t *testing.T, s *signer, change func(*parts)) string {
	t.Helper()
	now := fixtureClock().now
	thumbprint := sha256.Sum256(s.cert.Raw)
	p := &parts{
		header: map[string]any{
			"alg":      "PS256",
			"typ":      "JWT",
			"x5t#S256": base64.RawURLEncoding.EncodeToString(thumbprint[:]),
			"x5c":      []string{base64.StdEncoding.EncodeToString(s.cert.Raw)},
		},
		claims: map[string]any{
			"aud": "https://login.example.com/" + tenantID + "/oauth2/v2.0/token",
			"iss": clientID,
			"sub": clientID,
			"jti": "1",
			"nbf": now.Unix(),
			"exp": now.Add(10 * time.Minute).Unix(),
		},
		key: s.key,
	}
	if change != nil {
		change(p)
	}
	encode := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	signed := encode(p.header) + "." + encode(p.claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPSS(rand.Reader, p.key, crypto.SHA256, sum[:],
		&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if p.header["alg"] == "RS256" {
		signature, err = rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func assertionForm(assertion string) url.Values {
	form := goodForm()
	form.Del("client_secret")
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return form
}

// certified is a Sim whose app has certificates and no secret.
func certified(t *testing.T) (*entrasim.Sim, map[string]*signer) {
	t.Helper()
	all, err := signers()
	if err != nil {
		t.Fatal(err)
	}
	issuers := x509.NewCertPool()
	issuers.AddCert(all["root"].cert)
	c := fixtureClock()
	sim, err := entrasim.New(entrasim.Options{
		Now: c.Now,
		Apps: []entrasim.App{{
			TenantID:     tenantID,
			ClientID:     clientID,
			Certificates: []*x509.Certificate{all["registered"].cert, all["expired"].cert},
			Issuers:      issuers,
			SubjectName:  "cordon.example.com",
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return sim, all
}

func TestAnAssertionIsBelievedOnlyIfAllOfItIsRight(t *testing.T) {
	sim, all := certified(t)
	now := fixtureClock().now
	claim := func(name string, value any) func(*parts) {
		return func(p *parts) {
			if p.claims[name] = value; value == nil {
				delete(p.claims, name)
			}
		}
	}
	old := sha1.Sum(all["registered"].cert.Raw)
	long := sha256.Sum256(all["registered"].cert.Raw)
	for _, tt := range []struct {
		name, signer string
		change       func(*parts)
		code         float64 // 0: a token
		says         string
	}{
		{"as documented", "registered", nil, 0, ""},
		{"RS256", "registered", func(p *parts) { p.header["alg"] = "RS256" }, 0, ""},
		{"thumbprint in plain base64", "registered", func(p *parts) {
			p.header["x5t#S256"] = base64.StdEncoding.EncodeToString(long[:])
		}, 0, ""},
		{"thumbprint by SHA-1", "registered", func(p *parts) {
			delete(p.header, "x5t#S256")
			p.header["x5t"] = base64.RawURLEncoding.EncodeToString(old[:])
		}, 0, ""},
		{"without x5c", "registered", func(p *parts) { delete(p.header, "x5c") }, 0, ""},
		{"for the issuer", "registered", claim("aud", "https://login.example.com/"+tenantID+"/v2.0"), 0, ""},
		{"by subject name and issuer", "cordon.example.com", nil, 0, ""},

		{
			"for another tenant", "registered", claim("aud", "https://login.example.com/other/oauth2/v2.0/token"),
			700023, "audience",
		},
		{
			"for another host", "registered", claim("aud", "https://evil.example.com/"+tenantID+"/oauth2/v2.0/token"),
			700023, "audience",
		},
		{"of another app", "registered", claim("iss", "other"), 700021, "client_id"},
		{"about another app", "registered", claim("sub", "other"), 700021, "client_id"},
		{"expired", "registered", claim("exp", now.Add(-6*time.Minute).Unix()), 700024, "time range"},
		{"without an end", "registered", claim("exp", nil), 700024, "time range"},
		{"not valid yet", "registered", claim("nbf", now.Add(6*time.Minute).Unix()), 700024, "time range"},
		{"without an id", "registered", claim("jti", nil), 50027, "jti"},
		{"another certificate", "other", nil, 700027, "The certificate's subject name and issuer are not registered."},
		{"another certificate, no x5c", "other", func(p *parts) {
			delete(p.header, "x5c")
		}, 700027, "The key was not found."},
		{"another name of the same issuer", "mail.example.com", nil, 700027, "subject name"},
		{"the right name, of nobody", "other", func(p *parts) {
			p.header["x5c"] = []string{base64.StdEncoding.EncodeToString(all["cordon.example.com"].cert.Raw)}
		}, 700027, "subject name"},
		{"an x5c that is none", "other", func(p *parts) { p.header["x5c"] = []string{"%"} }, 700027, "x5c header"},
		{"another key", "registered", func(p *parts) { p.key = all["other"].key }, 700027, "signature value"},
		{"expired certificate", "expired", nil, 700027, "The key used is expired."},
		{"unsigned", "registered", func(p *parts) { p.header["alg"] = "none" }, 50027, "algorithm"},
		{"without a thumbprint", "registered", func(p *parts) { delete(p.header, "x5t#S256") }, 50027, "thumbprint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, _, body := ask(t, sim, tenantID, assertionForm(assert(t, all[tt.signer], tt.change)))
			if tt.code == 0 {
				token, _ := body["access_token"].(string)
				claims, err := sim.Verify(token)
				if status != 200 || err != nil || claims.AppIDACR != "2" || claims.AppID != clientID {
					t.Errorf("got %d %v (%v), want a token of the app, by certificate", status, body, err)
				}
				return
			}
			text, _ := body["error_description"].(string)
			codes, _ := body["error_codes"].([]any)
			if status != 401 || body["error"] != "invalid_client" || len(codes) != 1 || codes[0] != tt.code ||
				!strings.Contains(text, tt.says) {
				t.Errorf("got %d %v %s, want 401 invalid_client %v saying %q", status, codes, text, tt.code, tt.says)
			}
		})
	}
}

func TestWhatIsNoAssertionIsRefused(t *testing.T) {
	sim, all := certified(t)
	good := assert(t, all["registered"], nil)
	tampered := strings.Split(good, ".")
	tampered[1] = strings.Split(assert(t, all["registered"], func(p *parts) { p.claims["jti"] = "2" }), ".")[1]
	for name, form := range map[string]url.Values{
		"cut off":      assertionForm(good[:strings.LastIndex(good, ".")]),
		"empty":        assertionForm(""),
		"no base64":    assertionForm("%.%.%"),
		"no JSON":      assertionForm("YQ.YQ.YQ"),
		"other claims": assertionForm(strings.Join(tampered, ".")),
		"no signature": assertionForm(tampered[0] + "." + tampered[1] + "."),
	} {
		if status, _, body := ask(t, sim, tenantID, form); status != 401 || body["error"] != "invalid_client" {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	untyped := assertionForm(good)
	untyped.Del("client_assertion_type")
	if status, _, body := ask(t, sim, tenantID, untyped); status != 400 || body["error"] != "invalid_request" {
		t.Errorf("without its type: %d %v", status, body)
	}
	secretless := maps.Clone(goodForm())
	secretless.Set("client_secret", "")
	if status, _, _ := ask(t, sim, tenantID, secretless); status != 401 {
		t.Errorf("an empty secret of an app that has none: %d", status)
	}
	if n := sim.Counts().Issued; n != 0 {
		t.Errorf("%d tokens were issued", n)
	}
}
