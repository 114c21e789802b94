package entrasim_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cordon/handler/entra"
	"cordon/local/entrasim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve serves sim over TLS the way its users do and returns its URL.
func serve(t *testing.T, sim *entrasim.Sim) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: sim, TLSConfig: sim.TLSConfig(), ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ServeTLS(listener, "", "")
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return "https://" + listener.Addr().String()
}

func client(t *testing.T, caPEM []byte) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if caPEM != nil && !pool.AppendCertsFromPEM(caPEM) {
		t.Fatal("CertPEM holds no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func TestHandlersTokenClientWorksAgainstItOverTLS(t *testing.T) {
	sim := newSim(t, &clock{time.Now()})
	source, err := entra.New(entra.Options{
		TenantID:     tenantID,
		ClientID:     clientID,
		Secret:       secret,
		AuthorityURL: serve(t, sim),
		HTTPClient:   client(t, sim.CertPEM()),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []string{entrasim.Defender + "/.default", "https://servicebus.azure.net//.default"} {
		for range 2 {
			token, err := source.Token(t.Context(), scope)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := sim.Verify(token.Value.Reveal()); err != nil {
				t.Error(err)
			}
		}
	}
	if got, want := sim.Counts(), (entrasim.Counts{Discovery: 1, Token: 2, Issued: 2}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

func TestClientWithoutTheCAIsToldToSetIt(t *testing.T) {
	sim := newSim(t, &clock{time.Now()})
	source, err := entra.New(entra.Options{
		TenantID: tenantID, ClientID: clientID, Secret: secret, AuthorityURL: serve(t, sim), HTTPClient: client(t, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.Token(t.Context(), entrasim.Defender+"/.default")
	var e *entra.Error
	if !errors.As(err, &e) || e.Code != "tls" || e.Retryable {
		t.Errorf("got %v, want an error about the certificate that is not worth repeating", err)
	}
}

func TestSlowAnswerEndsWithTheClient(t *testing.T) {
	sim := newSim(t, &clock{time.Now()})
	sim.SetFault(entrasim.Fault{Delay: time.Hour})
	c := client(t, sim.CertPEM())
	c.Timeout = 50 * time.Millisecond
	source, err := entra.New(entra.Options{
		TenantID: tenantID, ClientID: clientID, Secret: secret, AuthorityURL: serve(t, sim), HTTPClient: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.Token(t.Context(), entrasim.Defender+"/.default")
	var e *entra.Error
	if !errors.As(err, &e) || !e.Retryable {
		t.Errorf("got %v, want a retryable error", err)
	}
}
