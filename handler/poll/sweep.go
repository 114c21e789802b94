package poll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/schedule"
)

// The ledger marks of the sweeps: when each was last complete.
const (
	markSweepRuns = "sweep:runs"
	markSweepDay  = "sweep:day"
	markSweepWeek = "sweep:week"
	markSwept     = "swept"
	markLateness  = "lateness"
)

// How often and how far back alerts are looked through for what the polls did not see.
const (
	dayEvery, dayBack   = time.Hour, 24 * time.Hour
	weekEvery, weekBack = 24 * time.Hour, 7 * 24 * time.Hour
)

// Bounds of a sweep.
const (
	standingAtOnce = 2000 // runs that are sent again by one sweep; the rest follows with the next
	entriesAtOnce  = 500
	slowest        = 3  // doublings of the time between two of them
	singleFetches  = 20 // differing alerts of a page that are fetched one by one; more are read as a whole
	apiTick        = 100 * time.Nanosecond
)

// due is a sweep with its mark.
type due struct {
	mark  string
	every time.Duration
	run   func(ctx context.Context, now time.Time, last switches.Mark) error
}

// sweep runs the sweeps that are due by the ledger. Those that read a source are left out while it cannot be polled,
// and all of them where a poll's time is up.
func (p *Poller) sweep(ctx context.Context, reads []reading) error {
	sweeps := []due{{markSweepRuns, p.SweepAfter, p.sweepRuns}}
	for i := range reads {
		if reads[i].late {
			return nil
		}
		if reads[i].complete() {
			sweeps = append(sweeps, reads[i].sweeps()...)
		}
	}
	sweeps = append(sweeps, due{markHousekeeping, housekeepEvery, p.housekeep})
	var errs []error
	for _, s := range sweeps {
		now := p.Now().UTC()
		last, err := p.Switches.Mark(ctx, s.mark)
		if err == nil && !schedule.Ripe(last.At, now, s.every, p.Every) {
			continue
		}
		if err == nil {
			err = s.run(ctx, now, last)
		}
		if err == nil {
			err = p.Switches.SetMark(ctx, s.mark, now, last.At.Format(time.RFC3339Nano))
		}
		if err != nil && !errors.Is(err, errNoTime) {
			errs = append(errs, fmt.Errorf("%s: %w", s.mark, err))
		}
	}
	return errors.Join(errs...)
}

// sweepRuns sends the versions again that stand still: their message was lost, or whoever had it died and the broker
// gave up on it. A fresh id is no repeat for the broker; for the ledger it is the same run.
func (p *Poller) sweepRuns(ctx context.Context, now time.Time, _ switches.Mark) error {
	var standing []runs.Run
	var entries []runs.OpenEntry
	look := func() error {
		found, err := p.standing(ctx, entries, now)
		standing, entries = append(standing, found...), entries[:0]
		return err
	}
	err := p.Runs.EachOpen(ctx, func(entry runs.OpenEntry) error {
		if now.Sub(entry.At) < p.SweepAfter || len(standing) >= standingAtOnce {
			return nil
		}
		entries = append(entries, entry)
		if len(entries) < entriesAtOnce {
			return nil
		}
		return look()
	})
	err = errors.Join(err, look())
	if len(standing) == 0 {
		return err
	}
	slices.SortStableFunc(standing, func(a, b runs.Run) int {
		return cmp.Or(cmp.Compare(alert.Severity(b.Severity).Rank(), alert.Severity(a.Severity).Rank()),
			a.ObservedAt.Compare(b.ObservedAt))
	})
	for part := range slices.Chunk(standing, sendBatch) {
		if sendErr := p.sendAgain(ctx, part, now); sendErr != nil {
			return errors.Join(err, sendErr)
		}
	}
	p.Log.WarnContext(ctx, "versions stood still and were sent again", "runs", len(standing), "first", standing[0].ID(),
		"trouble", standing[0].Trouble)
	return errors.Join(err, p.noteSwept(ctx, len(standing), 0))
}

// standing picks the runs that stand still among the entries.
func (p *Poller) standing(
	ctx context.Context,
	entries []runs.OpenEntry,
	now time.Time,
) ([]runs.Run, error) {
	var mu sync.Mutex
	var found []runs.Run
	err := parallel(ctx, len(entries), func(ctx context.Context, i int) error {
		run, open, err := p.Runs.ReadOpen(ctx, entries[i], now)
		// While nobody answers at all, copies would pile up, so they come ever slower.
		if err != nil ||
			!open ||
			now.Sub(run.DueAt) < p.SweepAfter<<min(run.Sweeps, slowest) {
			return err
		}
		followed, err := p.followed(ctx, run)
		if err != nil || followed {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		found = append(found, run)
		return nil
	})
	return found, err
}

// followed reports whether a run waits for machine actions that are being followed, and sees to it that they are.
func (p *Poller) followed(ctx context.Context, run runs.Run) (bool, error) {
	if run.State != runs.Waiting {
		return false, nil
	}
	for _, kind := range run.WaitsFor() {
		l, err := p.Latches.Of(ctx, run.MachineID, kind)
		if err != nil || l.Episode != run.EpisodeOf(kind) ||
			(l.State != latches.Acting && l.State != latches.Intended) {
			return false, err
		}
		err = p.Latches.AddOpen(ctx, run.MachineID, kind)
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// sendAgain enqueues runs under fresh ids. The count that makes the id is written first: the next sweep takes another.
func (p *Poller) sendAgain(ctx context.Context, standing []runs.Run, now time.Time) error {
	messages := make([]alert.Envelope, len(standing))
	err := parallel(ctx, len(standing), func(ctx context.Context, i int) error {
		over := false
		run, err := p.Runs.Update(ctx, standing[i].AlertID, standing[i].Version, func(run *runs.Run) (bool, error) {
			if over = run.State.Final(); over {
				return false, nil
			}
			run.Sweeps++
			run.DueAt = now
			return true, nil
		})
		if err != nil || over {
			return err
		}
		messages[i] = alert.Envelope{
			ID: fmt.Sprintf("%s:s%d", alert.MessageID(p.Runs.Tenant(), run.AlertID, run.Version), run.Sweeps),
			Message: alert.Message{
				Tenant:     p.Runs.Tenant(),
				AlertID:    run.AlertID,
				Version:    run.Version,
				Reason:     "swept",
				ObservedAt: run.ObservedAt,
				Attempt:    run.Attempt,
			},
		}
		return nil
	})
	messages = slices.DeleteFunc(messages, func(m alert.Envelope) bool {
		return m.ID == ""
	})
	if len(messages) == 0 {
		return err
	}
	return errors.Join(err, p.Queue.SendAlerts(ctx, messages))
}
