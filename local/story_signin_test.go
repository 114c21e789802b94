package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"cordon/local/entrasim/browser"
	"cordon/local/scenario"
	"cordon/local/world"
)

// browser is one in front of which a person of the scenario sits, who trusts the stand-ins.
func (s *story) browser(username string) browser.Person {
	s.t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.Entra.CertPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	s.t.Cleanup(transport.CloseIdleConnections)
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return browser.Person{Client: &http.Client{Transport: transport, Jar: jar}, Username: username}
}

// visit goes to a page of the app, and signs in there if the app sends the person to do so.
func (s *story) visit(p browser.Person, path string) (status int, body string) {
	s.t.Helper()
	answer, err := p.SignIn(s.t.Context(), s.AppURL+path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(read)
}

// TestStoryPeopleSignInByTheBrowserWhateverTheAppsCredential has the app redeem codes by a secret, by a certificate and
// by its managed identity.
func TestStoryPeopleSignInByTheBrowserWhateverTheAppsCredential(t *testing.T) {
	t.Parallel()
	const start = "/api/signin/start?returnTo=/api/signin/me"
	for name, kind := range map[string]world.Identity{
		"secret":           world.BySecret,
		"certificate":      world.ByCertificate,
		"managed identity": world.ByManaged,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t, world.Options{Identity: kind}, nil)
			operator := s.browser(scenario.Operator)
			var status int
			var body string
			s.eventually("the app's tables", func() bool {
				status, body = s.visit(operator, start)
				return status != http.StatusServiceUnavailable
			})
			if status != http.StatusOK || !strings.Contains(body, scenario.Operator) ||
				!strings.Contains(body, "Cordon.Operator") {
				t.Errorf("signed in: %d %s", status, body)
			}
			if err := s.Entra.SetRoles(scenario.Operator, world.SignInID, "Cordon.Reader"); err != nil {
				t.Fatal(err)
			}
			status, body = s.visit(operator, start+"&renew=1")
			if status != http.StatusOK || !strings.Contains(body, "Cordon.Reader") ||
				strings.Contains(body, "Cordon.Operator") {
				t.Errorf("roles read anew: %d %s", status, body)
			}
			if status, body := s.visit(s.browser(scenario.Guest), start); !strings.Contains(body, "AADSTS50105") {
				t.Errorf("a guest: %d %s", status, body)
			}
			s.noSecretLogged()
		})
	}
}
