package notice

import (
	"context"
	"slices"
	"time"
)

// A mail is for what changes. Cordon asks for a failed action again by itself, and the mail about its first failure says
// so: that it was asked for again, and that it failed again and is asked for once more, are told by the mail about what
// comes of it, in the history there.

// repeatsFor is how long after it was told that an action is asked for again that is no news.
const repeatsFor = time.Hour

// waits reports whether an event goes with the next mail instead of asking for one.
func (o *Outbox) waits(ctx context.Context, group string, e Event, now time.Time) (bool, error) {
	again := e.Kind == Requested || e.Again
	switch {
	case !again:
		return false, nil
	case o.OnlyOutcomes:
		return true, nil
	case e.Episode < 2:
		return false, nil // nothing of it was told before
	}
	entries, err := o.Notices.Entries(ctx, group)
	if err != nil {
		return false, err
	}
	told, err := Events(entries)
	if err != nil {
		return false, err
	}
	return repeats(e, told, now), nil
}

// repeats reports whether the last that people were told of the subject, but for requests, is that the action failed
// and is asked for again.
func repeats(e Event, told []Event, now time.Time) bool {
	told = slices.DeleteFunc(told, func(before Event) bool {
		return before.subject() != e.subject() || before.Kind == Requested
	})
	if len(told) == 0 {
		return false
	}
	last := slices.MaxFunc(told, inOrder)
	return last.Again && last.Episode < e.Episode && now.Sub(last.told) < repeatsFor
}
