package setup

import (
	"context"
	"encoding/json"
	"time"

	"cordon/handler/alert"
	"cordon/handler/queue"
)

// Broker lets the services send to the two queues without knowing the broker.
type Broker struct {
	Client  *queue.Client
	Alerts  string
	Notices string
}

// SendAlerts sends messages about alerts.
func (b *Broker) SendAlerts(ctx context.Context, envelopes []alert.Envelope) error {
	messages := make([]queue.Message, 0, len(envelopes))
	for _, e := range envelopes {
		messages = append(messages, jsonMessage(e.ID, e.Message.Encode(), e.At))
	}
	return b.Client.Send(ctx, b.Alerts, messages...)
}

// SendAlert sends one message to the alert queue as it is, to be delivered at a time.
func (b *Broker) SendAlert(ctx context.Context, id string, body []byte, at time.Time) error {
	return b.Client.Send(ctx, b.Alerts, jsonMessage(id, body, at))
}

// SendNotice sends a message to the notice queue, to be delivered at a time.
func (b *Broker) SendNotice(ctx context.Context, id string, body []byte, at time.Time) error {
	return b.Client.Send(ctx, b.Notices, jsonMessage(id, body, at))
}

func jsonMessage(id string, body json.RawMessage, at time.Time) queue.Message {
	return queue.Message{
		ID:          id,
		Body:        body,
		ContentType: "application/json",
		At:          at,
	}
}
