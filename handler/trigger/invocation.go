package trigger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// invocation is the envelope in which the host posts every trigger but forwarded HTTP: {"Data":{…},"Metadata":{…}}.
type invocation struct {
	Data     map[string]jsontext.Value
	Metadata map[string]jsontext.Value
}

// success is the smallest answer that the host takes for success whatever the function's bindings.
var success = []byte(`{"Outputs":{},"Logs":[],"ReturnValue":null}` + "\n")

// badInput is an envelope that can not be read.
type badInput struct{ error }

// Undecodable is always true.
func (badInput) Undecodable() bool { return true }

func (b badInput) Unwrap() error { return b.error }

// maxDepth bounds the nesting of an envelope; the decoder itself stops at 10,000, which is more than any real one needs.
const maxDepth = 64

// read decodes the envelope, whose length the host need not tell. It is bounded in bytes, depth and time.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (invocation, error) {
	// A caller that never ends its body must not hold the invocation; not every connection can be told, and then the
	// server's own limits hold.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.options.BodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.options.MaxBody))
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if err != nil {
		return invocation{}, badInput{fmt.Errorf("the invocation's body can not be read: %w", err)}
	}
	if err := checkDepth(body); err != nil {
		return invocation{}, badInput{err}
	}
	var in invocation
	if err := json.Unmarshal(body, &in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return invocation{}, badInput{fmt.Errorf("the invocation of %d bytes is not the host's envelope: %w", len(body), err)}
	}
	return in, nil
}

// checkDepth refuses deep nesting before anything recursive looks at the body.
func checkDepth(body []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("the invocation is nested deeper than %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// scalar reads a value that the host may have encoded once more: the text "\"abc\"" is abc, "4" is 4, an object stays as
// it is. Two layers are taken off at most.
func scalar(v jsontext.Value) string {
	text := string(v)
	for range 2 {
		value := jsontext.Value(text)
		if value.Kind() != '"' || !value.IsValid() {
			break
		}
		var inner string
		if err := json.Unmarshal(value, &inner); err != nil {
			break
		}
		text = inner
	}
	return text
}

// payload is the body of a queue message: base64 where the binding says dataType binary; JSON text in a string, encoded
// once or twice, or an object, where somebody left that out or posts by hand.
func payload(v jsontext.Value) ([]byte, error) {
	switch v.Kind() {
	case '{', '[':
		return v, nil
	case '"':
	default:
		return nil, badInput{errors.New("the invocation carries no message: Data.message is missing or null")}
	}
	var text string
	if err := json.Unmarshal(v, &text); err != nil {
		return nil, badInput{fmt.Errorf("the message: %w", err)}
	}
	if body, err := base64.StdEncoding.DecodeString(text); err == nil {
		return body, nil
	}
	return []byte(scalar(jsontext.Value(text))), nil
}

// Delivery is one hand-over of a queue message.
type Delivery struct {
	Body          []byte
	MessageID     string
	DeliveryCount int       // 1 for the first, also when the host did not say
	EnqueuedAt    time.Time // zero if the host did not say
}

func (in invocation) delivery() (Delivery, error) {
	body, err := payload(in.Data["message"])
	if err != nil {
		return Delivery{}, err
	}
	d := Delivery{Body: body, MessageID: scalar(in.Metadata["MessageId"]), DeliveryCount: 1}
	if n, err := strconv.Atoi(scalar(in.Metadata["DeliveryCount"])); err == nil && n > 0 {
		d.DeliveryCount = n
	}
	// EnqueuedTimeUtc has no zone; EnqueuedTime has one.
	if at, err := time.Parse(time.RFC3339Nano, scalar(in.Metadata["EnqueuedTime"])); err == nil {
		d.EnqueuedAt = at.UTC()
	}
	return d, nil
}

// Tick is one occurrence of a timer.
type Tick struct {
	PastDue bool // the host caught up on an occurrence that it missed
}

func (in invocation) tick() Tick {
	var timer struct{ IsPastDue bool }
	if json.Unmarshal(in.Data["timer"], &timer) != nil {
		return Tick{}
	}
	return Tick{PastDue: timer.IsPastDue}
}

// problem answers with a short JSON body: no stack, no detail that belongs into the log.
func problem(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":{"code":"failed","message":"the answer can not be written"}}`)
	}
	writeBody(w, status, body)
}

// writeBody sets the type before the body: the host refuses text/plain, and Go would guess that.
func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// The host has gone if this fails; it counts the invocation as failed then.
	_, _ = w.Write(body)
}
