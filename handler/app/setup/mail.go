package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	netmail "net/mail"
	"slices"
	"strings"

	"cordon/handler/config"
	"cordon/handler/entra"
	"cordon/handler/graph"
	"cordon/handler/mail"
	"cordon/handler/notice"
)

// exchangeAudience is whom a token for Exchange Online's mail server is for ("Authenticate an IMAP, POP or SMTP
// connection using OAuth" on learn.microsoft.com). What it is in the other clouds is not documented.
const exchangeAudience = "https://outlook.office365.com"

// MailSender sends a composed mail, by SMTP or through Graph.
type MailSender interface {
	Send(ctx context.Context, m mail.Message) error
}

// Mail reads the mail server's address, with the app's own certificate authorities. Without one mail goes through
// Graph.
func Mail(settings config.Config) (mail.Config, error) {
	pool, err := authorities(settings.CAFile)
	if err != nil || settings.SMTPURL.IsZero() {
		return mail.Config{}, err
	}
	post, err := mail.Parse(settings.SMTPURL.Reveal())
	if err != nil {
		return mail.Config{}, config.Problem{Name: "CORDON_SMTP_URL", Message: err.Error()}
	}
	post.RootCAs = pool
	_, domain, _ := strings.Cut(settings.MailFrom.Address, "@")
	if post.Hello == "" {
		post.Hello = domain
	}
	if post.Auth == mail.AuthXOAuth2 && post.Audience == "" {
		if !slices.Contains([]string{"global", "gcc"}, settings.Cloud) {
			said := fmt.Sprintf("auth=xoauth2 needs &audience=… in the cloud %s, whose audience the vendor does not "+
				"document: the URI that tokens for its mail server are for", settings.Cloud)
			return mail.Config{}, config.Problem{Name: "CORDON_SMTP_URL", Message: said}
		}
		post.Audience = exchangeAudience
	}
	return post, nil
}

// NewMailSender makes the one way that mail goes. It opens no connection.
func NewMailSender(
	settings config.Config,
	post mail.Config,
	transport http.RoundTripper,
	tokens *entra.Source,
	log *slog.Logger,
) MailSender {
	if settings.MailUnresolved {
		return unresolvedSender{}
	}
	if settings.SMTPURL.IsZero() {
		log.Info("mail goes through Microsoft Graph", "server", settings.GraphURL.Host)
		return mail.NewGraph(mail.GraphOptions{
			API:      graph.New(graphOptions(settings, transport, tokens, log)),
			Server:   settings.GraphURL.Host,
			MaxBytes: graph.MaxMail,
		})
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

// unresolvedSender stands for a mail server whose address is not known. It is none that was left out: mail through
// Graph was not asked for.
type unresolvedSender struct{}

// Send fails; the notice is kept and tried again.
func (unresolvedSender) Send(context.Context, mail.Message) error {
	return errors.New("CORDON_SMTP_URL is a reference to a key vault that was not resolved")
}

// Postman lets the notice service send mail without knowing how.
type Postman struct {
	Sender MailSender
	From   string
	Log    *slog.Logger
}

// Send sends a mail. That a part of its recipients can have it later only is an error that names them.
func (p *Postman) Send(ctx context.Context, m notice.Mail) error {
	message := mail.Message{
		ID:         m.ID,
		References: m.References,
		From:       p.From,
		To:         m.To,
		Subject:    m.Subject,
		Text:       m.Text,
		HTML:       m.HTML,
	}
	if m.File != nil {
		message.Attached = []mail.Attachment{{
			Name: m.File.Name,
			Type: m.File.Type,
			Body: m.File.Body,
		}}
	}
	if len(m.References) > 0 {
		message.InReplyTo = m.References[len(m.References)-1]
	}
	err := p.Sender.Send(ctx, message)
	var partly *mail.Error
	if errors.As(err, &partly) &&
		partly.Delivered() &&
		partly.Temporary() &&
		len(partly.Refused) > 0 {
		left := &notice.PartlySentError{Err: err}
		for _, i := range partly.Refused {
			left.Left = append(left.Left, m.To[i])
		}
		return left
	}
	if errors.As(err, &partly) && partly.Delivered() {
		// Sending again would repeat the mail to those who have it.
		p.Log.ErrorContext(ctx, "some recipients were refused; check CORDON_MAIL_TO and the playbook",
			"mail", m.ID, "error", err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	return nil
}

// Domain is the part of an address after the @.
func Domain(address string) string {
	_, host, _ := strings.Cut(address, "@")
	return host
}

// Addresses are addresses as they are written in a mail.
func Addresses(list []netmail.Address) []string {
	plain := make([]string, 0, len(list))
	for _, a := range list {
		plain = append(plain, a.String())
	}
	return plain
}
