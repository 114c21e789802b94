package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cordon/handler/alert"
	"cordon/handler/mail"
	"cordon/handler/notice"
	"cordon/handler/queue"
)

// broker lets the services send to the two queues without knowing the broker.
type broker struct {
	client  *queue.Client
	alerts  string
	notices string
}

func (b *broker) SendAlerts(ctx context.Context, envelopes []alert.Envelope) error {
	messages := make([]queue.Message, 0, len(envelopes))
	for _, e := range envelopes {
		messages = append(messages, jsonMessage(e.ID, e.Message.Encode(), e.At))
	}
	return b.client.Send(ctx, b.alerts, messages...)
}

func (b *broker) PutBack(ctx context.Context, id string, body []byte, at time.Time) error {
	return b.client.Send(ctx, b.alerts, jsonMessage(id, body, at))
}

func (b *broker) SendNotice(ctx context.Context, id string, body []byte, at time.Time) error {
	return b.client.Send(ctx, b.notices, jsonMessage(id, body, at))
}

func jsonMessage(id string, body json.RawMessage, at time.Time) queue.Message {
	return queue.Message{ID: id, Body: body, ContentType: "application/json", At: at}
}

// postman lets the notice service send mail without knowing how.
type postman struct {
	sender mailSender
	from   string
	log    *slog.Logger
}

func (p *postman) Send(ctx context.Context, m notice.Mail) error {
	message := mail.Message{ID: m.ID, References: m.References, From: p.from, To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML}
	if len(m.References) > 0 {
		message.InReplyTo = m.References[len(m.References)-1]
	}
	err := p.sender.Send(ctx, message)
	var partly *mail.Error
	if errors.As(err, &partly) && partly.Delivered() && partly.Temporary() && len(partly.Refused) > 0 {
		left := &notice.PartlySentError{Err: err}
		for _, i := range partly.Refused {
			left.Left = append(left.Left, m.To[i])
		}
		return left
	}
	if errors.As(err, &partly) && partly.Delivered() {
		// Sending again would repeat the mail to those who have it.
		p.log.ErrorContext(ctx, "some recipients were refused; check CORDON_MAIL_TO and the playbook", "mail", m.ID, "error", err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	return nil
}
