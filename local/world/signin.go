package world

import (
	"cmp"
	"crypto/x509"
	"maps"
	"net"
	"net/url"
	"path/filepath"

	"cordon/local/entrasim"
	"cordon/local/scenario"
)

// The registrations that people sign in to. Nothing of them is secret outside this machine.
const (
	SignInID     = "5a1b0d3e-42a8-4e57-8f19-0c6de25a7344"
	SignInSecret = "local-sign-in-only"
	CLIID        = "5a1b0d3e-42a8-4e57-8f19-0c6de25a7345"
)

// listen takes the address that people reach the app at, before anything else: settings have to say it.
func (w *World) listen(o Options) error {
	listener, err := net.Listen("tcp4", cmp.Or(o.Addr, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	w.front, w.AppURL = listener, "http://"+listener.Addr().String()
	w.closers = append(w.closers, func() { _ = listener.Close() })
	return nil
}

// takeFront is what the next host's front listens on: nothing while another host of the world has it.
func (w *World) takeFront() net.Listener {
	w.mu.Lock()
	defer w.mu.Unlock()
	front := w.front
	w.front = nil
	if front == nil {
		// A host that was closed has left it.
		front, _ = net.Listen("tcp4", w.AppURL[len("http://"):])
	}
	return front
}

// SignInApps are the registrations "Cordon" and "Cordon CLI" of an app at an address. The first has a secret.
func SignInApps(app string) []entrasim.App {
	host := ""
	if u, err := url.Parse(app); err == nil {
		host = u.Hostname()
	}
	web := entrasim.App{
		TenantID:     TenantID,
		ClientID:     SignInID,
		Name:         "Cordon",
		Secret:       SignInSecret,
		RedirectURIs: []string{app + "/api/signin/callback"},
		API: &entrasim.API{
			URI:                "api://" + host + "/" + SignInID,
			Scopes:             []string{"Cordon.Use"},
			Roles:              []string{"Cordon.Reader", "Cordon.Operator", "Cordon.Approver"},
			PreAuthorized:      []string{CLIID},
			AssignmentRequired: true,
		},
	}
	cli := entrasim.App{
		TenantID:     TenantID,
		ClientID:     CLIID,
		Name:         "Cordon CLI",
		Public:       true,
		RedirectURIs: []string{"http://localhost"},
	}
	return []entrasim.App{web, cli}
}

// SignInSettings point an app at an address at these registrations.
func SignInSettings(app string) map[string]string {
	return map[string]string{
		"CORDON_APP_URL":          app,
		"CORDON_SIGNIN_CLIENT_ID": SignInID,
		"CORDON_SIGNIN_SECRET":    SignInSecret,
		"CORDON_CLI_CLIENT_ID":    CLIID,
	}
}

// signInApps are the registrations of the world's app. The first has the credential of the kind of identity that the
// handler has.
func (w *World) signInApps(kind Identity, certificate *x509.Certificate) []entrasim.App {
	apps := SignInApps(w.AppURL)
	maps.Copy(w.Settings, SignInSettings(w.AppURL))
	if kind == BySecret {
		return apps
	}
	apps[0].Secret = ""
	delete(w.Settings, "CORDON_SIGNIN_SECRET")
	switch kind {
	case ByCertificate:
		apps[0].Certificates = []*x509.Certificate{certificate}
		w.Settings["CORDON_SIGNIN_CERTIFICATE"] = filepath.Join(w.Folder, "app.pem")
	case ByManaged:
		apps[0].Federated = []entrasim.Federated{{
			Subject:  entrasim.PrincipalID(TenantID, SystemID),
			Audience: entrasim.TokenExchange,
		}}
	}
	return apps
}

// People are those of the scenario.
func People() []entrasim.Person {
	var all []entrasim.Person
	for _, p := range scenario.People() {
		all = append(all, entrasim.Person{
			TenantID: TenantID,
			Username: p.Username,
			Name:     p.Name,
			Roles:    map[string][]string{SignInID: p.Roles},
		})
	}
	return all
}

// Token is an access token of a person for the operator API, as the command line gets one.
func (w *World) Token(username string) (string, error) {
	return w.FlawedToken(username, entrasim.NoFlaw)
}

// FlawedToken is one that is wrong in one way.
func (w *World) FlawedToken(username string, flaw entrasim.Flaw) (string, error) {
	return w.Entra.TokenFor(entrasim.Want{Username: username, Client: CLIID, API: SignInID, Flaw: flaw})
}
