package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"cordon/handler/config"
	"cordon/handler/entra"
	"cordon/handler/graph"
	"cordon/handler/httpretry"
	"cordon/handler/mail"
)

// exchangeAudience is whom a token for Exchange Online's mail server is for ("Authenticate an IMAP, POP or SMTP connection using
// OAuth" on learn.microsoft.com). What it is in the other clouds is not documented.
const exchangeAudience = "https://outlook.office365.com"

// mailSender sends a composed mail, by SMTP or through Graph.
type mailSender interface {
	Send(ctx context.Context, m mail.Message) error
}

// parseMail reads the mail server's address, with the app's own certificate authorities. Without one mail goes through Graph.
func parseMail(settings config.Config) (mail.Config, error) {
	pool, err := authorities(settings.CAFile)
	if err != nil || settings.SMTPURL.IsZero() {
		return mail.Config{}, err
	}
	post, err := mail.Parse(settings.SMTPURL.Reveal())
	if err != nil {
		return mail.Config{}, config.Problem{Name: "CORDON_SMTP_URL", Message: err.Error()}
	}
	post.RootCAs = pool
	if _, domain, _ := strings.Cut(settings.MailFrom.Address, "@"); post.Hello == "" {
		post.Hello = domain
	}
	if post.Auth == mail.AuthXOAuth2 && post.Audience == "" {
		if !slices.Contains([]string{"global", "gcc"}, settings.Cloud) {
			return mail.Config{}, config.Problem{Name: "CORDON_SMTP_URL", Message: fmt.Sprintf("auth=xoauth2 needs &audience=… in the cloud %s, "+
				"whose audience the vendor does not document: the URI that tokens for its mail server are for", settings.Cloud)}
		}
		post.Audience = exchangeAudience
	}
	return post, nil
}

// newMailSender makes the one way that mail goes. It opens no connection.
func newMailSender(settings config.Config, post mail.Config, transport http.RoundTripper, tokens *entra.Source, log *slog.Logger) mailSender {
	if settings.MailUnresolved {
		return unresolvedSender{}
	}
	if settings.SMTPURL.IsZero() {
		log.Info("mail goes through Microsoft Graph", "server", settings.GraphURL.Host)
		return mail.NewGraph(mail.GraphOptions{API: graphClient(settings, transport, tokens, log), Server: settings.GraphURL.Host, MaxBytes: graph.MaxMail})
	}
	if post.Auth == mail.AuthXOAuth2 {
		post.Token = func(ctx context.Context) (string, error) {
			token, err := tokens.Token(ctx, post.Audience+"/.default")
			return token.Value.Reveal(), err
		}
	}
	log.Info("mail goes by SMTP", "server", post.Host)
	return mail.New(post)
}

// unresolvedSender stands for a mail server whose address is not known. It is none that was left out: mail through Graph
// was not asked for.
type unresolvedSender struct{}

// Send fails; the notice is kept and tried again.
func (unresolvedSender) Send(context.Context, mail.Message) error {
	return errors.New("CORDON_SMTP_URL is a reference to a key vault that was not resolved")
}

// graphClient stacks repeats over tokens over the connection, as defenderClient does.
func graphClient(settings config.Config, transport http.RoundTripper, tokens *entra.Source, log *slog.Logger) *graph.Client {
	authorized := &entra.Transport{Base: transport, Source: tokens, Scope: settings.GraphAudience + "/.default", AllowedHost: settings.GraphURL.Host}
	patient := httpretry.New(httpretry.Options{Base: authorized, Budget: graph.Budget, OnRetry: func(r httpretry.Retry) {
		log.Warn("request is repeated", "endpoint", r.Key, "attempt", r.Attempt, "status", r.Status, "wait", r.Wait.String())
	}})
	return graph.New(graph.Options{Base: settings.GraphURL, HTTP: &http.Client{Transport: patient}})
}
