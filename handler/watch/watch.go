// Package watch notices that Cordon itself is unwell: a function on a timer that no longer succeeds is told to the
// operator once, and once when it is well again. PollAlerts watches FollowActions and the other way round; health,
// asked from outside, covers the case that neither runs.
package watch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/notice"
)

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// Options are the parts of a Dog; all are required.
type Options struct {
	Runs     *runs.Store
	Switches *switches.Store
	Teller   Teller
	Log      *slog.Logger
	Now      func() time.Time
	Operator []string // who is told
}

// Dog watches functions.
type Dog struct{ Options }

// New makes a Dog.
func New(o Options) *Dog { return &Dog{o} }

// Function is a function on a timer, as it is watched.
type Function struct {
	Name  string        // PollAlerts
	Mark  string        // the ledger mark of its last success
	Every time.Duration // the longest pause between two occurrences
	Limit time.Duration // how old its last success may be
	// Next is the first occurrence after a time; zero if there is none.
	Next func(after time.Time) time.Time
}

// First is when a function that never succeeded is first due, and until when nothing is wrong with that: two more of
// its intervals. since is when it was first looked for.
func (f Function) First(since time.Time) (due, until time.Time) {
	due = f.Next(since)
	return due, due.Add(2 * f.Every)
}

// FirstLook is when a function that never succeeded was first looked for: now, if it never was.
func FirstLook(
	ctx context.Context,
	store *switches.Store,
	f Function,
	now time.Time,
) (time.Time, error) {
	mark, err := store.FirstMark(ctx, lookMark(f), now, first)
	return mark.At, err
}

// lookMark names the mark of what was told about a function.
func lookMark(f Function) string { return "watch:" + f.Name }

// leastLimit is given to any function, however often it runs: a deployment or a throttled minute is no news.
const leastLimit = 5 * time.Minute

// Limit is how old the last success of a function may be that runs in pauses of at most every.
func Limit(every time.Duration) time.Duration {
	return max(3*every, leastLimit)
}

// states of what was told, in the note of the mark that keeps it. Its time is the success since which there was none,
// or the first look at a function that never had one.
const (
	first   = "first look"
	overdue = "told overdue"
	well    = "told well"
)

// Check looks at a function's last success. A repeat tells nothing new: the state of what was told is kept in the
// ledger, and an event has a key.
func (d *Dog) Check(ctx context.Context, f Function) error {
	name := lookMark(f)
	now := d.Now().UTC()
	last, err := d.Switches.Mark(ctx, f.Mark)
	if err != nil {
		return err
	}
	told, err := d.Switches.Mark(ctx, name)
	if err != nil {
		return err
	}
	since, never := last.At, last.At.IsZero()
	if never {
		if told.At.IsZero() {
			return d.Switches.SetMark(ctx, name, now, first)
		}
		since = told.At
	}
	late := now.Sub(since) > f.Limit
	switch {
	case late && told.Note == overdue && told.At.Equal(since):
		return nil
	case late:
		detail := fmt.Sprintf("%s last succeeded at %s, %s ago. Look at the function's log and at /api/health.", f.Name,
			since.Format(time.RFC3339), now.Sub(since).Round(time.Second))
		if never {
			detail = fmt.Sprintf("%s has not succeeded since it was first looked for at %s. Look at the function's "+
				"log and at /api/health.", f.Name, since.Format(time.RFC3339))
		}
		d.Log.ErrorContext(ctx, "a function is overdue; the operator is told",
			"function", f.Name,
			"since", since)
		return d.tell(ctx, name, since, overdue, d.event(notice.Overdue, f, since, detail))
	case told.Note == overdue:
		detail := fmt.Sprintf("%s succeeded at %s, for the first time since %s. What was missed meanwhile is caught up.",
			f.Name, since.Format(time.RFC3339), told.At.Format(time.RFC3339))
		d.Log.InfoContext(ctx, "a function is well again", "function", f.Name)
		return d.tell(ctx, name, since, well, d.event(notice.Recovered, f, told.At, detail))
	}
	return nil
}

// tell tells before it notes that it has: a crash in between tells the same event, which is known by its key.
func (d *Dog) tell(
	ctx context.Context,
	mark string,
	since time.Time,
	state string,
	e notice.Event,
) error {
	err := d.Teller.Tell(ctx, notice.OperatorGroup, e)
	if err != nil {
		return err
	}
	return d.Switches.SetMark(ctx, mark, since, state)
}

// Lapse tells the operator that a part does not work as it is set, once a day as long as that lasts.
func (d *Dog) Lapse(ctx context.Context, setting, detail string) error {
	now := d.Now().UTC()
	e := notice.Event{
		Kind:   notice.Unready,
		At:     now,
		RunID:  setting + " " + now.Format(time.DateOnly),
		Detail: detail,
		To:     d.Operator,
	}
	return d.Teller.Tell(ctx, notice.OperatorGroup, e)
}

func (d *Dog) event(kind notice.Kind, f Function, since time.Time, detail string) notice.Event {
	return notice.Event{
		Kind:   kind,
		At:     d.Now().UTC(),
		RunID:  f.Name + " " + since.UTC().Format(time.RFC3339),
		Detail: detail,
		To:     d.Operator,
	}
}
