package world

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cordon/local/defendersim"
	"cordon/local/entrasim"
	"cordon/local/tables"
)

// The app registration of the local tenant. Nothing of it is secret outside this machine.
const (
	TenantID     = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"
	ClientID     = "b71d9c3e-42a8-4e57-8f19-0c6de25a7341"
	ClientSecret = "local-environment-only"
)

// App is that registration, with every permission that a step can want.
func App() entrasim.App {
	return entrasim.App{TenantID: TenantID, ClientID: ClientID, Secret: ClientSecret, Roles: map[string][]string{
		entrasim.Defender: {
			"Alert.Read.All",
			"Alert.ReadWrite.All",
			"Machine.Read.All",
			"Machine.ReadWrite.All",
			"Machine.Isolate",
			"Machine.RestrictExecution",
			"Machine.Scan",
			"Machine.CollectForensics",
		},
		entrasim.Graph: {"Mail.Send", "ThreatHunting.Read.All", "SecurityAlert.ReadWrite.All"},
	}}
}

// Identity is who the handler is in the local tenant.
type Identity string

// The kinds. With a managed identity nothing that the handler is given is a secret of the tenant: queues and tables are
// reached by tokens of a second identity, over TLS.
const (
	BySecret      Identity = ""
	ByCertificate Identity = "certificate"
	ByManaged     Identity = "managed"
)

// The managed identities of the local app, and the header that its instance knows.
const (
	SystemID       = "0a6c7f10-42a8-4e57-8f19-0c6de25a7342"
	PlatformID     = "0a6c7f10-42a8-4e57-8f19-0c6de25a7343"
	IdentityHeader = "local-instance-only"
)

// startEntra serves tokens over TLS under a certificate authority of its own, which the handler is told to trust.
func (w *World) startEntra(of Options) error {
	o := entrasim.Options{Apps: []entrasim.App{App()}, People: People()}
	var certificate *x509.Certificate
	switch of.Identity {
	case ByCertificate:
		var err error
		if certificate, err = writeCertificate(filepath.Join(w.Folder, "app.pem")); err != nil {
			return err
		}
		o.Apps[0].Secret, o.Apps[0].Certificates = "", []*x509.Certificate{certificate}
	case ByManaged:
		o.Identities = []entrasim.Identity{
			{TenantID: TenantID, ClientID: SystemID, System: true, Roles: o.Apps[0].Roles},
			{TenantID: TenantID, ClientID: PlatformID},
		}
		o.IdentityHeader, o.KeepIdentityTokens = IdentityHeader, true
	}
	o.Apps = append(o.Apps, w.signInApps(of.Identity, certificate)...)
	sim, err := entrasim.New(o)
	if err != nil {
		return err
	}
	w.Entra = sim
	if err := os.WriteFile(w.Settings["CORDON_CA_FILE"], sim.CertPEM(), 0o600); err != nil {
		return err
	}
	if err := w.point("CORDON_AUTHORITY_URL", sim, sim); err != nil {
		return err
	}
	sim.At(w.Settings["CORDON_AUTHORITY_URL"])
	return nil
}

// writeCertificate makes a certificate that signs itself and writes it with its key.
func writeCertificate(path string) (*x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "local app"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	content := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// identify tells the handler who it is.
func (w *World) identify(kind Identity) error {
	switch kind {
	case ByCertificate:
		w.Settings["CORDON_CLIENT_SECRET"], w.Settings["CORDON_CLIENT_CERTIFICATE"] = "", filepath.Join(w.Folder,
			"app.pem")
	case ByManaged:
		return w.identifyManaged()
	}
	return nil
}

// identifyManaged takes every secret of the tenant out of the settings.
func (w *World) identifyManaged() error {
	endpoint, err := w.Serve(w.Entra.AppService(), nil)
	if err != nil {
		return err
	}
	tablesURL, err := w.Serve(w.Tables, w.Entra)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = w.Bus.Serve(tls.NewListener(listener, w.Entra.TLSConfig())) }() // ends with the bus
	// A setting of exactly the connection's name wins in the host, even if it is empty.
	for _, name := range []string{"CORDON_CLIENT_ID", "CORDON_CLIENT_SECRET", "ServiceBus", "AzureWebJobsStorage"} {
		delete(w.Settings, name)
	}
	maps.Copy(w.Settings, map[string]string{
		"IDENTITY_ENDPOINT":                    endpoint + "/msi/token",
		"IDENTITY_HEADER":                      IdentityHeader,
		"ServiceBus__fullyQualifiedNamespace":  listener.Addr().String(),
		"ServiceBus__credential":               "managedidentity",
		"ServiceBus__clientId":                 PlatformID,
		"AzureWebJobsStorage__tableServiceUri": tablesURL + "/devstoreaccount1",
		"AzureWebJobsStorage__credential":      "managedidentity",
		"AzureWebJobsStorage__clientId":        PlatformID,
	})
	return nil
}

// accept makes a check of tokens for one API; who is who came with them is remembered.
func (w *World) accept(resource string) func(token string) error {
	return func(token string) error {
		claims, err := w.Entra.Verify(token)
		if err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.callers[resource+" "+claims.AppID]++
		switch {
		case strings.TrimSuffix(claims.Audience, "/") != resource:
			return fmt.Errorf("the token is for %s", claims.Audience)
		case claims.AppID != PlatformID && claims.AppID != ClientID:
			return errors.Join(tables.ErrNoPermission, fmt.Errorf("%s has no role here", claims.AppID))
		}
		return nil
	}
}

// Verify reads a token for the Defender stand-in.
func (w *World) Verify(token string) (defendersim.Claims, error) {
	claims, err := w.Entra.Verify(token)
	if err != nil {
		return defendersim.Claims{}, err
	}
	return defendersim.Claims{
		Audience:  claims.Audience,
		AppID:     claims.AppID,
		Roles:     claims.Roles,
		ExpiresAt: time.Unix(claims.Expires, 0),
	}, nil
}

// Called reports whether somebody came with a token for an API.
func (w *World) Called(resource, appID string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.callers[resource+" "+appID] > 0
}
