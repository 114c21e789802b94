package entra_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cordon/handler/entra"
	"cordon/local/entrasim"
	"cordon/local/inprocess"
)

const (
	webID       = "5d0f2c71-3a96-4a0e-b1c8-7e64f0a2d913"
	webRedirect = "https://cordon.example.com/api/signin/callback"
	webVerifier = "a-verifier-that-is-long-enough-for-the-rules-of-pkce"
	webPerson   = "duty@contoso.com"
)

// vouching is a managed identity that hands a token of the platform out.
type vouching struct {
	asked []string
	token string
	err   error
}

func (v *vouching) Token(_ context.Context, scope string) (entra.Token, error) {
	v.asked = append(v.asked, scope)
	return entra.Token{Value: entra.Secret(v.token)}, v.err
}

func (v *vouching) TokenForClaims(ctx context.Context, scope, _ string) (entra.Token, error) {
	return v.Token(ctx, scope)
}

// webAuthority knows the registration that people sign in to, with every kind of credential.
func webAuthority(t *testing.T) *entrasim.Sim {
	sim := authority(t, func(o *entrasim.Options) {
		o.Apps = append(o.Apps, entrasim.App{
			TenantID:     tenantID,
			ClientID:     webID,
			Secret:       secret,
			Certificates: []*x509.Certificate{mustMaterial(t).cert},
			RedirectURIs: []string{webRedirect},
			Federated: []entrasim.Federated{{
				Subject:  entrasim.PrincipalID(tenantID, systemID),
				Audience: entrasim.TokenExchange,
			}},
		})
		o.People = []entrasim.Person{{TenantID: tenantID, Username: webPerson}}
		o.Identities = []entrasim.Identity{{TenantID: tenantID, ClientID: systemID, System: true}}
		o.IdentityHeader = identityHeader
	})
	sim.At("https://login.example.com")
	return sim
}

func webOptions(sim http.Handler) entra.Options {
	return entra.Options{
		TenantID:     tenantID,
		ClientID:     webID,
		AuthorityURL: "https://login.example.com",
		HTTPClient:   &http.Client{Transport: inprocess.Transport{To: sim}},
	}
}

