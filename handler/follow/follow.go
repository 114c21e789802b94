// Package follow learns what became of machine actions, by a timer: outcomes, releases, lifts, requests of unknown fate. It
// tells people, closes the runs that wait for an episode or opens them again, and holds ledger and API against each other.
//
// Neighbours: handler/respond, which begins and joins the episodes; handler/episode, which says what a latch and the actions
// mean; handler/ending, which ends an episode.
package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ending"
	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/schedule"
)

// Mark is the ledger's mark of the last complete follow.
const Mark = "follow"

// API is what the Follower reads from Defender.
type API interface {
	// ActionsSince lists the machine actions of all machines, in every state, created at since or later.
	ActionsSince(ctx context.Context, since time.Time) ([]machine.Action, error)
	// Action reads one machine action.
	Action(ctx context.Context, id string) (machine.Action, error)
}

// Queue takes the messages of runs that go on.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// Options are the parts and settings of a Follower; all are required.
type Options struct {
	API          API
	Queue        Queue
	Ledger       *ledger.Store
	Teller       Teller
	Log          *slog.Logger
	Now          func() time.Time
	Every        time.Duration // the longest pause between two follows
	Overlap      time.Duration // how far behind the last follow actions are read again
	Lift         time.Duration // how long Defender lets an isolation stand before it lifts it by itself
	StaleAfter   time.Duration // the Responder's: older alerts are not acted on
	RecheckAfter time.Duration // the Responder's: wait before a request of unknown fate may be repeated
	PendingAfter time.Duration // an action that is not confirmed for so long is told about
	ReissueAfter time.Duration // wait before a failed action is asked for again
	Operator     []string      // who hears of alerts that were asked for and that nobody knows
}

// Follower learns what became of machine actions: one list call per follow, whatever the number of open episodes.
type Follower struct {
	Options
	endings *ending.Closer
}

// New makes a Follower.
func New(o Options) *Follower {
	return &Follower{
		Options: o,
		endings: &ending.Closer{
			Ledger:     o.Ledger,
			Queue:      o.Queue,
			Teller:     o.Teller,
			Log:        o.Log,
			Now:        o.Now,
			Lift:       o.Lift,
			StaleAfter: o.StaleAfter,
		},
	}
}

// Follow reads the actions of all open episodes and records final states: people are told, the waiting runs closed, then
// the latch is written. A repeat changes nothing. Trouble with one machine does not keep the others from being followed.
func (f *Follower) Follow(ctx context.Context) error {
	if err := f.Ledger.Prepare(ctx); err != nil {
		return err
	}
	return errors.Join(f.followAll(ctx), f.tellUnknown(ctx))
}

func (f *Follower) followAll(ctx context.Context) error {
	begun := f.Now().UTC()
	reconciled, err := f.Ledger.Mark(ctx, markReconcile)
	if err != nil {
		return err
	}
	whole := schedule.Ripe(reconciled.At, begun, reconcileEvery, f.Every)
	episodes, err := f.episodes(ctx)
	if err != nil {
		return err
	}
	actions, err := f.actions(ctx, episodes, begun, whole)
	if err != nil {
		return fmt.Errorf("list machine actions: %w", err)
	}
	var errs []error
	complete := true
	for _, e := range episodes {
		if err := f.follow(ctx, e, actions); errors.Is(err, ledger.ErrConflict) {
			// A responder was faster. What the actions say of this machine is not recorded, so they are read again.
			complete = false
		} else if err != nil {
			errs = append(errs, fmt.Errorf("follow machine %s: %w", e.latch.MachineID, err))
		}
	}
	if err := errors.Join(errs...); err != nil || !complete {
		return err
	}
	if whole {
		if err := f.reconcile(ctx, actions, begun); err != nil {
			return err
		}
	}
	return f.Ledger.SetMark(ctx, Mark, begun, "")
}

type following struct {
	latch ledger.Latch
	entry ledger.OpenEpisode
}

// episodes reads the latches that the index of open episodes names.
func (f *Follower) episodes(ctx context.Context) ([]following, error) {
	open, err := f.Ledger.OpenEpisodes(ctx)
	if err != nil {
		return nil, err
	}
	episodes := make([]following, 0, len(open))
	for _, entry := range open {
		l, err := f.Ledger.Latch(ctx, entry.MachineID, entry.Kind)
		if err != nil {
			return nil, err
		}
		episodes = append(episodes, following{latch: l, entry: entry})
	}
	return episodes, nil
}

