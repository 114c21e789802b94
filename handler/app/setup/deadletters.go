package setup

import (
	"context"

	"cordon/handler/deadletter"
	"cordon/handler/queue"
)

// Letters are the dead letters of the two queues.
type Letters struct{ Broker *Broker }

func (l *Letters) name(of string) string {
	if of == deadletter.Notices {
		return l.Broker.Notices
	}
	return l.Broker.Alerts
}

// Letters lists the dead letters of a queue.
func (l *Letters) Letters(
	ctx context.Context,
	of string,
	limit int,
) ([]deadletter.Letter, bool, error) {
	found, more, err := l.Broker.Client.DeadLetters(ctx, l.name(of), limit)
	letters := make([]deadletter.Letter, len(found))
	for i, d := range found {
		letters[i] = letter(d)
	}
	return letters, more, err
}

// LettersAt looks at dead letters by their numbers.
func (l *Letters) LettersAt(
	ctx context.Context,
	of string,
	numbers ...int64,
) (map[int64]deadletter.Letter, error) {
	found, err := l.Broker.Client.DeadLettersAt(ctx, l.name(of), numbers...)
	letters := make(map[int64]deadletter.Letter, len(found))
	for number, d := range found {
		letters[number] = letter(d)
	}
	return letters, err
}

// Replay sends dead letters again.
func (l *Letters) Replay(
	ctx context.Context,
	of string,
	numbers []int64,
	again func(deadletter.Letter) (deadletter.Copy, error),
) ([]deadletter.Taken, error) {
	taken, err := l.Broker.Client.ReplayDeadLetters(ctx, l.name(of), numbers,
		func(d queue.DeadLetter) (queue.Message, error) {
			c, err := again(letter(d))
			return queue.Message{
				ID:          c.ID,
				Body:        c.Body,
				ContentType: c.ContentType,
				Subject:     c.Subject,
			}, err
		})
	return takenOf(taken), err
}

// Drop removes dead letters for good.
func (l *Letters) Drop(ctx context.Context, of string, numbers []int64) ([]deadletter.Taken, error) {
	taken, err := l.Broker.Client.DropDeadLetters(ctx, l.name(of), numbers)
	return takenOf(taken), err
}

func letter(d queue.DeadLetter) deadletter.Letter {
	return deadletter.Letter{
		Number:      d.Number,
		ID:          d.ID,
		Body:        d.Body,
		ContentType: d.ContentType,
		Subject:     d.Subject,
		Reason:      d.Reason,
		Description: d.Description,
		SentAt:      d.EnqueuedAt,
		Deliveries:  d.Deliveries,
		Deferred:    d.Deferred,
	}
}

func takenOf(taken []queue.Taken) []deadletter.Taken {
	all := make([]deadletter.Taken, len(taken))
	for i, t := range taken {
		all[i] = deadletter.Taken{
			Number: t.Number,
			Done:   t.Fate == queue.Replayed || t.Fate == queue.Dropped || t.Fate == queue.Doubled,
			Unsure: t.Unsure,
			Text:   string(t.Fate),
		}
		if t.Reason != "" {
			all[i].Text += ": " + t.Reason
		}
	}
	return all
}
