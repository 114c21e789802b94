package trigger

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"cordon/handler/logging"
)

// Handler answers the Functions host. It is safe for concurrent use.
type Handler struct {
	options  Options
	router   http.Handler
	lazy     lazy
	decoders sync.Pool // of *jsontext.Decoder, whose buffers grow to the size of an envelope
	unproven logging.Seldom
}

// Warm builds the services, so that the first invocation need not. A failure is logged; the next invocation tries
// again. It returns when they are built, could not be, or the context ends.
func (h *Handler) Warm(ctx context.Context) {
	_, err := h.lazy.get(ctx)
	if err != nil && ctx.Err() == nil {
		h.logFailure(ctx, "services", 0, err)
	}
}

// ServeHTTP answers one request. One whose path is not written as a route is refused, whatever it would be after
// cleaning.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !exact(r) {
		notFound(w, r)
		return
	}
	r = r.WithContext(logging.WithInvocation(
		r.Context(),
		invocationID(r.Header),
	))
	path := routed(r.URL.Path)
	if path != r.URL.Path {
		meant := *r.URL
		meant.Path = path
		r.URL = &meant
	}
	h.router.ServeHTTP(w, r)
}

// invocationID is the host's id, "" if there is none that can be one. A caller of an HTTP function may send one of its
// own, which the host keeps in front of its own, so the last one counts.
func invocationID(header http.Header) string {
	values := header.Values("X-Azure-Functions-InvocationId")
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	id := strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	if len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool {
		return r <= ' ' ||
			r > '~'
	}) {
		return ""
	}
	return id
}

// fault is a panic, with where it happened.
type fault struct {
	value any
	stack string
}

func (f *fault) Error() string {
	return fmt.Sprintf("panic: %v", f.value)
}
