package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
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

func (b *broker) sendAlert(ctx context.Context, id string, body []byte, at time.Time) error {
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
	if m.File != nil {
		message.Attached = []mail.Attachment{{Name: m.File.Name, Type: m.File.Type, Body: m.File.Body}}
	}
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

// pauses lets the processes tell each other through the ledger that an endpoint wants no requests.
type pauses struct {
	ledger *ledger.Store
	log    *slog.Logger
}

func (p *pauses) PausedUntil(ctx context.Context, endpoint string) (time.Time, error) {
	until, err := p.ledger.EndpointPausedUntil(ctx, endpoint)
	if err != nil {
		p.log.WarnContext(ctx, "it is not known whether others were told to leave the endpoint alone; this process goes by its own answers", "endpoint", endpoint, "error", err.Error())
	}
	return until, err
}

func (p *pauses) Pause(ctx context.Context, endpoint string, until time.Time) error {
	err := p.ledger.PauseEndpoint(ctx, endpoint, time.Now(), until)
	if err != nil {
		p.log.WarnContext(ctx, "the others could not be told to leave the endpoint alone; each finds out for itself", "endpoint", endpoint, "until", until, "error", err.Error())
		return err
	}
	p.log.InfoContext(ctx, "endpoint paused for all processes", "endpoint", endpoint, "until", until)
	return nil
}
