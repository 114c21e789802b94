package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"cordon/handler/mail"
)

func TestMailGoesThroughGraphUnlessAMailServerIsSet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings map[string]string
		graph    bool
		says     string
	}{
		"nothing set":        {nil, true, "graph.microsoft.com"},
		"nothing set, dod":   {map[string]string{"CORDON_CLOUD": "dod", "CORDON_DEFENDER_AUDIENCE": "https://x.example"}, true, "dod-graph.microsoft.us"},
		"a mail server":      {map[string]string{"CORDON_SMTP_URL": "smtp://u:p4ss@mail.example.com"}, false, "mail.example.com"},
		"a login by token":   {map[string]string{"CORDON_SMTP_URL": "smtp://cordon@example.com@smtp.office365.com?auth=xoauth2"}, false, "smtp.office365.com"},
		"a sender elsewhere": {map[string]string{"CORDON_MAIL_FROM": "cordon@gmail.com"}, true, "graph.microsoft.com"},
	} {
		changes := map[string]string{"CORDON_CLIENT_ID": appID, "CORDON_CLIENT_SECRET": "s3cr3t"}
		for name, value := range tt.settings {
			changes[name] = value
		}
		settings := loaded(t, changes)
		post, err := parseMail(settings)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		who, err := identify(settings, nil, &http.Transport{}, logger)
		if err != nil {
			t.Fatal(err)
		}
		_, graph := newMailSender(settings, post, &http.Transport{}, who.app, logger).(*mail.GraphSender)
		if graph != tt.graph || !strings.Contains(log.String(), tt.says) || strings.Contains(log.String(), "p4ss") || strings.Contains(log.String(), "s3cr3t") {
			t.Errorf("%s: by Graph %t, log %s", name, graph, log.String())
		}
	}
}

func TestATokenForAMailServerNeedsAnAudienceWhereNoneIsDocumented(t *testing.T) {
	t.Parallel()
	const server = "smtp://cordon@example.com@smtp.office365.us?auth=xoauth2"
	for _, tt := range []struct{ cloud, url, audience string }{
		{"global", server, exchangeAudience}, {"gcc", server, exchangeAudience}, {"gcchigh", server, ""}, {"dod", server, ""},
		{"gcchigh", server + "&audience=https://outlook.office365.us", "https://outlook.office365.us"}, {"global", server + "&audience=https://other.example", "https://other.example"},
	} {
		post, err := parseMail(loaded(t, map[string]string{"CORDON_CLOUD": tt.cloud, "CORDON_DEFENDER_AUDIENCE": "https://x.example", "CORDON_SMTP_URL": tt.url}))
		if (err != nil) != (tt.audience == "") || post.Audience != tt.audience {
			t.Errorf("%s, %s: audience %q, %v; want %q", tt.cloud, tt.url, post.Audience, err, tt.audience)
		}
		if err != nil && (!strings.Contains(err.Error(), "CORDON_SMTP_URL") || !strings.Contains(err.Error(), "&audience=")) {
			t.Error(err)
		}
	}
}
