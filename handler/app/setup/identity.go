package setup

import (
	"log/slog"
	"net/http"
	"time"

	"cordon/handler/config"
	"cordon/handler/entra"
)

// Identities are whose tokens each part of the program uses: those of the app for Defender, Graph and mail, and for the
// queues and tables too, unless their connection names an identity of its own.
type Identities struct{ App, Bus, Tables *entra.Source }

// The settings that name user-assigned identities of connections.
const (
	BusClientID    = "ServiceBus__clientId"
	TablesClientID = "AzureWebJobsStorage__clientId"
)

// Sources makes sources of tokens, one for each identity.
type Sources struct {
	settings    config.Config
	certificate *entra.Certificate // of the app registration, if it has one
	client      *http.Client
	registered  *entra.Source            // the app registration, once it was asked for
	managed     map[string]*entra.Source // by client id; empty: the system-assigned one
}

// NewSources makes no source yet. certificate is nil if the settings name none.
func NewSources(settings config.Config, certificate *entra.Certificate, transport *http.Transport) *Sources {
	return &Sources{
		settings:    settings,
		certificate: certificate,
		client:      &http.Client{Transport: transport},
		managed:     map[string]*entra.Source{},
	}
}

// App is the identity that the program uses unless a connection names one of its own.
func (s *Sources) App() (_ *entra.Source, err error) {
	if s.settings.ClientSecret.IsZero() && s.certificate == nil {
		return s.managedBy(s.settings.ClientID, "CORDON_CLIENT_ID")
	}
	if s.registered == nil {
		s.registered, err = entra.New(entra.Options{
			TenantID:     s.settings.TenantID,
			ClientID:     s.settings.ClientID,
			Secret:       entra.Secret(s.settings.ClientSecret.Reveal()),
			Certificate:  s.certificate,
			AuthorityURL: s.settings.AuthorityURL.String(),
			HTTPClient:   s.client,
		})
	}
	return s.registered, err
}

// Of is the identity of a connection; setting names where its client id comes from.
func (s *Sources) Of(id config.Identity, setting string) (*entra.Source, error) {
	if !id.Managed {
		return s.App()
	}
	return s.managedBy(id.ClientID, setting)
}

func (s *Sources) managedBy(clientID, setting string) (*entra.Source, error) {
	if source := s.managed[clientID]; source != nil {
		return source, nil
	}
	source, err := entra.New(entra.Options{
		TenantID:        s.settings.TenantID,
		ClientID:        clientID,
		ClientIDSetting: setting,
		HTTPClient:      s.client,
	})
	if err != nil {
		return nil, err
	}
	s.managed[clientID] = source
	return source, nil
}

// Identify makes the identities, with one source for all that share one. It makes no request.
func Identify(
	settings config.Config,
	certificate *entra.Certificate,
	transport *http.Transport,
	log *slog.Logger,
) (who Identities, err error) {
	all := NewSources(settings, certificate, transport)
	who.App, err = all.App()
	if err != nil {
		return who, err
	}
	who.Bus, err = all.Of(settings.ServiceBus.Identity, BusClientID)
	if err != nil {
		return who, err
	}
	who.Tables, err = all.Of(settings.Storage.Identity, TablesClientID)
	if err != nil {
		return who, err
	}
	log.Info("identities",
		"app", who.App.Identity(), "serviceBus", ofConnection(settings.ServiceBus.ConnectionString, who.Bus),
		"tables", ofConnection(settings.Storage.ConnectionString, who.Tables))
	if certificate != nil && time.Until(certificate.ExpiresAt) < CertificateEnding {
		const soon = "the certificate ends soon: upload a new one to the app registration " +
			"and set CORDON_CLIENT_CERTIFICATE to its file"
		log.Warn(soon, "thumbprint", certificate.Thumbprint, "ends", certificate.ExpiresAt)
	}
	return who, nil
}

func ofConnection(connection config.Secret, source *entra.Source) string {
	if !connection.IsZero() {
		return "connection string"
	}
	return source.Identity()
}
