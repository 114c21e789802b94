package trigger

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// The bounds of what people and their programs ask. Defender takes an order about a hundred machines one by one, a hunt's
// query may take its time, and the front end gives up after 230 s.
const (
	maxAsked  = 64 << 10 // bytes of a body
	askTime   = 25 * time.Second
	orderTime = 150 * time.Second
	huntTime  = 200 * time.Second
	operator  = "/api/operator/"
	pages     = "/api/console/"
)

// operate passes a request to the operator API, which finds out who asks.
func (h *Handler) operate(w http.ResponseWriter, r *http.Request) {
	h.forward(w, r, "Operate", func(s Services) http.Handler { return s.Operate })
}

// signIn passes a request to the pages by which people sign in with a browser.
func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) {
	h.forward(w, r, "SignIn", func(s Services) http.Handler { return s.SignIn })
}

// console passes a request to the pages of people who signed in.
func (h *Handler) console(w http.ResponseWriter, r *http.Request) {
	h.forward(w, r, "Console", func(s Services) http.Handler { return s.Console })
}

// forward bounds a request in bytes and in time, and passes it on. Nothing of it is logged here: its query may hold
// what only the authority and Cordon are to know.
func (h *Handler) forward(
	w http.ResponseWriter,
	r *http.Request,
	function string,
	service func(Services) http.Handler,
) {
	ctx, cancel := context.WithTimeout(r.Context(), min(timeFor(r), h.options.Deadline))
	defer cancel()
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	body, whole := h.forwardedBody(w, r, maxAsked, "the body is larger than 64 KiB; ask for less at once")
	if !whole {
		return
	}
	out := &tracked{ResponseWriter: w}
	err := guard(func() error {
		services, err := h.lazy.get(ctx)
		if err != nil {
			return err
		}
		to := service(services)
		if to == nil {
			problemDocument(out, http.StatusNotFound, "off",
				"sign-in is off: CORDON_APP_URL and CORDON_SIGNIN_CLIENT_ID turn it on; see docs/identity.md", 0)
			return nil
		}
		asked := r.WithContext(ctx)
		asked.Body = io.NopCloser(bytes.NewReader(body))
		asked.ContentLength = int64(len(body))
		to.ServeHTTP(out, asked)
		return nil
	})
	if err == nil {
		return
	}
	h.logFailure(ctx, function, 0, err)
	if !out.begun {
		problemDocument(w, http.StatusServiceUnavailable, "not_ready", "this could not be answered now; ask again",
			10*time.Second)
	}
}

// timeFor is how long an answer may take.
func timeFor(r *http.Request) time.Duration {
	ordered := r.Method == http.MethodPost
	switch path := r.URL.Path; {
	case ordered && (path == operator+"hunts/run" || path == pages+"huntrun"):
		return huntTime
	case ordered && (strings.HasPrefix(path, operator) || strings.HasPrefix(path, pages)):
		return orderTime
	}
	return askTime
}

// tracked knows whether it was begun: then nothing else can be said.
type tracked struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader begins the answer.
func (t *tracked) WriteHeader(status int) {
	t.begun = true
	t.ResponseWriter.WriteHeader(status)
}

// Write begins the answer too.
func (t *tracked) Write(body []byte) (int, error) {
	t.begun = true
	return t.ResponseWriter.Write(body)
}