// code has the person sign in where the browser is sent.
func code(t *testing.T, sim http.Handler, at string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, at, strings.NewReader(url.Values{"person": {webPerson}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, r)
	back, err := url.Parse(w.Header().Get("Location"))
	if err != nil || back.Query().Get("code") == "" || back.Query().Get("state") != "st" {
		t.Fatalf("%d %s %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	return back.Query().Get("code")
}

func authorizeValues() url.Values {
	sum := sha256.Sum256([]byte(webVerifier))
	return url.Values{
		"scope":                 {"openid profile"},
		"redirect_uri":          {webRedirect},
		"state":                 {"st"},
		"nonce":                 {"no"},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"},
	}
}

// platformToken is what the app's managed identity gets for the exchange.
func platformToken(t *testing.T, sim *entrasim.Sim) string {
	t.Helper()
	t.Setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token")
	t.Setenv("IDENTITY_HEADER", identityHeader)
	s := source(t, sim.AppService(), func(o *entra.Options) { o.Secret, o.ClientID = "", "" })
	token, err := s.Token(t.Context(), entrasim.TokenExchange+"/.default")
	if err != nil {
		t.Fatal(err)
	}
	return token.Value.Reveal()
}

func TestACodeIsTurnedIntoTheIDTokenOnceByEveryCredential(t *testing.T) {
	for name, with := range map[string]func(*entra.Options, *vouching){
		"secret":           func(o *entra.Options, _ *vouching) { o.Secret = secret },
		"certificate":      func(o *entra.Options, _ *vouching) { o.Certificate = certificate(t) },
		"managed identity": func(_ *entra.Options, v *vouching) { v.err = nil },
	} {
		sim := webAuthority(t)
		// Only where nothing else is set is the platform asked.
		v := &vouching{token: platformToken(t, sim), err: errors.New("nobody should ask")}
		o := webOptions(sim)
		with(&o, v)
		web, err := entra.NewWeb(o, v)
		if err != nil {
			t.Fatal(err)
		}
		before := sim.Counts()
		at := web.Authorize(authorizeValues())
		if sim.Counts() != before || !strings.HasPrefix(at, "https://login.example.com/"+tenantID+"/oauth2/v2.0/authorize?") {
			t.Errorf("%s: %s after %+v", name, at, sim.Counts())
		}
		got := code(t, sim, at)
		if err := web.Check(t.Context(), entrasim.Graph+"/.default"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err = web.Redeem(t.Context(), got, webRedirect, "another-verifier-that-is-long-enough-for-the-rules")
		var refused *entra.Error
		if !errors.As(err, &refused) || refused.Retryable {
			t.Errorf("%s: with another verifier: %v", name, err)
		}
		token, err := web.Redeem(t.Context(), got, webRedirect, webVerifier)
		if err != nil || strings.Count(token, ".") != 2 {
			t.Fatalf("%s: %q, %v", name, token, err)
		}
		claims, err := sim.Verify(token)
		if err != nil || claims.Audience != webID || claims.Nonce != "no" || claims.Username != webPerson {
			t.Errorf("%s: %+v, %v", name, claims, err)
		}
		_, err = web.Redeem(t.Context(), got, webRedirect, webVerifier)
		if !errors.As(err, &refused) || refused.Code != "AADSTS54005" || refused.Retryable ||
			!strings.Contains(err.Error(), "sign in again") {
			t.Errorf("%s: a second time: %v", name, err)
		}
		if asked := len(v.asked) > 0; asked != (name == "managed identity") {
			t.Errorf("%s: the platform was asked for %v", name, v.asked)
		}
	}
}

func TestASignInThatCannotBeCompletedSaysWhyAndNothingSecret(t *testing.T) {
	busy := func(sim *entrasim.Sim) { sim.SetFault(entrasim.Fault{Status: http.StatusServiceUnavailable}) }
	for name, c := range map[string]struct {
		change    func(*entra.Options)
		platform  vouching
		fault     func(*entrasim.Sim)
		says      string
		retryable bool
	}{
		"a wrong secret": {
			change: func(o *entra.Options) { o.Secret = "s3cr3t-wrong" }, says: "CORDON_SIGNIN_SECRET",
		},
		"an identity that is not trusted": {platform: vouching{token: "eyJh.s3cr3t.x"}, says: "AADSTS"},
		"a platform that hands nothing out": {
			platform: vouching{err: &entra.Error{Scope: "api", Code: "network", Retryable: true}}, says: "api",
			retryable: true,
		},
		"an authority that is busy": {
			change: func(o *entra.Options) { o.Secret = secret }, fault: busy, says: "503", retryable: true,
		},
	} {
		sim := webAuthority(t)
		o := webOptions(sim)
		if c.change != nil {
			c.change(&o)
		}
		web, err := entra.NewWeb(o, &c.platform)
		if err != nil {
			t.Fatal(err)
		}
		got := code(t, sim, web.Authorize(authorizeValues()))
		if c.fault != nil {
			c.fault(sim)
		}
		checked := web.Check(t.Context(), entrasim.Graph+"/.default")
		_, err = web.Redeem(t.Context(), got, webRedirect, webVerifier)
		var refused *entra.Error
		for _, err := range []error{checked, err} {
			if !errors.As(err, &refused) || refused.Retryable != c.retryable || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, secret := range []string{"s3cr3t", got, webVerifier, secret} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v shows %s", name, err, secret)
			}
		}
	}
	if _, err := entra.NewWeb(webOptions(nil), nil); err == nil || !strings.Contains(err.Error(), "CORDON_SIGNIN_SECRET") {
		t.Errorf("without anything that vouches: %v", err)
	}
}

func TestASignInThatNobodyWaitsForEnds(t *testing.T) {
	sim := webAuthority(t)
	o := webOptions(sim)
	o.Secret = secret
	web, err := entra.NewWeb(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	sim.SetFault(entrasim.Fault{Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err = web.Redeem(ctx, "code", webRedirect, webVerifier); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestEachCloudHasItsOwnExchange holds whom the platform's token is for.
func TestEachCloudHasItsOwnExchange(t *testing.T) {
	for host, want := range map[string]string{
		"https://login.microsoftonline.com": "api://AzureADTokenExchange/.default",
		"https://login.microsoftonline.us":  "api://AzureADTokenExchangeUSGov/.default",
	} {
		v, sim := &vouching{err: errors.New("no")}, webAuthority(t)
		sim.At(host)
		o := webOptions(sim)
		o.AuthorityURL = host
		web, err := entra.NewWeb(o, v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := web.Redeem(t.Context(), "code", webRedirect, webVerifier); err == nil || len(v.asked) != 1 ||
			v.asked[0] != want {
			t.Errorf("%s: %v, %v", host, v.asked, err)
		}
	}
}
