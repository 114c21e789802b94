package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/trigger"
)

// TestAMessageThatNobodyReadsIsPutBackForItsLifeAndThenRefused carries messages of an unknown format from one put-back
// to the next, as the broker and the host do: each put-back is a new message, enqueued when its time comes.
func TestAMessageThatNobodyReadsIsPutBackForItsLifeAndThenRefused(t *testing.T) {
	t.Parallel()
	body := []byte(`{"format":99,"alertId":"da1"}`)
	forged := func(first int64) string { return fmt.Sprintf("putback:%s:%d:1", alert.SHA256(body)[:32], first) }
	for name, c := range map[string]struct {
		id    string
		times bool // the host says when the message was enqueued
		least time.Duration
	}{
		"as the host hands it over":        {"m1", true, putBackFor},
		"by a host that says no time":      {"m1", false, putBackFor},
		"with an id that names the future": {forged(1 << 40), true, putBackFor},
		"with an id that names no time":    {forged(1)[:41] + "x:y", true, putBackFor},
		"with an id that names the past":   {forged(1), true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var sent []trigger.Delivery
				p := &putBacks{
					pause: time.Second,
					now:   time.Now,
					log:   slog.New(slog.DiscardHandler),
					send: func(_ context.Context, id string, body []byte, at time.Time) error {
						sent = append(sent, trigger.Delivery{Body: body, MessageID: id, EnqueuedAt: at})
						return nil
					},
				}
				began := time.Now()
				d := trigger.Delivery{Body: body, MessageID: c.id, EnqueuedAt: began}
				for n := 0; ; n++ {
					if !c.times {
						d.EnqueuedAt = time.Time{}
					}
					_, unknown := alert.DecodeMessage(d.Body)
					err := p.orLater(t.Context(), d, unknown)
					var refused *alert.UndecodableError
					if errors.As(err, &refused) {
						if age := time.Since(began); age < c.least || age > putBackFor+time.Hour || n > 300 ||
							!strings.Contains(err.Error(), "first enqueued at") {
							t.Errorf("refused after %s and %d put-backs: %v", age, n, err)
						}
						return
					}
					if err != nil || len(sent) != n+1 || time.Since(began) > 2*putBackFor ||
						len(sent[n].MessageID) > 128 {
						t.Fatalf("after %s, %d put-backs: %v", time.Since(began), len(sent), err)
					}
					if err := p.orLater(t.Context(), d, unknown); err != nil ||
						sent[n+1].MessageID != sent[n].MessageID {
						t.Fatalf("a delivery that is repeated is put back twice: %v, %+v", err, sent[n:])
					}
					sent = sent[:n+1]
					d = sent[n]
					time.Sleep(time.Until(d.EnqueuedAt))
				}
			})
		})
	}
}

// TestAPutBackWaitsItselfWhileTheQueueTakesNothing has the queue refuse everything for an hour: a message that is given
// back comes again at once, and is set aside after ten deliveries.
func TestAPutBackWaitsItselfWhileTheQueueTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, taken := time.Now(), 0
		p := &putBacks{
			pause: 5 * time.Second,
			now:   time.Now,
			log:   slog.New(slog.DiscardHandler),
			send: func(context.Context, string, []byte, time.Time) error {
				if time.Since(began) < time.Hour {
					return errors.New("server busy")
				}
				taken++
				return nil
			},
		}
		for delivery := 1; taken == 0; delivery++ {
			if delivery == 10 {
				t.Fatalf("the message is set aside after %s", time.Since(began))
			}
			ctx, cancel := context.WithTimeout(t.Context(), trigger.Deadline)
			err := p.orLater(ctx, trigger.Delivery{Body: []byte(`{"format":2}`), MessageID: "m", EnqueuedAt: began},
				alert.ErrUnknownFormat)
			cancel()
			if (err == nil) != (taken == 1) {
				t.Fatal(err)
			}
		}
		if err := p.orLater(t.Context(), trigger.Delivery{}, nil); err != nil || taken != 1 {
			t.Errorf("a delivery that was answered is put back: %v", err)
		}
	})
}
