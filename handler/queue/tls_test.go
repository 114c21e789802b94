package queue_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cordon/handler/queue"
	"cordon/local/servicebus"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// bearer is a credential with one token.
type bearer string

func (b bearer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(b), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestANamespaceIsReachedOverTLSWithTokensIfItsAuthorityIsTrusted(t *testing.T) {
	t.Parallel()
	https := httptest.NewTLSServer(nil) // only for its certificate
	t.Cleanup(https.Close)
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	server, err := servicebus.New(servicebus.Options{
		Queues: []servicebus.QueueConfig{{Name: "alerts"}},
		CheckToken: func(token string) error {
			if token != "good" {
				return errors.New("no")
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = server.Serve(tls.NewListener(listener, &tls.Config{
			Certificates: https.TLS.Certificates,
			MinVersion:   tls.VersionTLS12,
		}))
	}()
	t.Cleanup(func() { _ = server.Close() })
	send := func(token bearer, roots *x509.CertPool) error {
		c, err := queue.New(queue.Options{
			Namespace:  listener.Addr().String(),
			Credential: token,
			RootCAs:    roots,
			Retries:    -1,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(context.Background()) }()
		return c.Send(t.Context(), "alerts", queue.Message{ID: "1", Body: []byte("{}")})
	}
	if err := send("bad", roots); err == nil {
		t.Error("a token that is no good was taken")
	}
	if err := send("good", nil); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the authority: %v, want its certificate to be refused", err)
	}
	if len(server.Records("alerts")) != 0 {
		t.Error("a message arrived all the same")
	}
	if err := send("good", roots); err != nil || len(server.Records("alerts")) != 1 {
		t.Errorf("%v, %d messages", err, len(server.Records("alerts")))
	}
}
