package trigger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Delivery is one hand-over of a queue message.
type Delivery struct {
	Body          []byte    // as it was sent; empty for an empty message. The service may keep it.
	MessageID     string    // "" if the host did not say
	DeliveryCount int       // 1 for the first, also if the host did not say
	EnqueuedAt    time.Time // UTC, whole seconds; zero if the host did not say
	InvocationID  string    // of the host, another one for each delivery; "" if it did not say
}

// queueBinding is the name of the trigger in the function.json of queue triggers.
const queueBinding = "message"

func (h *Handler) respondToAlert(w http.ResponseWriter, r *http.Request) {
	h.invokeQueue(w, r, "RespondToAlert", func(ctx context.Context, s Services, d Delivery) error {
		return s.RespondToAlert(ctx, d)
	})
}

// invokeQueue answers a queue trigger's invocation.
func (h *Handler) invokeQueue(
	w http.ResponseWriter,
	r *http.Request,
	function string,
	call func(ctx context.Context, s Services, d Delivery) error,
) {
	var body []byte
	bad := errNoMessage
	h.invoke(w, r, function, taker{queueBinding, func(v jsontext.Value) { body, bad = payload(v) }},
		func(m metadata) (work, error) {
			if bad != nil {
				return nil, badInput{bad}
			}
			d := Delivery{
				Body:          body,
				MessageID:     m.messageID,
				DeliveryCount: max(m.deliveryCount, 1),
				EnqueuedAt:    m.enqueuedAt,
				InvocationID:  invocationID(r.Header),
			}
			return func(ctx context.Context, s Services) error { return call(ctx, s, d) }, nil
		})
}

var (
	errNoMessage = errors.New("the invocation carries no message: Data." + queueBinding + " is missing or null")
	errNoBody    = errors.New("the invocation's Data." + queueBinding +
		" is neither base64, as dataType binary makes it, nor JSON")
)

// payload is the body of a queue message: base64 where the binding says dataType binary; where somebody left that out
// or posts by hand, JSON text in a string, encoded once or twice, or an object. No JSON object is base64 by chance: it
// has braces.
func payload(v jsontext.Value) ([]byte, error) {
	switch v.Kind() {
	case '{', '[':
		return bytes.Clone(v), nil
	case 'n':
		return nil, errNoMessage
	case '"':
	default:
		return nil, errNoBody
	}
	said := text(v)
	if string(said) == "null" { // how the host writes null
		return nil, errNoMessage
	}
	body, err := base64.StdEncoding.AppendDecode(nil, said)
	if err == nil {
		return body, nil
	}
	inner := jsontext.Value(bytes.TrimSpace(said))
	switch kind := inner.Kind(); {
	case !inner.IsValid(tolerant()):
		return nil, errNoBody
	case isString(inner):
		return bytes.Clone(text(inner)), nil
	case kind == '{', kind == '[':
		return bytes.Clone(inner), nil
	}
	return nil, errNoBody
}
