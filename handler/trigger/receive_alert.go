package trigger

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"cordon/handler/outgoing"
)

// Pushed is a request of another system that reports alerts.
type Pushed struct {
	Header http.Header
	Body   []byte
}

// Receipt says what became of a request that was accepted.
type Receipt struct {
	Accepted    []string // the alerts' ids, each once
	Skipped     []string // why an item was left out, for the first of them
	MoreSkipped int      // items that were left out besides
}

// Refused is the error of a service that knows how the caller is to be answered.
type Refused interface {
	error
	// Answer is the status, a word for programs, a sentence for people, and when a repeat may work; 0: never.
	Answer() (status int, code, detail string, retryAfter time.Duration)
}

// The bounds of what comes from outside.
const (
	maxPushed    = 256 << 10
	pushBodyTime = 10 * time.Second // for the body to arrive
	pushTime     = 25 * time.Second // well before the front end gives up
)

// receiveAlert answers 202 with the ids, and with what was skipped, once the queue has all of them, else a problem
// document (RFC 9457).
func (h *Handler) receiveAlert(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(
		r.Context(),
		min(pushTime, h.options.Deadline),
	)
	defer cancel()
	body, whole := h.forwardedBody(w, r, maxPushed,
		"the body is larger than 256 KiB; send fewer alerts in one request")
	if !whole {
		return
	}
	var receipt Receipt
	err := guard(func() error {
		services, err := h.lazy.get(ctx)
		if err != nil {
			return err
		}
		receipt, err = services.ReceiveAlert(ctx, Pushed{Header: r.Header, Body: body})
		return err
	})
	var refused Refused
	switch {
	case err == nil:
		h.write(ctx, w, "ReceiveAlert", http.StatusAccepted,
			accepted{
				receipt.Accepted, receipt.Skipped, receipt.MoreSkipped,
				"/api/health, and the record of each alert by its id",
			})
	case errors.As(err, &refused):
		status, code, detail, after := refused.Answer()
		switch {
		case status == http.StatusUnauthorized:
			h.unproven.Warn(ctx, h.options.Log, "pushes without a valid proof were refused", err)
		case status >= http.StatusInternalServerError:
			h.logFailure(ctx, "ReceiveAlert", 0, err)
		}
		problemDocument(w, status, code, detail, after)
	default:
		h.logFailure(ctx, "ReceiveAlert", 0, err)
		problemDocument(w, http.StatusServiceUnavailable, "not_ready",
			"the alerts could not be taken now; send the request again", 10*time.Second)
	}
}

// forwardedBody reads a body from outside, bounded in bytes and in time; what is not whole has been answered. Whoever
// sends slowly keeps nobody else from being answered: a request takes its place among those that are answered once it
// has proved itself.
func (h *Handler) forwardedBody(
	w http.ResponseWriter,
	r *http.Request,
	limit int64,
	tooLarge string,
) (body []byte, whole bool) {
	in := http.NewResponseController(w)
	// What has no deadline of its own is bounded by the server's.
	_ = in.SetReadDeadline(time.Now().Add(min(pushBodyTime, h.options.BodyTime)))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		return body, true
	}
	// Or else the server would wait for the rest of the body before it lets the answer go.
	w.Header().Set("Connection", "close")
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		problemDocument(w, http.StatusRequestEntityTooLarge, "too_large", tooLarge, 0)
	case errors.Is(err, os.ErrDeadlineExceeded):
		problemDocument(w, http.StatusRequestTimeout, "too_slow", "the body did not arrive in time; send it again",
			time.Second)
	default:
		problemDocument(w, http.StatusBadRequest, "cut", "the body did not arrive whole; send it again", time.Second)
	}
	return nil, false
}

// accepted is the answer to a request whose alerts are on the queue.
type accepted struct {
	Accepted    []string `json:"accepted"`             // the alerts' ids, each once
	Skipped     []string `json:"skipped,omitempty"`    // why an item was left out, for the first of them
	MoreSkipped int      `json:"moreSkipped,omitzero"` // items that were left out besides
	Look        string   `json:"look"`                 // where to see what becomes of them
}

// problemDocument answers with a problem; it never says more than its caller wrote.
func problemDocument(w http.ResponseWriter, status int, code, detail string, after time.Duration) {
	if after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	}
	// no field can fail
	body, _ := outgoing.Encode(pushProblem{
		"about:blank",
		http.StatusText(status),
		status,
		shorten(detail),
		code,
	})
	writeBody(w, status, problemJSON, body)
}

type pushProblem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}
