// Package isolated says which machines are isolated, by the ledger and by Defender, and in what the two differ.
//
// Neighbours: handler/desk shows and releases them, handler/episode knows when an isolation ends by itself.
package isolated

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"cordon/handler/episode"
	"cordon/handler/isolation"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// Isolation is one machine that is isolated, or about to be, by the ledger or by the API.
type Isolation struct {
	MachineID   string
	MachineName string          // as the ledger knows it; empty if it never acted on the machine
	State       isolation.State // of both together: what people are told
	Ledger      isolation.State // isolated, requested, of unknown fate, or not
	API         isolation.State // isolated or not, or the one or the other is under way
	// when the action behind it was completed, or requested if it is not over; zero: no action is known
	Since     time.Time
	Until     time.Time            // when Defender lifts the isolation by itself; zero: not isolated, or not known
	ActionID  string               // of that action
	By        machine.Owner        // who asked for it
	Requestor string               // the same, as the API names him
	RunID     string               // the run that began the episode; empty if it was not Cordon
	Release   machine.ActionStatus // of a release under way; empty: none
	Drift     string               // in what ledger and API differ; empty: they agree, or the next follow sees to it
}

// Isolated reports whether the API lists the machine as isolated, so that it can be released.
func (i Isolation) Isolated() bool { return i.API == isolation.Isolated }

// Obstacle says why the machine cannot be released now; empty: it can.
func (i Isolation) Obstacle() string {
	name := cmp.Or(i.MachineName, i.MachineID)
	switch {
	case i.Release != "":
		return fmt.Sprintf("a release of %s is under way already (%s)", name, i.Release)
	case !i.Isolated():
		return fmt.Sprintf("%s is not isolated yet: action %s is under way; cancel it with cordon cancel, "+
			"or release the machine when it is done", name, i.ActionID)
	}
	return ""
}

// actionsBack is how far back actions are looked at, at least.
const actionsBack = 90 * 24 * time.Hour

// ActionsAPI lists the machine actions of all machines, in every state, created at since or later.
type ActionsAPI interface {
	ActionsSince(ctx context.Context, since time.Time) ([]machine.Action, error)
}

// Machines holds the ledger against the machine actions of the last 90 days, or longer if an episode is older: one
// list call. It answers with every machine that either of them takes for isolated or about to be, by name.
func Machines(
	ctx context.Context,
	store *latches.Store,
	api ActionsAPI,
	now time.Time,
	lift time.Duration,
) ([]Isolation, error) {
	open, err := store.OpenEpisodes(ctx)
	if err != nil {
		return nil, err
	}
	since := now.Add(-actionsBack)
	known := map[string]latches.Latch{}
	for _, entry := range open {
		if entry.Kind != latches.Isolation {
			continue
		}
		l, err := store.Of(ctx, entry.MachineID, latches.Isolation)
		if err != nil {
			return nil, err
		}
		known[l.MachineID] = l
		if !l.ActionAt.IsZero() && l.ActionAt.Before(since) {
			since = l.ActionAt.Add(-time.Second)
		}
	}
	actions, err := api.ActionsSince(ctx, since)
	if err != nil {
		return nil, err
	}
	byMachine := map[string][]machine.Action{}
	for _, a := range actions {
		byMachine[a.MachineID] = append(byMachine[a.MachineID], a)
	}
	for id, itsActions := range byMachine {
		_, there := known[id]
		if !there && mayBe(itsActions, now, lift) {
			known[id], err = store.Of(ctx, id, latches.Isolation)
			if err != nil {
				return nil, err
			}
		}
	}
	var found []Isolation
	for _, id := range slices.Sorted(maps.Keys(known)) {
		i := compareIsolation(known[id], byMachine[id], now, lift)
		if i.Ledger != isolation.Not || i.API != isolation.Not {
			found = append(found, i)
		}
	}
	return found, nil
}

// mayBe reports whether a machine with such actions may be isolated, or about to be, whoever asked for them. Of the many
// that were once, no latch has to be read.
func mayBe(actions []machine.Action, now time.Time, lift time.Duration) bool {
	longest := machine.Owners{} // an isolation by Cordon lasts as long as any
	for _, a := range actions {
		if a.OfIsolation() && !a.Status.Final() {
			return true
		}
		longest[a.ID] = machine.ByCordon
	}
	return machine.StateOf(machine.Isolate, actions, now, lift, longest).Is
}

