package servicebus

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

// manage answers $management, "AMQP 1.0 in Azure Service Bus: request-response-based operations" on
// learn.microsoft.com.
func (c *conn) manage(entity, operation string, m *wire.Message) reply {
	body, _ := m.Value().(wire.Map)
	args := body.Text()
	b := c.server.broker
	switch name, _ := strings.CutPrefix(operation, "com.microsoft:"); name {
	case "renew-lock":
		return b.manageRenew(args)
	case "schedule-message":
		return b.manageSchedule(entity, args)
	case "cancel-scheduled-message":
		return b.manageCancel(entity, args)
	case "peek-message":
		return b.managePeek(entity, args)
	case "receive-by-sequence-number":
		return b.manageDeferred(entity, args)
	case "update-disposition":
		return b.manageDisposition(args)
	default:
		return reply{
			status:    http.StatusNotImplemented,
			text:      fmt.Sprintf("the operation %q is not supported", operation),
			condition: amqp.ErrCondNotImplemented,
		}
	}
}

// troubled is the answer for an error of the broker.
func troubled(err error) reply {
	switch {
	case errors.Is(err, ErrLockLost):
		return reply{
			status: http.StatusGone,
			text: "The lock supplied is invalid. Either the lock expired, or the message has already been " +
				"removed from the queue.",
			condition: lockLost,
		}
	case errors.Is(err, ErrNotHeld):
		return reply{status: http.StatusNotFound, text: err.Error(), condition: "com.microsoft:message-not-found"}
	case errors.Is(err, ErrNoQueue):
		return reply{status: http.StatusNotFound, text: err.Error(), condition: amqp.ErrCondNotFound}
	default:
		return bad("%v", err)
	}
}

func (b *broker) manageRenew(args map[string]any) reply {
	tokens, found := wire.Values[wire.UUID](args["lock-tokens"])
	if !found {
		return bad("lock-tokens is no array of uuid")
	}
	var ends []time.Time
	for _, token := range tokens {
		until, err := b.renew(token)
		if err != nil {
			return troubled(err)
		}
		ends = append(ends, until)
	}
	return ok(wire.Map{{Key: "expirations", Value: wire.ArrayOf(ends)}})
}

func (b *broker) manageSchedule(entity string, args map[string]any) reply {
	list, found := args["messages"].([]any)
	if !found {
		return bad("messages is no list")
	}
	var messages []*wire.Message
	for _, entry := range list {
		fields, _ := entry.(wire.Map)
		data, found := fields.Text()["message"].([]byte)
		if !found {
			return bad("an entry of messages holds no message")
		}
		if len(data) > maxMessageSize {
			return reply{
				status:    http.StatusBadRequest,
				text:      fmt.Sprintf("the message is larger than %d bytes", maxMessageSize),
				condition: amqp.ErrCondMessageSizeExceeded,
			}
		}
		m, err := decodeMessage(data)
		if err != nil {
			return bad("%v", err)
		}
		messages = append(messages, m)
	}
	numbers, refusal := b.accept(entity, messages)
	if refusal != nil {
		return reply{
			status:    statusOf(amqp.ErrCond(refusal.Condition)),
			text:      refusal.Description,
			condition: amqp.ErrCond(refusal.Condition),
		}
	}
	return ok(wire.Map{{Key: "sequence-numbers", Value: wire.ArrayOf(numbers)}})
}

// statusOf is the status of a request that was refused for an AMQP condition.
func statusOf(c amqp.ErrCond) int32 {
	switch c {
	case amqp.ErrCondNotFound:
		return http.StatusNotFound
	case amqp.ErrCondUnauthorizedAccess:
		return http.StatusUnauthorized
	case serverBusy:
		return http.StatusServiceUnavailable
	case amqp.ErrCondResourceLimitExceeded, "com.microsoft:entity-disabled":
		return http.StatusForbidden
	default:
		return http.StatusInternalServerError
	}
}

func (b *broker) manageCancel(entity string, args map[string]any) reply {
	numbers, found := wire.Values[int64](args["sequence-numbers"])
	if !found {
		return bad("sequence-numbers is no array of long")
	}
	if err := b.cancel(entity, numbers); err != nil {
		return troubled(err)
	}
	return ok(nil)
}

// maxPeekSize ends an answer to peek-message after so many bytes. Clients go on from the last number.
const maxPeekSize = maxMessageSize

func (b *broker) managePeek(entity string, args map[string]any) reply {
	from, found := args["from-sequence-number"].(int64)
	count, counted := args["message-count"].(int32)
	if !found || !counted || count < 1 {
		return bad("from-sequence-number must be a long and message-count a positive int")
	}
	messages, err := b.peek(entity, from, int(count), maxPeekSize)
	if err != nil {
		return troubled(err)
	}
	if len(messages) == 0 {
		return reply{status: http.StatusNoContent, text: "No messages"}
	}
	var list []any
	for _, data := range messages {
		list = append(list, wire.Map{{Key: "message", Value: data}})
	}
	return ok(wire.Map{{Key: "messages", Value: list}})
}

func (b *broker) manageDeferred(entity string, args map[string]any) reply {
	numbers, found := wire.Values[int64](args["sequence-numbers"])
	mode, moded := args["receiver-settle-mode"].(uint32)
	if !found || !moded {
		return bad("sequence-numbers must be an array of long and receiver-settle-mode a uint")
	}
	messages, err := b.takeDeferred(entity, numbers, mode == 0)
	if err != nil {
		return troubled(err)
	}
	var list []any
	for _, m := range messages {
		list = append(list, wire.Map{{Key: "message", Value: m.data}, {Key: "lock-token", Value: m.token}})
	}
	return ok(wire.Map{{Key: "messages", Value: list}})
}

func (b *broker) manageDisposition(args map[string]any) reply {
	tokens, found := wire.Values[wire.UUID](args["lock-tokens"])
	if !found {
		return bad("lock-tokens is no array of uuid")
	}
	status, _ := args["disposition-status"].(string)
	kinds := map[string]outcomeKind{
		"completed": complete,
		"abandoned": abandon,
		"suspended": deadLetter,
		"defered":   postpone,
		"deferred":  postpone,
	}
	kind, known := kinds[status]
	if !known {
		return bad("disposition-status %q is not known", status)
	}
	o := outcome{kind: kind}
	o.reason, _ = args["deadletter-reason"].(string)
	o.description, _ = args["deadletter-description"].(string)
	modified, _ := args["properties-to-modify"].(wire.Map)
	o.properties = settable(modified)
	for _, token := range tokens {
		if err := b.settle(token, o); err != nil {
			return troubled(err)
		}
	}
	return ok(nil)
}
