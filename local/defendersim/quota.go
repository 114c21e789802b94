package defendersim

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Quotas are limits on the calls of one app to one endpoint, in sliding windows.
type Quotas struct {
	PerMinute int // 0: no limit
	PerHour   int // 0: no limit
	// SharedBucket counts all endpoints of an app together; the vendor's pages do not say which it is.
	SharedBucket bool
	// ForgiveRejected leaves calls that were answered 429 out of the count, so that asking on does not prolong it.
	ForgiveRejected bool
}

// DocumentedQuotas are the limits that the pages of these endpoints name: 100 calls a minute and 1,500 an hour.
func DocumentedQuotas() Quotas { return Quotas{PerMinute: 100, PerHour: 1500} }

// QuotaError is the body of 429.
type QuotaError int

const (
	ObservedQuotaError   QuotaError = iota // code "429" with the limit in the text, as seen of the service
	DocumentedQuotaError                   // code TooManyRequests, as on the error codes page
)

// quotas counts calls.
type quotas struct {
	Quotas
	mu      sync.Mutex
	buckets map[bucket]*[2]window
}

type bucket struct{ app, endpoint string }

// window remembers as many calls as its limit: a call fits if the oldest of them has left.
type window struct {
	limit int
	span  time.Duration
	calls []time.Time // a ring once it is full
	next  int         // where the oldest stands in a full ring
}

func newQuotas(q Quotas) *quotas { return &quotas{Quotas: q, buckets: map[bucket]*[2]window{}} }

// take counts a call. If it is over a limit, the time until one would fit is returned, with the limit in words.
func (q *quotas) take(app, endpoint string, now time.Time) (over time.Duration, limit string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	windows := q.windows(app, endpoint)
	rejected := windows[0].wait(now) > 0 || windows[1].wait(now) > 0
	if !rejected || !q.ForgiveRejected {
		windows[0].add(now)
		windows[1].add(now)
	}
	if !rejected {
		return 0, ""
	}
	for i := range windows {
		if w := &windows[i]; w.wait(now) > over {
			over, limit = w.wait(now), fmt.Sprintf("%d per %02d:%02d:00", w.limit, int(w.span.Hours()),
				int(w.span.Minutes())%60)
		}
	}
	return over, limit
}

func (q *quotas) windows(app, endpoint string) *[2]window {
	key := bucket{app, endpoint}
	if q.SharedBucket {
		key.endpoint = ""
	}
	found, ok := q.buckets[key]
	if !ok {
		found = &[2]window{{limit: q.PerMinute, span: time.Minute}, {limit: q.PerHour, span: time.Hour}}
		q.buckets[key] = found
	}
	return found
}

// wait is how long it takes until a call fits; 0 if it does now.
func (w *window) wait(now time.Time) time.Duration {
	if w.limit <= 0 || len(w.calls) < w.limit {
		return 0
	}
	return max(0, w.calls[w.next].Add(w.span).Sub(now))
}

func (w *window) add(now time.Time) {
	switch {
	case w.limit <= 0:
	case len(w.calls) < w.limit:
		w.calls = append(w.calls, now)
	default:
		w.calls[w.next] = now
		w.next = (w.next + 1) % w.limit
	}
}

func (s *Sim) overQuota(over time.Duration, limit string) answer {
	code, message := "429", "API calls quota exceeded! maximum allowed "+limit
	if s.o.QuotaError == DocumentedQuotaError {
		code, message = "TooManyRequests", "Response represents reaching quota limit either by number of requests "+
			"or by CPU."
	}
	a := s.fail(http.StatusTooManyRequests, code, message)
	a.retryAfter = over
	return a
}