// actions lists what may concern the open episodes, by machine; no call is made if there are none. For the whole picture
// it goes back to the oldest of them, whatever its state, and at least a week.
func (f *Follower) actions(ctx context.Context, episodes []following, now time.Time, whole bool) (map[string][]machine.Action, error) {
	if len(episodes) == 0 && !whole {
		return nil, nil
	}
	last, err := f.Ledger.Mark(ctx, Mark)
	if err != nil {
		return nil, err
	}
	since := now.Add(-f.Overlap)
	if !last.At.IsZero() && last.At.Add(-f.Overlap).Before(since) {
		since = last.At.Add(-f.Overlap)
	}
	for _, e := range episodes {
		oldest := e.latch.FirstIntentAt.Add(-episode.LookBack)
		switch {
		case e.latch.State == ledger.Intended:
		case e.latch.State == ledger.Acting:
			oldest = e.latch.ActionAt.Add(-time.Second)
		case e.latch.State == ledger.Achieved && !e.latch.ReleaseAt.IsZero():
			oldest = e.latch.ReleaseAt.Add(-time.Second)
		case e.latch.State == ledger.Achieved && (whole || e.latch.AchievedAt.IsZero() || episode.LiftNear(e.latch, f.Now(), f.Lift)):
			oldest = e.latch.ActionAt.Add(-time.Second)
		default:
			continue
		}
		if oldest.Before(since) {
			since = oldest
		}
	}
	if whole {
		since = earliest(since, now.Add(-reconcileBack), now.Add(-reconcileMost))
	}
	listed, err := f.API.ActionsSince(ctx, since)
	if err != nil {
		return nil, err
	}
	byMachine := map[string][]machine.Action{}
	for _, a := range listed {
		byMachine[a.MachineID] = append(byMachine[a.MachineID], a)
	}
	return byMachine, nil
}

func (f *Follower) follow(ctx context.Context, e following, actions map[string][]machine.Action) error {
	l := e.latch
	mine := actions[l.MachineID]
	switch l.State {
	case ledger.Intended:
		return f.findLost(ctx, e, mine)
	case ledger.Acting:
		return f.followAction(ctx, e, mine)
	case ledger.Achieved:
		return f.watchRelease(ctx, e, mine)
	case ledger.Preparing:
		if l.Held("", f.Now()) {
			return nil
		}
		// Nothing was sent. The write makes sure that a holder who slept through its time cannot go on to an intent
		// that nobody would follow.
		l.Holder, l.HeldUntil = "", time.Time{}
		if err := f.Ledger.SaveLatch(ctx, &l); err != nil {
			return err
		}
	case ledger.Ended:
		if err := f.finishEnd(ctx, l); err != nil {
			return err
		}
	}
	return f.Ledger.RemoveOpen(ctx, e.entry)
}

// findLost gives an episode whose request has no known answer the action that carries its mark, whatever became of the
// run that sent it.
func (f *Follower) findLost(ctx context.Context, e following, actions []machine.Action) error {
	l := e.latch
	if l.Held("", f.Now()) {
		return nil
	}
	for _, a := range actions {
		if a.ID != l.LastActionID && episode.Marks(a, l) {
			l.State, l.ActionID, l.ActionStatus, l.ActionAt = ledger.Acting, a.ID, a.Status, a.Created
			if a.Created.IsZero() {
				l.ActionAt = l.IntentAt
			}
			l.Holder, l.HeldUntil = "", time.Time{}
			f.Log.InfoContext(ctx, "the action of an interrupted request was found", "machine", l.MachineID, "action", a.ID)
			return f.Ledger.SaveLatch(ctx, &l)
		}
	}
	if f.Now().Sub(l.IntentAt) < f.RecheckAfter+abandonAfter {
		return nil
	}
	// Nobody came back to it and nothing was created. A run that still wants the machine isolated begins a new episode.
	l.State, l.EndedAt, l.EndReason = ledger.Ended, f.Now().UTC(), "the request never reached the API"
	l.Holder, l.HeldUntil = "", time.Time{}
	if err := f.Ledger.SaveLatch(ctx, &l); err != nil {
		return err
	}
	if err := f.endings.GiveBack(ctx, l); err != nil {
		return err
	}
	return f.Ledger.RemoveOpen(ctx, e.entry)
}

// abandonAfter is how much longer than a run's own retries an intent without an action is kept.
const abandonAfter = 30 * time.Minute

