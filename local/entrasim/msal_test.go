package entrasim_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"cordon/local/entrasim"
	"cordon/local/entrasim/browser"
)

// served is a tenant over TLS, with the client that trusts it.
func served(t *testing.T) (sim *entrasim.Sim, authority string, web *http.Client) {
	t.Helper()
	sim = tenant(t, &clock{time.Now()})
	authority = serve(t, sim)
	sim.At(authority)
	return sim, authority + "/" + tenantID, client(t, sim.CertPEM())
}

func publicClient(t *testing.T, authority string, web *http.Client) public.Client {
	t.Helper()
	c, err := public.New(cliID, public.WithAuthority(authority), public.WithInstanceDiscovery(false),
		public.WithHTTPClient(web))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// interactive has a person sign in at the client. The client waits for the browser for ever, so the browser's failure
// has to end it.
func interactive(t *testing.T, c public.Client, scopes []string, p browser.Person) (public.AuthResult, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var browsing sync.WaitGroup
	defer browsing.Wait()
	return c.AcquireTokenInteractive(ctx, scopes, public.WithOpenURL(func(address string) error {
		browsing.Go(func() {
			answer, err := p.SignIn(ctx, address)
			if err == nil {
				_, err = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
			if err != nil {
				t.Error(err)
				cancel()
			}
		})
		return nil
	}))
}

func TestTheVendorsPublicClientSignsInByTheBrowser(t *testing.T) {
	sim, authority, web := served(t)
	c := publicClient(t, authority, web)
	scopes := []string{webURI + "/Cordon.Use"}
	signedIn, err := interactive(t, c, scopes, browser.Person{Client: web, Username: operator})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := sim.Verify(signedIn.AccessToken)
	if err != nil || claims.Audience != webID || claims.Scope != "Cordon.Use" || claims.AzpACR != "0" ||
		!claims.HasRole("Cordon.Operator") || signedIn.Account.PreferredUsername != operator {
		t.Errorf("%v: %+v of %+v", err, claims, signedIn.Account)
	}

	if err := sim.SetRoles(operator, webID, "Cordon.Reader"); err != nil {
		t.Fatal(err)
	}
	kept, err := c.AcquireTokenSilent(t.Context(), scopes, public.WithSilentAccount(signedIn.Account))
	if err != nil || kept.AccessToken != signedIn.AccessToken {
		t.Errorf("not from the cache: %v", err)
	}
	challenge := public.WithClaims(`{"access_token":{"nbf":{"essential":true,"value":"1"}}}`)
	renewed, err := c.AcquireTokenSilent(t.Context(), scopes, public.WithSilentAccount(signedIn.Account), challenge)
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := sim.Verify(renewed.AccessToken); err != nil || !claims.HasRole("Cordon.Reader") {
		t.Errorf("%v: refreshed with roles %v", err, claims.Roles)
	}
}

func TestTheVendorsPublicClientIsToldThatAPersonCancelled(t *testing.T) {
	_, authority, web := served(t)
	scopes := []string{webURI + "/Cordon.Use"}
	_, err := interactive(t, publicClient(t, authority, web), scopes, browser.Person{Client: web})
	if err == nil || !strings.Contains(err.Error(), "AADSTS65004") {
		t.Errorf("got %v", err)
	}
}

func TestTheVendorsPublicClientSignsInByADeviceCode(t *testing.T) {
	sim, authority, web := served(t)
	code, err := publicClient(t, authority, web).AcquireTokenByDeviceCode(t.Context(), []string{webURI + "/.default"})
	if err != nil {
		t.Fatal(err)
	}
	person := browser.Person{Client: web, Username: operator}
	if err := person.Approve(t.Context(), code.Result.VerificationURL, code.Result.UserCode); err != nil {
		t.Fatal(err)
	}
	result, err := code.AuthenticationResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	claims, err := sim.Verify(result.AccessToken)
	if err != nil || claims.Username != operator || claims.Scope != "Cordon.Use" {
		t.Errorf("%v: %+v", err, claims)
	}
}

func TestTheVendorsConfidentialClientSignsPeopleIn(t *testing.T) {
	secretOf, err := confidential.NewCredFromSecret(webSecret)
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]func(*entrasim.Sim) confidential.Credential{
		"secret": func(*entrasim.Sim) confidential.Credential { return secretOf },
		"managed identity": func(sim *entrasim.Sim) confidential.Credential {
			return confidential.NewCredFromAssertionCallback(
				func(context.Context, confidential.AssertionRequestOptions) (string, error) {
					return managedToken(t, sim, entrasim.TokenExchange), nil
				})
		},
	} {
		sim, authority, web := served(t)
		c, err := confidential.New(authority, webID, kind(sim), confidential.WithInstanceDiscovery(false),
			confidential.WithHTTPClient(web))
		if err != nil {
			t.Fatal(err)
		}
		address, err := c.AuthCodeURL(t.Context(), webID, callback, []string{"openid", "profile", "offline_access"})
		if err != nil {
			t.Fatal(err)
		}
		// The library adds neither of these.
		address += "&" + url.Values{
			"state":                 {"s"},
			"nonce":                 {"n"},
			"code_challenge":        {challenge()},
			"code_challenge_method": {"S256"},
		}.Encode()
		stay := *web
		stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		answer, err := browser.Person{Client: &stay, Username: operator}.SignIn(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		back, err := answer.Location()
		if err != nil || back.Query().Get("state") != "s" {
			t.Fatalf("%s: sent to %v, %v", name, back, err)
		}
		result, err := c.AcquireTokenByAuthCode(t.Context(), back.Query().Get("code"), callback,
			[]string{"openid"}, confidential.WithChallenge(verifier))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		id, ok := verifiedAt(t, sim, authority, result.IDToken.RawToken)
		if !ok || id["nonce"] != "n" || id["aud"] != webID || id["preferred_username"] != operator {
			t.Errorf("%s: %t %v", name, ok, id)
		}
	}
}
