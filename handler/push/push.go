// Package push takes alerts that other systems report: it reads what they send, checks who they are and puts the
// alerts' ids on the queue. Nothing else of what they say is believed: whoever answers the message reads the alert from
// the API. Pushing an alert that a poll sees as well is harmless, because the two meet in the ledger.
package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
)

// The bounds of one request, and of all of them together.
const (
	MaxBody  = 256 << 10 // bytes
	MaxItems = 500       // alerts

	maxSkipped = 20 // items that the answer tells of
	AtOnce     = 16 // proven requests
)

// Refusal is the answer to a request of which nothing was accepted, as a problem document shows it (RFC 9457).
type Refusal struct {
	Status     int           // of the HTTP answer
	Code       string        // a word or two that programs can tell apart
	Detail     string        // what is wrong and the way out, for whoever wrote the sender
	RetryAfter time.Duration // 0: sending it again unchanged is of no use
	Cause      error         // for the log only; nil: Detail says it all
}

func (r *Refusal) Error() string {
	if r.Cause != nil {
		return r.Detail + ": " + r.Cause.Error()
	}
	return r.Detail
}

// Answer is how the caller is to be answered.
func (r *Refusal) Answer() (status int, code, detail string, retryAfter time.Duration) {
	return r.Status, r.Code, r.Detail, r.RetryAfter
}

func (r *Refusal) Unwrap() error { return r.Cause }

// Queue takes alert messages.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Options are the parts and settings of a Receiver. Queue, Tenant and Now are required.
type Options struct {
	Queue  Queue
	Tenant string
	Secret string // that senders prove to know; empty: the host's function key is the only proof
	// Unproven: there is a secret, and it is not known here, so nobody can prove anything.
	Unproven bool
	Now      func() time.Time
}

// Receiver takes pushed alerts. It is safe for concurrent use.
type Receiver struct {
	o     Options
	slots chan struct{} // holds an entry for each proven request that is being answered
}

// New makes a Receiver.
func New(o Options) *Receiver {
	return &Receiver{o: o, slots: make(chan struct{}, AtOnce)}
}

// Receipt says what became of a request that was accepted.
type Receipt struct {
	Accepted    []string // the alerts' ids, each once
	Skipped     []string // why an item was left out, for the first of them
	MoreSkipped int      // items that were left out besides
}

// Receive reads a request and answers with the ids of its alerts. What names no alert is skipped, unless nothing else
// is there. Any error is a *Refusal: nothing is accepted. A nil error means that the queue has all of them. A repeat
// within the same minute is dropped by the broker, a later one is answered again and finds nothing left to do.
func (r *Receiver) Receive(ctx context.Context, header http.Header, body []byte) (Receipt, error) {
	now := r.o.Now().UTC()
	if r.o.Unproven {
		return Receipt{},
			&Refusal{
				Status:     http.StatusServiceUnavailable,
				Code:       "not_ready",
				Detail:     "it cannot be told now whether a sender is to be believed; send the request again later",
				RetryAfter: unprovenAfter,
				Cause:      errors.New("CORDON_WEBHOOK_SECRET is a reference to a key vault that was not resolved"),
			}
	}
	why := distrust(r.o.Secret, header, body, now)
	if why != "" {
		refused := refuse(http.StatusUnauthorized, "unauthorized",
			"the request does not prove that its sender knows the webhook secret; see docs/push.md")
		refused.Cause = fmt.Errorf("the webhook secret: %s", why)
		return Receipt{}, refused
	}
	// After the proof: whoever cannot give one takes no place from those who can.
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return Receipt{},
			&Refusal{
				Status:     http.StatusTooManyRequests,
				Code:       "too_many_requests",
				Detail:     "too many requests at once; send it again a little later",
				RetryAfter: time.Second,
			}
	}
	receipt, refused := decode(header, body)
	if refused != nil {
		return Receipt{}, refused
	}
	err := Enqueue(ctx, r.o.Queue, r.o.Tenant, "pushed", now, receipt.Accepted)
	if err != nil {
		return Receipt{},
			&Refusal{
				Status:     http.StatusServiceUnavailable,
				Code:       "not_queued",
				Detail:     "the queue did not take all of it; send the request again",
				RetryAfter: retryAfter,
				Cause:      err,
			}
	}
	return receipt, nil
}

const (
	retryAfter = 10 * time.Second
	// unprovenAfter is for what a person has to mend first.
	unprovenAfter = 5 * time.Minute
	sendAtOnce    = 100 // messages
	forgedStart   = "hunt:"
)

// Enqueue asks for the answer to alerts by their ids. The message ids are the same for a minute, so that the broker
// drops what is sent twice. After an error some may have been sent; sending all again is harmless.
func Enqueue(
	ctx context.Context,
	queue Queue,
	tenant, reason string,
	now time.Time,
	ids []string,
) error {
	for part := range slices.Chunk(ids, sendAtOnce) {
		envelopes := make([]alert.Envelope, len(part))
		for i, id := range part {
			envelopes[i] = alert.Envelope{ID: fmt.Sprintf("%s:%d", alert.QueueID(tenant, "push:"+id), now.Unix()/60),
				Message: alert.Message{
					Tenant:     tenant,
					AlertID:    id,
					Reason:     reason,
					ObservedAt: now,
				}}
		}
		if err := queue.SendAlerts(ctx, envelopes); err != nil {
			return err
		}
	}
	return nil
}

// CheckID says why an id cannot be that of an alert that is asked for from outside.
func CheckID(id string) error {
	if err := alert.CheckID(id); err != nil {
		return err
	}
	if len(id) >= len(forgedStart) && strings.EqualFold(id[:len(forgedStart)], forgedStart) {
		return fmt.Errorf("%q is the id of a finding: only a hunt of Cordon itself makes those", id)
	}
	return nil
}