// followAction records what became of an episode's action.
func (f *Follower) followAction(ctx context.Context, e following, actions []machine.Action) error {
	l := e.latch
	i := slices.IndexFunc(actions, func(a machine.Action) bool { return a.ID == l.ActionID })
	if i < 0 {
		return f.unlisted(ctx, e, actions)
	}
	return f.seen(ctx, e, actions[i], actions)
}

// seen records what the API says of an episode's action.
func (f *Follower) seen(ctx context.Context, e following, a machine.Action, actions []machine.Action) error {
	l := e.latch
	if a.Status.Final() {
		return f.settle(ctx, e, a, episode.FinalDetail(a), actions)
	}
	if f.Now().Sub(l.ActionAt) > f.PendingAfter {
		waiting := f.event(l, notice.StillPending)
		waiting.Detail = fmt.Sprintf("Action %s is %s since %s.", a.ID, a.Status, a.Created.Format(time.RFC3339))
		if err := f.endings.TellJoiners(ctx, l, waiting); err != nil {
			return err
		}
	}
	if a.Status == l.ActionStatus {
		return nil
	}
	l.ActionStatus = a.Status
	return f.Ledger.SaveLatch(ctx, &l)
}

// settle records a final status: notice entries first, then for a success the runs and the latch, for anything else the
// latch and the runs, that none of them finds its own episode still open when it asks again; then the index.
func (f *Follower) settle(ctx context.Context, e following, a machine.Action, detail string, actions []machine.Action) error {
	l := e.latch
	l.ActionStatus = a.Status
	spec, _ := machine.SpecOfLatch(l.Kind)
	what := f.event(l, episode.FinalKind(l, a.Status))
	what.At, what.ActionID, what.Detail = a.Updated, a.ID, detail
	if undone, undoes := machine.SpecOf(spec.Undoes); undoes && a.Status == machine.Succeeded {
		what = episode.ReleaseEvent(ledger.Latch{MachineID: l.MachineID, MachineName: l.MachineName, Kind: undone.Latch, Desired: undone.Type}, a, f.Now())
	}
	if a.Status == machine.Succeeded {
		l.State, l.AchievedAt = ledger.Achieved, a.Completed()
		if l.Adopted {
			what.Detail += " " + episode.Whose(l)
		}
		what.Detail += episode.LiftSentence(l, f.Lift)
		if !spec.Lasting {
			l.State, l.EndedAt, l.EndReason, l.EndKind = ledger.Ended, f.Now().UTC(), what.Detail, ""
		}
		if err := errors.Join(f.endings.TellJoiners(ctx, l, what), f.closeRuns(ctx, l, spec.Done, what.Detail)); err != nil {
			return err
		}
	} else {
		l.State, l.EndedAt, l.EndReason, l.EndKind = ledger.Ended, f.Now().UTC(), what.Detail, string(what.Kind)
		again, err := f.againDetail(ctx, l)
		if err != nil {
			return err
		}
		what.Detail, what.Again = what.Detail+again, again != ""
		if err := f.endings.TellJoiners(ctx, l, what); err != nil {
			return err
		}
	}
	if err := f.Ledger.SaveLatch(ctx, &l); err != nil {
		return err
	}
	f.Log.InfoContext(ctx, "machine action is final", "type", string(l.Desired), "machine", l.MachineID, "name", l.MachineName, "action", a.ID, "status", string(a.Status), "episode", l.Episode)
	if l.State == ledger.Ended {
		if err := f.finishEnd(ctx, l); err != nil {
			return err
		}
		return f.Ledger.RemoveOpen(ctx, e.entry)
	}
	e.latch = l
	return f.watchRelease(ctx, e, actions)
}

// closeRuns ends the runs that wait for the episode.
func (f *Follower) closeRuns(ctx context.Context, l ledger.Latch, outcome, reason string) error {
	joiners, err := f.Ledger.Joiners(ctx, l)
	if err != nil {
		return err
	}
	for _, j := range joiners {
		_, err := f.Ledger.UpdateRun(ctx, j.AlertID, j.Version, func(run *ledger.Run) error {
			return episode.CloseWith(run, l, outcome, reason, f.Now().UTC())
		})
		if err != nil && !ledger.IsNotFound(err) {
			return err
		}
	}
	return nil
}

func (f *Follower) event(l ledger.Latch, kind notice.Kind) notice.Event {
	return episode.Event(l, kind, f.Now())
}
