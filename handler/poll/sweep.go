package poll

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/outgoing"
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

// sweep runs the sweeps that are due by the ledger. Those that read a source are left out while it cannot be polled, and
// all of them where a poll's time is up.
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

// sweeps are those that look through the alerts of a source.
func (r *reading) sweeps() []due {
	suffix := ""
	if r.Name != alert.Defender {
		suffix = ":" + r.Name.String()
	}
	return []due{
		{markSweepDay + suffix, dayEvery, func(ctx context.Context, now time.Time, _ switches.Mark) error {
			return r.sweepAlerts(ctx, now, now.Add(-dayBack))
		}},
		{markSweepWeek + suffix, weekEvery, func(ctx context.Context, now time.Time, last switches.Mark) error {
			return r.sweepAlerts(ctx, now, r.weekBefore(last))
		}},
	}
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
	messages = slices.DeleteFunc(messages, func(m alert.Envelope) bool { return m.ID == "" })
	if len(messages) == 0 {
		return err
	}
	return errors.Join(err, p.Queue.SendAlerts(ctx, messages))
}

// weekBefore is where the long sweep begins: a week before the last but one that was complete, not a week before now.
// An alert that became visible less than a week late is then looked for by two long sweeps, whenever that was in a day
// and whatever outage came between: a page may lose what a complete sweep should have seen. The overlap is for clocks
// that differ. Before the second long sweep there is no bound.
func (p *Poller) weekBefore(last switches.Mark) time.Time {
	from := last.At
	if last.Note != "" { // a mark from before the last but one was kept has none
		before, err := time.Parse(time.RFC3339Nano, last.Note)
		if err != nil {
			return time.Time{}
		}
		from = before
	}
	if from.IsZero() {
		return from
	}
	return from.Add(-weekBack - p.Overlap)
}

// sweepAlerts looks through the alerts from a time on, ids and times only, and fetches those that were never seen or
// were updated since. Nothing depends on how late an alert may be. It goes back no further than the first poll did:
// what changed before was never to be answered.
func (r *reading) sweepAlerts(ctx context.Context, now, from time.Time) error {
	from = later(from, r.mark.Since)
	found := tally{known: r.mark.At}
	looked := 0
	err := walk(ctx, r.span(from, now, r.stamps), r.AlertStamps, func(s slice[alert.Stamp]) error {
		looked += len(s.entries)
		fresh, err := r.unseen(ctx, s.entries)
		if err == nil && len(fresh) > 0 {
			err = r.fetch(ctx, fresh, &found)
		}
		return errors.Join(s.broken, err)
	})
	r.Log.InfoContext(ctx, "swept",
		"source", r.Name.String(),
		"from", from,
		"looked", looked,
		"changed", found.changed,
		"late", found.lates,
		"complete", err == nil)
	return errors.Join(err, r.noteLateness(ctx, found), r.noteSwept(ctx, 0, found.lates))
}

// unseen picks the alerts that the ledger does not know as the source shows them.
func (r *reading) unseen(ctx context.Context, stamps []alert.Stamp) ([]alert.Stamp, error) {
	differs := make([]bool, len(stamps))
	err := parallel(ctx, len(stamps), func(ctx context.Context, i int) error {
		if alert.CheckID(stamps[i].ID) != nil {
			return nil // the poll has named it
		}
		seen, known, err := r.Runs.Seen(ctx, stamps[i].ID)
		differs[i] = err == nil && (!known || !seen.UpdatedBy(r.Name).Equal(stamps[i].Updated))
		return err
	})
	var fresh []alert.Stamp
	for i, s := range stamps {
		if differs[i] {
			fresh = append(fresh, s)
		}
	}
	return fresh, err
}

