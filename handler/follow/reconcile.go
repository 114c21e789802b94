package follow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
)

// How often the whole picture is looked at, and how far back: at least, and at most.
const (
	reconcileEvery = time.Hour
	reconcileBack  = 7 * 24 * time.Hour
	reconcileMost  = 90 * 24 * time.Hour
)

const (
	markReconcile = "reconcile"
	markDrift     = "drift"
)

// driftShown is how many machines a Drift names at most.
const driftShown = 5

// Drift is where the ledger and the API differ about who is isolated, as of the last look.
type Drift struct {
	// machines that the ledger believes isolated and the API knows as released
	NotIsolated int       `json:"notIsolated"`
	Elsewhere   int       `json:"elsewhere"` // machines that are isolated and were not, or no longer, by Cordon
	Machines    []string  `json:"machines"`  // some of their ids, the first kind first
	At          time.Time `json:"at"`        // of the look; zero: never
}

// ReadDrift reads what the last look found.
func ReadDrift(ctx context.Context, store *switches.Store) (Drift, error) {
	var d Drift
	mark, err := store.Mark(ctx, markDrift)
	if err != nil || mark.Note == "" {
		return d, err
	}
	err = json.Unmarshal([]byte(mark.Note), &d)
	if err != nil {
		return d, fmt.Errorf("ledger mark %s: %w", markDrift, err)
	}
	return d, nil
}

// reconcile holds what the ledger believes against what the API lists, after what could be mended was mended: a release
// that no follow had seen is recorded by then like any other.
func (f *Follower) reconcile(
	ctx context.Context,
	actions map[string][]machine.Action,
	now time.Time,
) error {
	var believed, elsewhere []string
	for id, list := range actions {
		if !slices.ContainsFunc(list, machine.Action.OfIsolation) {
			continue
		}
		l, err := f.Latches.Of(ctx, id, latches.Isolation)
		if err != nil {
			return err
		}
		now := machine.StateOf(machine.Isolate, list, now, f.Lift, episode.Owners(l))
		switch {
		case l.State == latches.Achieved &&
			now.Lifted() &&
			!l.ReleaseAt.IsZero():
			// It is written as soon as the release that is under way is over.
		case l.State == latches.Achieved && !now.Is && now.By != "":
			believed = append(believed, id)
		case now.Is && (l.State == latches.Ended || l.Episode == 0):
			elsewhere = append(elsewhere, id)
		}
	}
	slices.Sort(believed)
	slices.Sort(elsewhere)
	d := Drift{
		NotIsolated: len(believed),
		Elsewhere:   len(elsewhere),
		At:          now,
	}
	for _, ids := range [][]string{believed, elsewhere} {
		d.Machines = append(d.Machines, ids[:min(len(ids), driftShown)]...)
	}
	if len(believed) > 0 {
		f.Log.ErrorContext(ctx, "machines are believed isolated and are not; look at their actions in the portal",
			"machines", believed)
	}
	note, err := outgoing.Encode(d)
	if err != nil {
		return err
	}
	err = f.Switches.SetMark(ctx, markDrift, now, string(note))
	if err != nil {
		return err
	}
	return f.Switches.SetMark(ctx, markReconcile, now, "")
}

// earliest is the earlier of two times, but not before a limit.
func earliest(a, b, limit time.Time) time.Time {
	if b.Before(a) {
		a = b
	}
	if a.Before(limit) {
		return limit
	}
	return a
}
