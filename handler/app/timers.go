package app

import (
	"context"
	"errors"
	"time"

	"cordon/handler/app/health"
	"cordon/handler/config"
	"cordon/handler/follow"
	"cordon/handler/hunt"
	"cordon/handler/ledger/trouble"
	"cordon/handler/poll"
	"cordon/handler/watch"
)

// The functions on timers.
const (
	pollAlerts    = "PollAlerts"
	followActions = "FollowActions"
	runsHunts     = "RunHunts"
)

// onTimers are the functions on timers as they are watched. RunHunts is only if there are hunts.
func onTimers(settings config.Config, hunts bool) []watch.Function {
	timed := func(name, mark, schedule string, every time.Duration) watch.Function {
		return watch.Function{
			Name:  name,
			Mark:  mark,
			Every: every,
			Limit: watch.Limit(every),
			Next: func(after time.Time) time.Time {
				return config.Next(schedule, after)
			},
		}
	}
	all := []watch.Function{
		timed(pollAlerts, poll.MarkPoll, settings.PollSchedule, settings.PollEvery),
		timed(followActions, follow.Mark, settings.FollowSchedule, settings.FollowEvery),
	}
	if hunts {
		all = append(all, timed(runsHunts, hunt.MarkHunt, settings.HuntSchedule, settings.HuntEvery))
	}
	return all
}

// timers is what the functions on timers do besides their work.
type timers struct {
	trouble *trouble.Store
	dog     *watch.Dog
	health  *health.Check
	watched []watch.Function
	lapses  []config.Lapse
}

// noted keeps how the work of a function ended.
func (t *timers) noted(ctx context.Context, function string, err error) error {
	now := time.Now().UTC()
	if err != nil {
		t.trouble.Note(ctx, now, function, err)
		return err
	}
	t.trouble.NoteOver(ctx, now, function)
	return nil
}

// after looks after the other functions, notes how the work of this one ended, and writes down how all is.
func (t *timers) after(ctx context.Context, function string, err error) error {
	for _, other := range t.watched {
		if other.Name != function {
			err = errors.Join(err, t.dog.Check(ctx, other))
		}
	}
	for _, l := range t.lapses {
		err = errors.Join(err, t.dog.Lapse(ctx, l.Setting, l.Text))
	}
	err = t.noted(ctx, function, errors.Join(err, t.dog.OpenRuns(ctx)))
	return errors.Join(err, t.health.Record(ctx))
}
