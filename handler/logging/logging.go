// Package logging makes the program's log lines: JSON on standard output, one line each, with the invocation and the run
// that they belong to. The Functions host takes standard error for errors and reads no levels, so everything goes to
// standard output. It imports nothing of ours and is imported by everybody who logs.
package logging

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

type (
	invocationKey struct{}
	runKey        struct{}
)

// WithInvocation marks a context with the host's id of the invocation; log lines under it carry the id.
func WithInvocation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, invocationKey{}, id)
}

// WithRun marks a context with the id of the run that is worked on; log lines under it carry the id.
func WithRun(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, runKey{}, id)
}

// maxValue bounds one value of a line: the host may cut long lines, and what they end with would be lost.
const maxValue = 4 << 10

// New makes a logger that writes JSON lines to w. Values under names that look like secrets are hidden, long ones cut.
func New(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(&handler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: tame})})
}

type handler struct{ slog.Handler }

// Handle adds the ids of the context to the line.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if id, ok := ctx.Value(invocationKey{}).(string); ok && id != "" {
		r.AddAttrs(slog.String("invocation", id))
	}
	if id, ok := ctx.Value(runKey{}).(string); ok && id != "" {
		r.AddAttrs(slog.String("run", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the ids coming for a logger with attributes of its own.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the ids coming for a logger with a group.
func (h *handler) WithGroup(name string) slog.Handler { return &handler{h.Handler.WithGroup(name)} }

// tame hides and shortens.
func tame(_ []string, a slog.Attr) slog.Attr {
	name := strings.ToLower(a.Key)
	for _, secret := range []string{"secret", "token", "password", "authorization", "apikey", "functionskey", "functions-key"} {
		if strings.Contains(name, secret) {
			return slog.String(a.Key, "[hidden]")
		}
	}
	if a.Value.Kind() == slog.KindAny {
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(err.Error())
		}
	}
	if a.Value.Kind() == slog.KindString && len(a.Value.String()) > maxValue {
		a.Value = slog.StringValue(strings.ToValidUTF8(a.Value.String()[:maxValue], "") + "… (cut)")
	}
	return a
}
