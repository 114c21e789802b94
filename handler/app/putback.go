package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/config"
	"cordon/handler/trigger"
)

// putBackFor is how long a message that nobody can read is put back, from when it was first enqueued. It is as long as
// a message lives on the queues (infra/): each that is put back would begin that time anew.
const putBackFor = 7 * 24 * time.Hour

// putBacks puts messages of a newer version's format back on their queue, until that version runs here too.
type putBacks struct {
	send  sender
	pause time.Duration // between two tries while the queue takes nothing
	now   func() time.Time
	log   *slog.Logger
}

// sender sends the copy of a message, under an id, for a time.
type sender func(ctx context.Context, id string, body []byte, at time.Time) error

func newPutBacks(settings config.Config, send sender, log *slog.Logger) *putBacks {
	return &putBacks{
		send:  send,
		pause: settings.RetryAfter,
		now:   time.Now,
		log:   log,
	}
}

// orLater is what became of a delivery that ended in err: a message in a newer format is put back, and the delivery is
// done; one that has been put back for too long is refused, so that the broker sets it aside. Any other err is passed
// on.
func (p *putBacks) orLater(ctx context.Context, d trigger.Delivery, err error) error {
	if !errors.Is(err, alert.ErrUnknownFormat) {
		return err
	}
	for {
		now := p.now()
		first := firstEnqueued(d, now)
		age := now.Sub(first)
		if age >= putBackFor {
			since := first.UTC().Format(time.RFC3339)
			return &alert.UndecodableError{
				Err: fmt.Errorf("no version has read it since it was first enqueued at %s: %w", since, err),
			}
		}
		// A newer version is there within minutes, as a rule; the longer it is not, the rarer the message is looked at.
		wait := min(max(time.Minute, age/10), time.Hour)
		sendErr := p.send(ctx,
			putBackID(d.Body, first, now),
			d.Body,
			now.Add(wait))
		if sendErr == nil {
			p.log.WarnContext(ctx, "a newer version's message is put back",
				"for", wait.String(), "first", first.UTC(), "error", err.Error())
			return nil
		}
		if _, ends := ctx.Deadline(); !ends {
			return sendErr
		}
		// A message that is given back comes again at once, and would burn its deliveries.
		p.log.WarnContext(ctx, "the message could not be put back, so it is kept and tried again",
			"error", sendErr.Error())
		select {
		case <-time.After(p.pause):
		case <-ctx.Done():
			return sendErr
		}
	}
}

const putBackStart = "putback:"

// putBackID carries when the message was first enqueued from one put-back to the next. It is the same for half a
// minute, so that a delivery that is repeated puts nothing back twice.
func putBackID(body []byte, first, now time.Time) string {
	return fmt.Sprintf("%s%s:%d:%d", putBackStart, alert.SHA256(body)[:32],
		first.Unix(),
		now.Unix()/30)
}

// firstEnqueued is when a message came onto the queue for the first time, whatever it was put back since. Whoever
// forges the id of a message can make it seem older, never younger than the broker says it is.
func firstEnqueued(d trigger.Delivery, now time.Time) time.Time {
	first := now
	if !d.EnqueuedAt.IsZero() && d.EnqueuedAt.Before(first) {
		first = d.EnqueuedAt
	}
	rest, isPutBack := strings.CutPrefix(d.MessageID,
		putBackStart+alert.SHA256(d.Body)[:32]+":")
	var unix, slot int64
	if !isPutBack {
		return first
	}
	n, _ := fmt.Sscanf(rest, "%d:%d", &unix, &slot)
	if n == 2 && time.Unix(unix, 0).Before(first) {
		first = time.Unix(unix, 0)
	}
	return first
}
