package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"unicode/utf8"

	"cordon/handler/outgoing"
)

// success is the smallest answer that the host takes for success whatever the function's bindings. An empty body or
// null would leave the invocation open until functionTimeout ("Azure Functions custom handlers", Response payload).
var success = []byte(`{"Outputs":{},"Logs":[],"ReturnValue":null}`)

// work is a decoded invocation: what is left is to call its service.
type work func(ctx context.Context, s Services) error

// invoke reads an envelope, calls one service under the invocation's deadline and answers. The deadline runs from here,
// so that a slow body or slow services take from the invocation's own time. decode gets what the host said about the
// delivery and the error of the trigger's value, which take has been handed.
func (h *Handler) invoke(
	w http.ResponseWriter,
	r *http.Request,
	function string,
	t taker,
	decode func(m metadata) (work, error),
) {
	ctx, cancel := context.WithTimeout(r.Context(), h.options.Deadline)
	defer cancel()
	var m metadata
	err := guard(func() error {
		var err error
		m, err = h.read(w, r, t)
		if err != nil {
			return err
		}
		do, err := decode(m)
		if err != nil {
			return err
		}
		services, err := h.lazy.get(ctx)
		if err != nil {
			return err
		}
		return do(ctx, services)
	})
	h.answer(ctx, w, function, m.deliveryCount, err)
}

// undecodable is an error of input that can never be read.
type undecodable interface{ Undecodable() bool }

// badInput is an envelope that cannot be read. Its text names no value of it.
type badInput struct{ error }

// Undecodable is always true.
func (badInput) Undecodable() bool { return true }

func (b badInput) Unwrap() error { return b.error }

// answer is the one place that turns an error into an answer, for every function with an envelope. The host reads
// nothing of an answer that is not 2xx, so the reason is logged here, once; a caller who posts by hand is told as much
// of it as can hold nothing from the alert or the settings.
func (h *Handler) answer(
	ctx context.Context,
	w http.ResponseWriter,
	function string,
	delivery int,
	err error,
) {
	if err == nil {
		writeBody(w, http.StatusOK, plainJSON, success)
		return
	}
	h.logFailure(ctx, function, delivery, err)
	code := "failed"
	message := function + " failed; the log has the reason"
	var (
		input    badInput
		crash    *fault
		starting *notReady
	)
	switch {
	case errors.As(err, &crash):
		code = "panic"
		message = function + " ended in a fault of the program; the log has the place"
	case errors.As(err, &starting):
		code, message = "not_ready", starting.Error()
	case errors.As(err, &input):
		code, message = "undecodable", input.Error()
	case isUndecodable(err):
		code = "undecodable"
		message = function + " cannot read the message; the log has the reason"
	case ctx.Err() != nil:
		code = "deadline"
		message = function + " was not done in time; the log has the reason"
	}
	problem(w, http.StatusInternalServerError, code, message)
}

func isUndecodable(err error) bool {
	var u undecodable
	return errors.As(err, &u) && u.Undecodable()
}

// logFailure writes the reason of a failed invocation. A message that can never be read comes again until it is
// dead-lettered, always for the same reason, so only its first delivery is an error in the log.
func (h *Handler) logFailure(ctx context.Context, function string, delivery int, err error) {
	attrs := []slog.Attr{slog.String("function", function), slog.String("error", err.Error())}
	if delivery > 0 {
		attrs = append(attrs, slog.Int("delivery", delivery))
	}
	var crash *fault
	if errors.As(err, &crash) {
		attrs = append(attrs, slog.String("stack", crash.stack))
	}
	level := slog.LevelError
	if delivery > 1 && isUndecodable(err) {
		level = slog.LevelDebug
	}
	h.options.Log.LogAttrs(ctx, level, "invocation failed", attrs...)
}

// maxMessage bounds the message of a problem, in bytes.
const maxMessage = 300

// problem answers with a short JSON body: no stack, no detail that belongs into the log.
func problem(w http.ResponseWriter, status int, code, message string) {
	body, _ := outgoing.Encode(problemBody{problemDetail{code, shorten(message)}}) // texts only: it cannot fail
	writeBody(w, status, plainJSON, body)
}

type problemBody struct {
	Error problemDetail `json:"error"`
}

type problemDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// shorten cuts what an answer says to maxMessage.
func shorten(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	message = message[:maxMessage]
	for !utf8.ValidString(message) && len(message) > maxMessage-utf8.UTFMax {
		message = message[:len(message)-1]
	}
	return message + "…"
}

// The types of answers.
const (
	plainJSON   = "application/json"
	problemJSON = "application/problem+json"
)

// write answers with v. The host counts an answer of any status as a success of the function, so one that cannot be
// written is an error in the log.
func (h *Handler) write(
	ctx context.Context,
	w http.ResponseWriter,
	function string,
	status int,
	v any,
) {
	body, err := outgoing.Encode(v)
	if err == nil && string(body) == "null" {
		err = errors.New("there is none")
	}
	if err != nil {
		h.logFailure(ctx, function, 0, fmt.Errorf("the answer cannot be written: %w", err))
		problem(w, http.StatusInternalServerError, "failed", "the answer cannot be written; the log has the reason")
		return
	}
	writeBody(w, status, plainJSON, body)
}

// writeBody sets the type before the body: the host refuses text/plain, and Go would guess that.
func writeBody(w http.ResponseWriter, status int, kind string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The host has gone if this fails; it counts the invocation as failed then.
	_, _ = w.Write(body)
}
