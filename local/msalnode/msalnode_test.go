package msalnode_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"cordon/handler/operate/wire"
	"cordon/local/entrasim"
	"cordon/local/entrasim/browser"
	"cordon/local/msalnode"
	"cordon/local/scenario"
	"cordon/local/world"
)

// stage is a world, the client of a person's browser, and a job that fits both.
type stage struct {
	*world.World
	t      *testing.T
	person browser.Person
	job    msalnode.Job
}

func newStage(t *testing.T) *stage {
	t.Helper()
	w, err := world.Start(world.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(w.Entra.CertPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, w.Entra.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &stage{World: w, t: t}
	s.person = browser.Person{Client: &http.Client{Transport: transport}, Username: scenario.Operator}
	s.job = msalnode.Job{
		Authority: w.Settings["CORDON_AUTHORITY_URL"] + "/" + world.TenantID,
		Client:    world.CLIID,
		Scopes:    []string{wire.SignIn{API: world.SignInID}.Scope("127.0.0.1")},
		CAFile:    ca,
	}
	return s
}

// claims are those of the operator's token for the app.
func (s *stage) claims(r msalnode.Result) entrasim.Claims {
	s.t.Helper()
	c, err := s.Entra.Verify(r.AccessToken)
	if err != nil || r.Error != "" || c.Audience != world.SignInID || c.Scope != "Cordon.Use" || c.Ver != "2.0" ||
		c.Username != scenario.Operator || r.Username != scenario.Operator {
		s.t.Errorf("%v, %q: %+v", err, r.Error, c)
	}
	return c
}

func TestTheVendorsNodeClientGetsTokensForAnApp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.job.Way, s.job.Client, s.job.Proof = "clientCredentials", world.ClientID, world.ClientSecret
	s.job.Scopes = []string{entrasim.Defender + "/.default"}
	r := msalnode.SignIn(t, s.job)
	c, err := s.Entra.Verify(r.AccessToken)
	if err != nil || r.Error != "" || c.AppID != world.ClientID || !c.HasRole("Machine.Isolate") {
		t.Errorf("%v, %q: %+v", err, r.Error, c)
	}
}

func TestTheVendorsNodeClientSignsInAPersonByACode(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.job.Way, s.job.Client, s.job.Proof = "code", world.SignInID, world.SignInSecret
	s.job.Redirect = s.AppURL + "/api/signin/callback"
	s.person.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.job.Open = func(address string) string {
		answer, err := s.person.SignIn(t.Context(), address)
		if err != nil {
			t.Error(err)
			return ""
		}
		_ = answer.Body.Close()
		return answer.Header.Get("Location")
	}
	if c := s.claims(msalnode.SignIn(t, s.job)); c.AzpACR != "1" || !c.HasRole("Cordon.Operator") {
		t.Errorf("%+v", c)
	}
}

func TestTheVendorsNodeClientSignsInAPersonOnThisMachineAndRefreshes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.job.Way = "interactive"
	s.job.Open = func(address string) string {
		// The client answers the browser, so that it is not to be waited for here.
		go func() {
			answer, err := s.person.SignIn(context.WithoutCancel(t.Context()), address)
			if err == nil {
				_ = answer.Body.Close()
			}
		}()
		return ""
	}
	s.job.SignedIn = func() {
		if err := s.Entra.SetRoles(scenario.Operator, world.SignInID, "Cordon.Reader"); err != nil {
			t.Error(err)
		}
	}
	if c := s.claims(msalnode.SignIn(t, s.job)); c.HasRole("Cordon.Operator") || !c.HasRole("Cordon.Reader") {
		t.Errorf("refreshed with roles %v", c.Roles)
	}
}

func TestTheVendorsNodeClientSignsInAPersonByADeviceCode(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.job.Way = "deviceCode"
	s.job.Approve = func(verification, userCode string) {
		if err := s.person.Approve(t.Context(), verification, userCode); err != nil {
			t.Error(err)
		}
	}
	if c := s.claims(msalnode.SignIn(t, s.job)); c.AzpACR != "0" {
		t.Errorf("%+v", c)
	}
}
