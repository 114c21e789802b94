// Package logging makes the program's log lines: JSON on standard output, one line each, with the invocation and the
// run that they belong to. The Functions host takes standard error for errors and reads no levels, so everything goes
// to standard output ("Azure Functions custom handlers", Logging). It is imported by everybody who logs.
package logging

import (
	"context"
	"io"
	"log/slog"
)

type (
	invocationKey struct{}
	runKey        struct{}
)

// WithInvocation marks a context with the host's id of the invocation; log lines under it carry the id. An empty id
// adds nothing to them.
func WithInvocation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, invocationKey{}, id)
}

// WithRun marks a context with the id of the run that is worked on; log lines under it carry the id. An empty id adds
// nothing to them.
func WithRun(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, runKey{}, id)
}

// New makes a logger that writes JSON lines to w, each in one Write. Values under names that look like secrets are
// hidden, values over 4 KiB are cut, and a line over 30 KiB keeps its message, its ids and its error only.
func New(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(&handler{slog.NewJSONHandler(&bounded{w}, &slog.HandlerOptions{
		Level:       level,
		ReplaceAttr: tame,
	})})
}

type handler struct{ slog.Handler }

// Handle adds the ids of the context to the line, unless the line names its own. Under an open group they are written
// into the group.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	own := map[string]bool{}
	r.Attrs(func(a slog.Attr) bool {
		own[a.Key] = true
		return true
	})
	add := func(name string, value any) {
		id, ok := value.(string)
		if ok && id != "" && !own[name] {
			r.AddAttrs(slog.String(name, id))
		}
	}
	add("invocation", ctx.Value(invocationKey{}))
	add("run", ctx.Value(runKey{}))
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the ids coming for a logger with attributes of its own.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the ids coming for a logger with a group.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name)}
}
