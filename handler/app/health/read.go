package health

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/follow"
	"cordon/handler/ledger/backlog"
	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/switches"
	"cordon/handler/operate/wire"
	"cordon/handler/poll"
	"cordon/handler/watch"
)

// Bounds beyond which a promise is at risk, and of what is looked at.
const (
	noticeOverdue = 10 * time.Minute
	failingShown  = 7 * 24 * time.Hour // how long a mail that is tried and fails is a reason; cordon mails still lists it
	depthShown    = 100                // messages that are looked at, at most
	runsShown     = 200                // open runs that are looked at, at most
)

func (h *Check) readTrouble(ctx context.Context, r *report, _ time.Time) error {
	t, err := h.o.Ledger.Trouble.Read(ctx)
	if err == nil && !t.At.IsZero() {
		r.LastError = wire.LastError{
			At:        t.At,
			Text:      t.Where + ": " + t.Text,
			OverSince: t.OverSince,
		}
		r.troubled = t
	}
	return err
}

// readTimers looks at when each function on a timer last succeeded. One that has not run yet is starting until it is
// late.
func (h *Check) readTimers(ctx context.Context, r *report, now time.Time) error {
	marks, err := h.o.Ledger.Switches.Watermarks(ctx)
	if err != nil {
		return err
	}
	if len(marks) > 0 {
		r.Watermark = marks[0].At
	}
	for _, f := range h.o.Watched {
		last, err := h.o.Ledger.Switches.Mark(ctx, f.Mark)
		if err != nil {
			return err
		}
		if last.At.IsZero() {
			err := h.readStarting(ctx, r, f, now)
			if err != nil {
				return err
			}
			continue
		}
		if now.Sub(last.At) > f.Limit {
			r.risk("%s last succeeded %s ago", f.Name, now.Sub(last.At).Round(time.Second))
		}
		r.LastSuccess[f.Name] = last.At
	}
	return nil
}

// readSources looks at the sources of alerts, where there are two.
func (h *Check) readSources(ctx context.Context, r *report, _ time.Time) error {
	if len(h.o.Sources) < 2 {
		return nil
	}
	standings, err := poll.ReadStandings(ctx, h.o.Ledger.Switches, h.o.Sources)
	for _, s := range standings {
		r.Sources = append(r.Sources, sourceOf(s))
		if risk := s.Risk(); risk != "" {
			r.risk("%s", risk)
		}
	}
	return err
}

func (h *Check) readStarting(ctx context.Context, r *report, f watch.Function, now time.Time) error {
	since, err := watch.FirstLook(ctx, h.o.Ledger.Switches, f, now)
	if err != nil {
		return err
	}
	due, until := f.First(since)
	failed := r.troubled.Where == f.Name && r.troubled.OverSince.IsZero()
	if failed || now.After(until) {
		r.risk("%s has never succeeded", f.Name)
		return nil
	}
	if r.Starting == nil {
		r.Starting = map[string]time.Time{}
	}
	r.Starting[f.Name] = due
	return nil
}

func (h *Check) readRuns(ctx context.Context, r *report, now time.Time) error {
	open, err := backlog.Count(ctx, h.o.Ledger.Runs, runsShown, now)
	if err != nil {
		return err
	}
	for state, n := range open.ByState {
		r.Runs[string(state)] = fmt.Sprint(n)
	}
	if open.More {
		r.Runs["not looked at"] = "some"
	}
	r.Stuck = wire.Stuck(open.Stuck)
	if r.Stuck.Runs > 0 {
		r.risk("%d runs do not get on; the oldest, %s, since %s: %s",
			r.Stuck.Runs, r.Stuck.Oldest, r.Stuck.Since.UTC().Format(time.RFC3339), r.Stuck.Why)
	}
	u := open.Unanswered
	if u.RunID == "" {
		return nil
	}
	r.Unanswered = &wire.Unanswered{
		Run:   u.RunID,
		Since: u.Since,
		For:   u.For(now).Round(time.Second).String(),
	}
	if u.For(now) > h.o.Unanswered {
		r.risk("%s is unanswered since %s, for %s", u.RunID, u.Since.UTC().Format(time.RFC3339), r.Unanswered.For)
	}
	return nil
}

