package main

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

	"cordon/local/entrasim"
	"cordon/local/graphsim"
	"cordon/local/tables"
)

// identityKind is who the handler is in the local tenant.
type identityKind string

// The kinds. With a managed identity nothing that the handler is given is a secret of the tenant: queues and tables are reached by
// tokens of a second identity, over TLS.
const (
	bySecret      identityKind = ""
	byCertificate identityKind = "certificate"
	byManaged     identityKind = "managed"
)

// The managed identities of the local app, and the header that its instance knows.
const (
	systemID       = "0a6c7f10-42a8-4e57-8f19-0c6de25a7342"
	platformID     = "0a6c7f10-42a8-4e57-8f19-0c6de25a7343"
	identityHeader = "local-instance-only"
)

// startEntra serves tokens over TLS under a certificate authority of its own, which the handler is told to trust.
func (e *environment) startEntra(kind identityKind) (string, error) {
	o := entrasim.Options{Apps: []entrasim.App{localApp()}}
	switch kind {
	case byCertificate:
		certificate, err := writeCertificate(filepath.Join(e.folder, "app.pem"))
		if err != nil {
			return "", err
		}
		o.Apps[0].Secret, o.Apps[0].Certificates = "", []*x509.Certificate{certificate}
	case byManaged:
		o.Identities = []entrasim.Identity{{TenantID: tenantID, ClientID: systemID, System: true, Roles: o.Apps[0].Roles}, {TenantID: tenantID, ClientID: platformID}}
		o.IdentityHeader, o.KeepIdentityTokens = identityHeader, true
	}
	sim, err := entrasim.New(o)
	if err != nil {
		return "", err
	}
	e.entra = sim
	if err := os.WriteFile(filepath.Join(e.folder, "ca.pem"), sim.CertPEM(), 0o600); err != nil {
		return "", err
	}
	return e.serve(sim, sim)
}

// writeCertificate makes a certificate that signs itself and writes it with its key.
func writeCertificate(path string) (*x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "local app"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	content := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// identify tells the handler who it is.
func (e *environment) identify(kind identityKind) error {
	switch kind {
	case byCertificate:
		e.settings["CORDON_CLIENT_SECRET"], e.settings["CORDON_CLIENT_CERTIFICATE"] = "", filepath.Join(e.folder, "app.pem")
	case byManaged:
		return e.identifyManaged()
	}
	return nil
}

// identifyManaged takes every secret of the tenant out of the settings.
func (e *environment) identifyManaged() error {
	endpoint, err := e.serve(e.entra.AppService(), nil)
	if err != nil {
		return err
	}
	tablesURL, err := e.serve(e.tables, e.entra)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = e.bus.Serve(tls.NewListener(listener, e.entra.TLSConfig())) }() // ends with the bus
	// A setting of exactly the connection's name wins in the host, even if it is empty.
	for _, name := range []string{"CORDON_CLIENT_ID", "CORDON_CLIENT_SECRET", "ServiceBus", "AzureWebJobsStorage"} {
		delete(e.settings, name)
	}
	maps.Copy(e.settings, map[string]string{
		"IDENTITY_ENDPOINT": endpoint + "/msi/token", "IDENTITY_HEADER": identityHeader,
		"ServiceBus__fullyQualifiedNamespace": listener.Addr().String(), "ServiceBus__credential": "managedidentity", "ServiceBus__clientId": platformID,
		"AzureWebJobsStorage__tableServiceUri": tablesURL + "/devstoreaccount1", "AzureWebJobsStorage__credential": "managedidentity",
		"AzureWebJobsStorage__clientId": platformID,
	})
	return nil
}

// accept makes a check of tokens for one API; who is who came with them is remembered.
func (e *environment) accept(resource string) func(token string) error {
	return func(token string) error {
		claims, err := e.entra.Verify(token)
		if err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.callers[resource+" "+claims.AppID]++
		switch {
		case strings.TrimSuffix(claims.Audience, "/") != resource:
			return fmt.Errorf("the token is for %s", claims.Audience)
		case claims.AppID != platformID && claims.AppID != clientID:
			return errors.Join(tables.ErrNoPermission, fmt.Errorf("%s has no role here", claims.AppID))
		}
		return nil
	}
}

// called reports whether somebody came with a token for an API.
func (e *environment) called(resource, appID string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.callers[resource+" "+appID] > 0
}

// startGraph serves sendMail; what it takes is in the same inbox as what the mail server takes.
func (e *environment) startGraph() (string, error) {
	e.graph = graphsim.New(graphsim.Options{Inbox: e.mail.Inbox, Audience: entrasim.Graph, Mailboxes: []string{"cordon@example.org"}, Verify: func(token string) (graphsim.Claims, error) {
		claims, err := e.entra.Verify(token)
		return graphsim.Claims{Audience: claims.Audience, Roles: claims.Roles}, err
	}})
	return e.serve(e.graph, nil)
}