func compareIsolation(
	l latches.Latch,
	actions []machine.Action,
	now time.Time,
	lift time.Duration,
) Isolation {
	i := Isolation{
		MachineID:   l.MachineID,
		MachineName: l.MachineName,
		Ledger:      isolation.Not,
		API:         isolation.Not,
	}
	switch l.State {
	case latches.Achieved:
		i.Ledger = isolation.Isolated
	case latches.Acting:
		i.Ledger = isolation.Requested
	case latches.Intended:
		i.Ledger = isolation.Unknown
	}
	if i.Ledger != isolation.Not {
		i.Since = l.Since()
		i.ActionID = l.ActionID
		i.RunID = l.RunID
		i.By = l.By()
		i.Requestor = l.Requestor
		i.Until = episode.LiftOf(l, lift)
	}
	is := machine.StateOf(machine.Isolate, actions, now, lift, episode.Owners(l))
	if is.Is {
		i.API = isolation.Isolated
		i.Since = is.Since
		i.Until = is.Until
		i.ActionID = is.Action.ID
		i.By, i.Requestor = is.By, is.Action.Requestor
	}
	openIsolation, release := underWay(actions)
	i.Release = release
	switch {
	case i.Release != "" && i.API == isolation.Isolated:
		i.API = isolation.Releasing
	case openIsolation != nil && i.API == isolation.Not:
		i.API = isolation.Requested
		i.Since = openIsolation.Created
		i.Until = time.Time{}
		i.ActionID = openIsolation.ID
		i.By = openIsolation.AskedBy(episode.Owners(l))
		i.Requestor = openIsolation.Requestor
	}
	i.State = stateOf(i, is)
	i.Drift = driftOf(i, is)
	return i
}

// underWay are the isolation and the release of a machine that are not over.
func underWay(actions []machine.Action) (isolate *machine.Action, release machine.ActionStatus) {
	for _, a := range actions {
		switch {
		case a.Status.Final():
		case a.Type == machine.Isolate:
			isolate = &a
		case a.Type == machine.Unisolate:
			release = a.Status
		}
	}
	return isolate, release
}

// stateOf puts both words into one: what the ledger knows of a request that Defender does not list yet counts, else
// what Defender lists.
func stateOf(i Isolation, is machine.State) isolation.State {
	switch {
	case i.API != isolation.Not:
		return i.API
	case i.Ledger != isolation.Isolated && i.Ledger != isolation.Not:
		return i.Ledger
	}
	return ended(is)
}

// ended is the word for a machine that Defender does not list as isolated.
func ended(is machine.State) isolation.State {
	switch {
	case is.Lifted():
		return isolation.Lifted
	case is.By != "":
		return isolation.Released
	}
	return isolation.Not
}

// Ended says how it is with a machine that neither the ledger nor Defender takes for isolated, by its actions.
func Ended(actions []machine.Action, now time.Time, lift time.Duration) isolation.State {
	return ended(machine.StateOf(machine.Isolate, actions, now, lift, nil))
}

// driftOf says in what the ledger and the API differ. What the next follow records by itself is no drift.
func driftOf(i Isolation, is machine.State) string {
	lifted := "lifted by Defender at " + is.Until.UTC().Format(time.RFC3339)
	switch {
	case i.Ledger == isolation.Isolated &&
		i.API == isolation.Not &&
		is.Lifted() &&
		i.Release != "":
		return lifted + "; it is recorded once the release that is under way is over"
	case i.Ledger == isolation.Isolated && i.API == isolation.Not && is.Lifted():
		return lifted + "; the next follow records it"
	case i.Ledger == isolation.Isolated && i.API == isolation.Not && is.By != "":
		return "released by " + is.Action.Requestor + "; the next follow records it"
	case i.Ledger == isolation.Isolated && i.API == isolation.Not:
		return "the API lists no isolation of it"
	case i.Ledger == isolation.Not && (i.API == isolation.Isolated || i.API == isolation.Requested):
		return "not by Cordon"
	}
	return ""
}