func (h *Check) readEpisodes(ctx context.Context, r *report, _ time.Time) error {
	episodes, err := h.o.Ledger.Latches.OpenEpisodes(ctx)
	r.OpenEpisodes = len(episodes)
	return err
}

func (h *Check) readNotices(ctx context.Context, r *report, now time.Time) error {
	unsent, err := h.o.Ledger.Notices.Unsent(ctx)
	if err != nil {
		return err
	}
	r.Notices = fmt.Sprint(len(unsent))
	slices.SortStableFunc(unsent, func(a, b notices.Notice) int {
		return a.Since().Compare(b.Since())
	})
	if len(unsent) > 0 {
		r.OldestNotice = unsent[0].Since()
	}
	for _, n := range unsent {
		late := now.Sub(n.Since())
		if n.Tries() > 0 && late > failingShown {
			continue
		}
		if late > noticeOverdue {
			r.risk("notice %s is overdue by %s; cordon mails says why", n.Group, late.Round(time.Second))
		}
		return nil
	}
	return nil
}

func (h *Check) readFinds(ctx context.Context, r *report, _ time.Time) error {
	late, err := poll.ReadLateness(ctx, h.o.Ledger.Switches)
	if err != nil {
		return err
	}
	r.Lateness = latenessOf(late)
	swept, err := poll.ReadSwept(ctx, h.o.Ledger.Switches)
	r.Swept = wire.Swept(swept)
	return err
}

func (h *Check) readDrift(ctx context.Context, r *report, _ time.Time) error {
	drift, err := follow.ReadDrift(ctx, h.o.Ledger.Switches)
	r.Drift = wire.Drift(drift)
	if err == nil && r.Drift.NotIsolated > 0 {
		r.risk("%d machines are believed isolated and are not, such as %s", r.Drift.NotIsolated, r.Drift.Machines[0])
	}
	return err
}

// readPeople is what people did, and what waits for them.
func (h *Check) readPeople(ctx context.Context, r *report, _ time.Time) (err error) {
	r.Pause, err = pauseOf(ctx, h.o.Ledger.Switches)
	if err != nil {
		return err
	}
	held, err := h.o.Ledger.Held.All(ctx)
	r.Held = len(held)
	return err
}

func (h *Check) readMet(ctx context.Context, r *report, now time.Time) (err error) {
	r.Met, err = ReadMet(ctx, h.o.Ledger.Switches, now)
	return err
}

func (h *Check) readCaps(ctx context.Context, r *report, now time.Time) error {
	trips, err := h.o.Ledger.Budget.Trips(ctx, now)
	for _, t := range trips {
		r.CapsReached = append(r.CapsReached, t.Cap+": "+t.Text)
	}
	return err
}

// Queues is the broker as it is looked at.
type Queues interface {
	// Depth counts messages and dead letters, each up to limit, and takes nothing.
	Depth(ctx context.Context, queue string, limit int) (active, dead int, err error)
}

func (h *Check) readQueues(ctx context.Context, r *report) {
	for _, name := range []string{h.o.Alerts, h.o.Notices} {
		active, dead, err := h.o.Queues.Depth(ctx, name, depthShown)
		if err != nil {
			r.risk("queue %s cannot be looked at: %v", name, err)
			continue
		}
		r.Queues[name], r.Queues[name+" dead letters"] = atMost(active, depthShown), atMost(dead, depthShown)
		if dead > 0 {
			r.risk("queue %s has %s dead letters; see cordon deadletter list", name, atMost(dead, depthShown))
		}
	}
}

func atMost(n, limit int) string {
	if n >= limit {
		return fmt.Sprintf("%d+", limit)
	}
	return fmt.Sprint(n)
}

// pauseOf is nil if acting is not paused.
func pauseOf(ctx context.Context, store *switches.Store) (*wire.Pause, error) {
	p, err := store.Pause(ctx)
	if err != nil || !p.Paused {
		return nil, err
	}
	return &wire.Pause{
		Paused: true,
		By:     p.By,
		Reason: p.Reason,
		At:     p.At,
	}, nil
}
