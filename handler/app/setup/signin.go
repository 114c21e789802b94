package setup

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"cordon/handler/config"
	"cordon/handler/entra"
	"cordon/handler/ledger/sessions"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
	"cordon/handler/signin/pages"
)

// Verifier reads the tokens of the operator API; nil if sign-in is off. It makes no request.
func Verifier(
	settings config.Config,
	transport *http.Transport,
	log *slog.Logger,
) *signin.Verifier {
	if !settings.SignIn.On() {
		return nil
	}
	return signin.New(signin.Options{
		Authority: settings.AuthorityURL.String(),
		Tenant:    settings.TenantID,
		ClientID:  settings.SignIn.ClientID,
		Host:      settings.SignIn.AppURL.Hostname(),
		Client:    &http.Client{Transport: transport},
		Log:       log,
		Now:       time.Now,
	})
}

// SignIns is how people sign in with a browser, and who sits in front of one.
type SignIns struct {
	Pages http.Handler // nil: sign-in is off
	Who   func(context.Context, *http.Request, signin.Use) (signin.Person, error)
}

// Pages have people sign in with a browser; they are empty if sign-in is off. What keeps people from that keeps no alert from
// being answered: the pages say so then. It makes no request.
func Pages(
	settings config.Config,
	transport *http.Transport,
	verifier *signin.Verifier,
	store *sessions.Store,
	version string,
	log *slog.Logger,
) SignIns {
	if verifier == nil {
		return SignIns{}
	}
	web, err := Web(settings, transport)
	if err != nil {
		log.Error("nobody can sign in with a browser", "error", err.Error())
		return broken()
	}
	sessions := pages.New(pages.Options{
		AppURL:    settings.SignIn.AppURL,
		Tenant:    settings.TenantID,
		ClientID:  settings.SignIn.ClientID,
		Version:   version,
		Authority: web,
		Proof:     verifier,
		Ledger:    store,
		Log:       log,
		Now:       time.Now,
	})
	return SignIns{Pages: sessions, Who: sessions.Who}
}

// Web signs people in at the registration. Without a secret and a certificate the app's managed identity vouches for
// it: the one that it acts as, or the system-assigned one if it acts as an app registration.
func Web(settings config.Config, transport *http.Transport) (*entra.Web, error) {
	if settings.SignInUnresolved {
		return nil, errors.New("CORDON_SIGNIN_SECRET is a reference to a key vault that was not resolved")
	}
	o := entra.Options{
		TenantID:     settings.TenantID,
		ClientID:     settings.SignIn.ClientID,
		Secret:       entra.Secret(settings.SignIn.Secret.Reveal()),
		AuthorityURL: settings.AuthorityURL.String(),
		HTTPClient:   &http.Client{Transport: transport},
	}
	var err error
	switch {
	case o.Secret != "":
		return entra.NewWeb(o, nil)
	case settings.SignIn.Certificate != "":
		o.Certificate, err = certificate("CORDON_SIGNIN_CERTIFICATE", settings.SignIn.Certificate)
		if err != nil {
			return nil, err
		}
		return entra.NewWeb(o, nil)
	}
	platform, err := vouching(settings, transport)
	if err != nil {
		return nil, err
	}
	return entra.NewWeb(o, platform)
}

// vouching is the managed identity that vouches for the registration of sign-in.
func vouching(settings config.Config, transport *http.Transport) (*entra.Source, error) {
	client := settings.ClientID
	if !settings.ClientSecret.IsZero() || settings.ClientCertificate != "" {
		client = ""
	}
	return NewSources(settings, nil, transport).managedBy(client, "CORDON_CLIENT_ID")
}

// broken answers that nobody can sign in.
func broken() SignIns {
	trouble := wire.NewProblem(http.StatusServiceUnavailable, "not_ready",
		"nobody can sign in with a browser now; the log of the app says why")
	return SignIns{
		Pages: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { signin.Answer(w, trouble) }),
		Who: func(context.Context, *http.Request, signin.Use) (signin.Person, error) {
			return signin.Person{}, trouble
		},
	}
}