// fetch reads alerts with their evidence and ingests them: each by the moment of its update, or the time of all of them
// if they are many. An alert that is updated meanwhile is no longer there, and the next poll finds it.
func (r *reading) fetch(ctx context.Context, fresh []alert.Stamp, found *tally) error {
	slices.SortFunc(fresh, func(a, b alert.Stamp) int { return a.Updated.Compare(b.Updated) })
	take := func(s slice[alert.Alert]) error {
		return errors.Join(r.ingest(ctx, candidates(s.entries), s.page.Date, found), s.broken)
	}
	first := fresh[0].Updated
	last := fresh[len(fresh)-1].Updated
	if len(fresh) > singleFetches {
		all := r.span(first, last.Add(apiTick), r.page)
		all.closed = true
		return walk(ctx, all, r.AlertPage, take)
	}
	var read time.Time
	for _, s := range fresh {
		if s.Updated.Equal(read) {
			continue
		}
		read = s.Updated
		w := alert.Window{
			From: read,
			To:   read.Add(apiTick),
			Top:  r.page,
		}
		entries, page, err := readWindow(ctx, w, r.AlertPage, r.maxSkip, false)
		one := slice[alert.Alert]{
			entries: entries,
			page:    page,
			broken:  err,
		}
		if err := take(one); err != nil {
			return err
		}
	}
	return nil
}

// Swept counts what the sweeps found that nothing else did, since the first poll.
type Swept struct {
	Resent int       `json:"resent"` // versions that stood still
	Late   int       `json:"late"`   // changes that no poll saw
	At     time.Time `json:"at"`     // of the last find; zero: none
}

// ReadSwept reads the count.
func ReadSwept(ctx context.Context, store *switches.Store) (Swept, error) {
	return readMark[Swept](ctx, store, markSwept)
}

func (p *Poller) noteSwept(ctx context.Context, resent, late int) error {
	if resent+late == 0 {
		return nil
	}
	swept, err := ReadSwept(ctx, p.Switches)
	if err != nil {
		return err
	}
	swept.Resent = swept.Resent + resent
	swept.Late = swept.Late + late
	swept.At = p.Now().UTC()
	return writeMark(ctx, p.Switches, markSwept, swept.At, swept)
}

// Lateness is how long after its last update the latest of the alerts of about a week was seen, although polls were
// running: how late the API shows alerts, as far as a sweep's rhythm tells.
type Lateness struct {
	Longest time.Duration `json:"longest"`
	AlertID string        `json:"alert"`
	At      time.Time     `json:"at"` // when it was seen; zero: no alert was late
}

// latenessNote is Lateness as the ledger has it.
type latenessNote struct {
	Nanoseconds int64     `json:"longest"`
	AlertID     string    `json:"alert"`
	At          time.Time `json:"at"`
}

// ReadLateness reads the largest lateness.
func ReadLateness(ctx context.Context, store *switches.Store) (Lateness, error) {
	note, err := readMark[latenessNote](ctx, store, markLateness)
	return Lateness{
		Longest: time.Duration(note.Nanoseconds),
		AlertID: note.AlertID,
		At:      note.At,
	}, err
}

func (p *Poller) noteLateness(ctx context.Context, found tally) error {
	if found.latest == 0 {
		return nil
	}
	now := p.Now().UTC()
	known, err := ReadLateness(ctx, p.Switches)
	if err != nil || (found.latest <= known.Longest && now.Sub(known.At) < weekBack) {
		return err
	}
	return writeMark(ctx, p.Switches, markLateness, now, latenessNote{
		Nanoseconds: found.latest.Nanoseconds(),
		AlertID:     found.lateID,
		At:          now,
	})
}

func readMark[T any](ctx context.Context, store *switches.Store, name string) (T, error) {
	var v T
	mark, err := store.Mark(ctx, name)
	if err != nil || mark.Note == "" {
		return v, err
	}
	err = json.Unmarshal([]byte(mark.Note), &v)
	if err != nil {
		return v, fmt.Errorf("ledger mark %s: %w", name, err)
	}
	return v, nil
}

func writeMark(
	ctx context.Context,
	store *switches.Store,
	name string,
	at time.Time,
	v any,
) error {
	note, err := outgoing.Encode(v)
	if err != nil {
		return fmt.Errorf("ledger mark %s: %w", name, err)
	}
	return store.SetMark(ctx, name, at, string(note))
}
