package notice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/incoming"
	"cordon/handler/outgoing"
)

// Format is the format of the notice queue's messages.
const Format = 1

// Message asks for one sequence of a group to be sent. It is a hint; the ledger knows what is to be said.
type Message struct {
	Format int    `json:"format"`
	Tenant string `json:"tenant"`
	Group  string `json:"group"`
	Seq    int    `json:"seq"`
}

// Ask queues the message that asks for a sequence. The suffix makes it a new message for the broker.
func Ask(ctx context.Context, q Queue, m Message, suffix string, at time.Time) error {
	m.Format = Format
	body, err := outgoing.Encode(m)
	if err != nil {
		return err
	}
	return q.SendNotice(ctx, MessageID(m.Tenant, m.Group, m.Seq)+suffix, body, at)
}

// DecodeMessage reads a message of the notice queue that is for a tenant. An error other than alert.ErrUnknownFormat,
// which means a newer version of Cordon wrote it, says what is wrong and never becomes right by waiting.
func DecodeMessage(tenant string, body []byte) (Message, error) {
	body = incoming.Document(body) // a person may have written it
	// The format is read alone first: a newer one may have changed the types of everything else.
	var format struct {
		Format int `json:"format"`
	}
	err := json.Unmarshal(body, &format)
	if err == nil && format.Format > Format {
		return Message{},
			fmt.Errorf("format %d, this version reads up to %d: %w", format.Format, Format, alert.ErrUnknownFormat)
	}
	var m Message
	if err := json.Unmarshal(body, &m); err != nil {
		return Message{}, fmt.Errorf("notice message of %d bytes: %w", len(body), err)
	}
	if m.Tenant != tenant || m.Group == "" || m.Seq < 1 {
		return Message{},
			fmt.Errorf("notice message for tenant %q, group %q, sequence %d is not one of ours", m.Tenant, m.Group,
				m.Seq)
	}
	return m, nil
}

// MessageID is the id under which the message of a sequence is queued. Copies and deliberate repeats append a suffix of
// their own.
func MessageID(tenant, group string, seq int) string {
	return fmt.Sprintf("%s:%d", alert.QueueID(tenant, group), seq)
}

// messageID is derived from group and sequence, so that a repeated mail is recognised by mail programs.
func (o *Outbox) messageID(group string, seq int) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{o.Notices.Tenant(), group}, "|")))
	return fmt.Sprintf("cordon.%s.%d@%s", hex.EncodeToString(sum[:12]), seq, o.Domain)
}
