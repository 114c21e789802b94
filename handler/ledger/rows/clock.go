package rows

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// clock is the time by the table service, as the Date of its answers tells it. Between two answers our own clock counts
// on, by what has passed and not by what it shows, so that it may be as wrong as it likes.
type clock struct {
	now func() time.Time // our own

	mu    sync.Mutex
	at    time.Time // the service's time, zero: no answer had one
	heard time.Time // ours at the same moment
}

// Do notes the Date of every answer; it makes clock a policy of the client.
func (c *clock) Do(r *policy.Request) (*http.Response, error) {
	sent := c.now()
	answer, err := r.Next()
	if err == nil {
		c.hear(answer.Header.Get("Date"), sent, c.now())
	}
	return answer, err
}

// hear sets the time by a Date, which says it in whole seconds and as of some moment between sent and received. What
// agrees with that stays as it was: of many answers together the time is known better than of one.
func (c *clock) hear(date string, sent, received time.Time) {
	earliest, err := http.ParseTime(date)
	if err != nil {
		return
	}
	latest := earliest.Add(time.Second + received.Sub(sent))
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.at.Add(received.Sub(c.heard))
	if c.at.IsZero() || now.Before(earliest) || now.After(latest) {
		now = earliest
	}
	c.at, c.heard = now, received
}

// ServiceTime is the time by the clock of the table service, which all instances share; false if no answer told it.
func (t *Tables) ServiceTime() (time.Time, bool) {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if t.clock.at.IsZero() {
		return time.Time{}, false
	}
	return t.clock.at.Add(t.clock.now().Sub(t.clock.heard)), true
}

// SharedNow is the time for what all instances share: by the clock of the table service, so that one instance's wrong
// clock neither opens nor shuts a cap. Should no answer have told it, our own stands for it, and the log says so.
func (t *Tables) SharedNow(ctx context.Context, log *slog.Logger, own func() time.Time) time.Time {
	now, known := t.ServiceTime()
	if !known {
		log.WarnContext(ctx,
			"no answer of the tables had a Date header; what all instances share goes by this one's own clock")
		now = own()
	}
	return now.UTC()
}
