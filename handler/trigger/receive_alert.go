package trigger

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// Pushed is a request of another system that reports alerts.
type Pushed struct {
	Header http.Header
	Body   []byte
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
	pushTime     = 25 * time.Second // well before the front end gives up
	pushesAtOnce = 16
)

// receiveAlert answers 202 with the ids once the queue has all of them, else a problem document (RFC 9457).
func (h *Handler) receiveAlert(w http.ResponseWriter, r *http.Request) {
	select {
	case h.pushes <- struct{}{}:
		defer func() { <-h.pushes }()
	default:
		problemDocument(w, http.StatusTooManyRequests, "too_many_requests", "too many requests at once; send it again a little later", time.Second)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(pushTime, h.options.Deadline))
	defer cancel()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPushed))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		problemDocument(w, http.StatusRequestEntityTooLarge, "too_large", "the body is larger than 256 KiB; send fewer alerts in one request", 0)
		return
	case err != nil:
		problemDocument(w, http.StatusBadRequest, "cut", "the body did not arrive whole; send it again", time.Second)
		return
	}
	var ids []string
	err = guard(func() error {
		services, err := h.lazy.get(ctx)
		if err != nil {
			return err
		}
		ids, err = services.ReceiveAlert(ctx, Pushed{Header: r.Header, Body: body})
		return err
	})
	var refused Refused
	switch {
	case err == nil:
		writeDocument(w, http.StatusAccepted, "application/json", accepted{ids, "/api/health, and the record of each alert by its id"})
	case errors.As(err, &refused):
		status, code, detail, after := refused.Answer()
		if status == http.StatusUnauthorized || status >= http.StatusInternalServerError {
			h.logFailure(ctx, "ReceiveAlert", 0, err)
		}
		problemDocument(w, status, code, detail, after)
	default:
		h.logFailure(ctx, "ReceiveAlert", 0, err)
		problemDocument(w, http.StatusServiceUnavailable, "not_ready", "the alerts could not be taken now; send the request again", 10*time.Second)
	}
}

// accepted is the answer to a request whose alerts are on the queue.
type accepted struct {
	Accepted []string `json:"accepted"` // the alerts' ids, each once
	Look     string   `json:"look"`     // where to see what becomes of them
}

// problemDocument answers with a problem; it never says more than its caller wrote.
func problemDocument(w http.ResponseWriter, status int, code, detail string, after time.Duration) {
	if after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	}
	writeDocument(w, status, "application/problem+json", struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{"about:blank", http.StatusText(status), status, shorten(detail), code})
}

func writeDocument(w http.ResponseWriter, status int, kind string, v any) {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		problem(w, http.StatusInternalServerError, "failed", "the answer can not be written")
		return
	}
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
