package checkup

import (
	"context"
	"crypto/rand"

	"cordon/handler/app/setup"
	"cordon/handler/doctor"
	"cordon/handler/entra"
	"cordon/handler/mail"
)

func (c *Checkup) mailArea() (doctor.Area, error) {
	if c.settings.MailUnresolved {
		return doctor.Shut("mail", "the settings above are wrong: CORDON_SMTP_URL"), nil
	}
	post, err := setup.Mail(c.settings)
	if err != nil {
		return nil, err
	}
	byGraph := c.settings.SMTPURL.IsZero()
	byToken := post.Auth == mail.AuthXOAuth2
	var app *entra.Source
	if byGraph || byToken {
		if app, err = c.appSource(); err != nil {
			return nil, err
		}
	}
	sender := setup.NewMailSender(c.settings, post, c.transport, app, c.log)
	var area doctor.Area
	m := doctor.Mail{Server: post.Host, To: setup.Addresses(c.settings.OperatorMail)}
	switch {
	case byGraph:
		m.Server = c.settings.GraphURL.Host
		area = tokensArea("Graph", app, c.settings.GraphAudience, c.grants().MailSend())
	case byToken:
		area = tokensArea("mail", app, post.Audience)
	}
	server, isServer := sender.(*mail.Sender)
	if isServer {
		m.Check = server.Check
	}
	if c.sendTest {
		m.Send = func(ctx context.Context) error {
			return sender.Send(ctx, c.testMail())
		}
	}
	return append(area, doctor.Mailing(m)...), nil
}

func (c *Checkup) testMail() mail.Message {
	return mail.Message{
		ID:      "doctor." + rand.Text() + "@" + setup.Domain(c.settings.MailFrom.Address),
		From:    c.settings.MailFrom.String(),
		To:      setup.Addresses(c.settings.OperatorMail),
		Subject: "Cordon: a test",
		Text: "Somebody ran \"cordon doctor --direct --send-test\". Mail from Cordon arrives here. " +
			"Nothing else has happened.\n",
	}
}
