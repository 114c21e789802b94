package setup

import (
	"log/slog"
	"net/http"
	"time"

	"cordon/handler/config"
	"cordon/handler/signin"
)

// Verifier reads the tokens of the operator API; nil if sign-in is off. It makes no request.
func Verifier(settings config.Config, transport *http.Transport, log *slog.Logger) *signin.Verifier {
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
