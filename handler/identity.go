package main

import (
	"log/slog"
	"net/http"
	"time"

	"cordon/handler/config"
	"cordon/handler/entra"
)

// certificateEnding is how long before its end a certificate is warned of.
const certificateEnding = 30 * 24 * time.Hour

// identities are whose tokens each part of the program uses: those of the app for Defender, Graph and mail, and for the queues and
// tables too, unless their connection names an identity of its own.
type identities struct{ app, bus, tables *entra.Source }

// readCertificate opens the file that the settings name; nil if they name none.
func readCertificate(settings config.Config) (*entra.Certificate, error) {
	if settings.ClientCertificate == "" {
		return nil, nil
	}
	certificate, err := entra.ReadCertificate(settings.ClientCertificate, time.Now())
	if err != nil {
		return nil, config.Problem{Name: "CORDON_CLIENT_CERTIFICATE", Message: err.Error()}
	}
	return certificate, nil
}

// The settings that name user-assigned identities of connections.
const (
	busClientID    = "ServiceBus__clientId"
	tablesClientID = "AzureWebJobsStorage__clientId"
)

// sources makes sources of tokens, one for each identity.
type sources struct {
	settings    config.Config
	certificate *entra.Certificate // of the app registration, if it has one
	client      *http.Client
	registered  *entra.Source            // the app registration, once it was asked for
	managed     map[string]*entra.Source // by client id; empty: the system-assigned one
}

func newSources(settings config.Config, certificate *entra.Certificate, transport *http.Transport) *sources {
	return &sources{settings: settings, certificate: certificate, client: &http.Client{Transport: transport}, managed: map[string]*entra.Source{}}
}

// app is the identity that the program uses unless a connection names one of its own.
func (s *sources) app() (_ *entra.Source, err error) {
	if s.settings.ClientSecret.IsZero() && s.certificate == nil {
		return s.managedBy(s.settings.ClientID, "CORDON_CLIENT_ID")
	}
	if s.registered == nil {
		s.registered, err = entra.New(entra.Options{TenantID: s.settings.TenantID, ClientID: s.settings.ClientID, Secret: entra.Secret(s.settings.ClientSecret.Reveal()),
			Certificate: s.certificate, AuthorityURL: s.settings.AuthorityURL.String(), HTTPClient: s.client})
	}
	return s.registered, err
}

// of is the identity of a connection; setting names where its client id comes from.
func (s *sources) of(id config.Identity, setting string) (*entra.Source, error) {
	if !id.Managed {
		return s.app()
	}
	return s.managedBy(id.ClientID, setting)
}

func (s *sources) managedBy(clientID, setting string) (*entra.Source, error) {
	if source := s.managed[clientID]; source != nil {
		return source, nil
	}
	source, err := entra.New(entra.Options{TenantID: s.settings.TenantID, ClientID: clientID, ClientIDSetting: setting, HTTPClient: s.client})
	if err != nil {
		return nil, err
	}
	s.managed[clientID] = source
	return source, nil
}

// identify makes the identities, with one source for all that share one. It makes no request.
func identify(settings config.Config, certificate *entra.Certificate, transport *http.Transport, log *slog.Logger) (who identities, err error) {
	all := newSources(settings, certificate, transport)
	if who.app, err = all.app(); err != nil {
		return who, err
	}
	if who.bus, err = all.of(settings.ServiceBus.Identity, busClientID); err != nil {
		return who, err
	}
	if who.tables, err = all.of(settings.Storage.Identity, tablesClientID); err != nil {
		return who, err
	}
	log.Info("identities", "app", who.app.Identity(), "serviceBus", ofConnection(settings.ServiceBus.ConnectionString, who.bus),
		"tables", ofConnection(settings.Storage.ConnectionString, who.tables))
	if certificate != nil && time.Until(certificate.ExpiresAt) < certificateEnding {
		log.Warn("the certificate ends soon: upload a new one to the app registration and set CORDON_CLIENT_CERTIFICATE to its file",
			"thumbprint", certificate.Thumbprint, "ends", certificate.ExpiresAt)
	}
	return who, nil
}

func ofConnection(connection config.Secret, source *entra.Source) string {
	if !connection.IsZero() {
		return "connection string"
	}
	return source.Identity()
}
