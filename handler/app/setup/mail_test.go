package setup

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/handler/logging"
	"cordon/handler/mail"
	"cordon/local/entrasim"
	"cordon/local/smtpsink"
)

func TestMailGoesThroughGraphUnlessAMailServerIsSet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings map[string]string
		graph    bool
		says     string
	}{
		"nothing set": {nil, true, "graph.microsoft.com"},
		"nothing set, dod": {map[string]string{
			"CORDON_CLOUD":             "dod",
			"CORDON_DEFENDER_AUDIENCE": "https://x.example",
		}, true, "dod-graph.microsoft.us"},
		"a mail server": {
			map[string]string{"CORDON_SMTP_URL": "smtp://u:p4ss@mail.example.com"}, false, "mail.example.com",
		},
		"a login by token": {
			map[string]string{"CORDON_SMTP_URL": "smtp://cordon@example.com@smtp.office365.com?auth=xoauth2"},
			false, "smtp.office365.com",
		},
		"a sender elsewhere": {map[string]string{"CORDON_MAIL_FROM": "cordon@gmail.com"}, true, "graph.microsoft.com"},
	} {
		changes := map[string]string{"CORDON_CLIENT_ID": appID, "CORDON_CLIENT_SECRET": "s3cr3t"}
		for name, value := range tt.settings {
			changes[name] = value
		}
		settings := loaded(t, changes)
		post, err := Mail(settings)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		who, err := Identify(settings, nil, &http.Transport{}, logger)
		if err != nil {
			t.Fatal(err)
		}
		_, graph := NewMailSender(settings, post, &http.Transport{}, who.App, logger).(*mail.GraphSender)
		if graph != tt.graph || !strings.Contains(log.String(), tt.says) || strings.Contains(log.String(), "p4ss") ||
			strings.Contains(log.String(), "s3cr3t") {
			t.Errorf("%s: by Graph %t, log %s", name, graph, log.String())
		}
	}
}

func TestATokenForAMailServerNeedsAnAudienceWhereNoneIsDocumented(t *testing.T) {
	t.Parallel()
	const server = "smtp://cordon@example.com@smtp.office365.us?auth=xoauth2"
	for _, tt := range []struct{ cloud, url, audience string }{
		{
			"global", server, exchangeAudience,
		}, {"gcc", server, exchangeAudience}, {"gcchigh", server, ""}, {"dod", server, ""},
		{
			"gcchigh", server + "&audience=https://outlook.office365.us", "https://outlook.office365.us",
		}, {"global", server + "&audience=https://other.example", "https://other.example"},
	} {
		post, err := Mail(
			loaded(
				t,
				map[string]string{
					"CORDON_CLOUD":             tt.cloud,
					"CORDON_DEFENDER_AUDIENCE": "https://x.example",
					"CORDON_SMTP_URL":          tt.url,
				},
			),
		)
		if (err != nil) != (tt.audience == "") || post.Audience != tt.audience {
			t.Errorf("%s, %s: audience %q, %v; want %q", tt.cloud, tt.url, post.Audience, err, tt.audience)
		}
		if err != nil &&
			(!strings.Contains(err.Error(), "CORDON_SMTP_URL") || !strings.Contains(err.Error(), "&audience=")) {
			t.Error(err)
		}
	}
}

// TestALoginByTokenIsForTheMailServersAudience sends a mail with a token that the authority really issued.
func TestALoginByTokenIsForTheMailServersAudience(t *testing.T) {
	t.Parallel()
	sim, err := entrasim.New(entrasim.Options{
		Apps: []entrasim.App{{TenantID: "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4", ClientID: appID, Secret: "s3cr3t",
			Roles: map[string][]string{entrasim.Exchange: {"SMTP.SendAsApp"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	authority := httptest.NewUnstartedServer(sim)
	authority.TLS = sim.TLSConfig()
	authority.StartTLS()
	t.Cleanup(authority.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, sim.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	sink := smtpsink.New(smtpsink.Options{VerifyToken: func(user, token string) error {
		claims, err := sim.Verify(token)
		if err == nil &&
			(user != "cordon@example.com" || claims.Audience != entrasim.Exchange ||
				!claims.HasRole("SMTP.SendAsApp")) {
			err = fmt.Errorf("user %s with a token for %s", user, claims.Audience)
		}
		return err
	}})
	address, err := sink.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	settings := loaded(
		t,
		map[string]string{
			"CORDON_CLIENT_ID":     appID,
			"CORDON_CLIENT_SECRET": "s3cr3t",
			"CORDON_AUTHORITY_URL": authority.URL,
			"CORDON_CA_FILE":       ca,
			"CORDON_SMTP_URL":      "smtp://cordon@example.com@" + address.String() + "?tls=none&auth=xoauth2",
		},
	)
	post, err := Mail(settings)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := Transport(settings.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	log := slog.New(slog.DiscardHandler)
	who, err := Identify(settings, nil, transport, log)
	if err != nil {
		t.Fatal(err)
	}
	sender := NewMailSender(settings, post, transport, who.App, log)
	for range 2 {
		m := mail.Message{
			ID:   "one@example.com",
			From: "cordon@example.com",
			To:   []string{"soc@example.com"},
			Text: "hello",
		}
		if err := sender.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if len(sink.Mails()) != 2 || sim.Counts().Token != 1 {
		t.Errorf("%d mails with %d token requests, want 2 with 1", len(sink.Mails()), sim.Counts().Token)
	}
}

func TestAMailServerThatIsNotKnownIsNoReasonToSendByGraph(t *testing.T) {
	t.Parallel()
	const reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)"
	settings := loaded(t,
		map[string]string{"CORDON_SMTP_URL": reference, "CORDON_CLIENT_ID": appID, "CORDON_CLIENT_SECRET": "s3cr3t"})
	post, err := Mail(settings)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	err = NewMailSender(settings, post, nil, nil, logging.New(&log, slog.LevelInfo)).Send(t.Context(), mail.Message{})
	if err == nil || !strings.Contains(err.Error(), "CORDON_SMTP_URL") || strings.Contains(log.String(), "Graph") {
		t.Errorf("mail through something else: %v, %s", err, log.String())
	}
}
