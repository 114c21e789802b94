// Package episodes says for people what was done to a machine, episode by episode: since when, by whom and for which
// alert, and how it ended.
//
// Neighbours: handler/ledger/latches keeps the episodes, handler/desk shows them with the rest of a machine.
package episodes

import (
	"context"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
)

// Episode is one time that a machine was put into a state, or that something else was done to it.
type Episode struct {
	Kind      string    `json:"kind"`  // isolation, restriction of apps, antivirus scan (Quick), …
	State     string    `json:"state"` // requested, request of unknown fate, in force, over
	Began     time.Time `json:"began"` // when it was asked for
	Reached   time.Time `json:"reached,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	End       string    `json:"end,omitempty"`       // released, lifted, done, failed, given up, …
	Why       string    `json:"why,omitempty"`       // how it ended, in a sentence, and by whom
	EndedBy   string    `json:"endedBy,omitempty"`   // the run whose rule ended it
	By        string    `json:"by"`                  // who asked for it: cordon, person, automatic, unknown
	Requestor string    `json:"requestor,omitempty"` // as Defender names him, if it was not Cordon
	RunID     string    `json:"runId,omitempty"`     // the run that began it
	AlertID   string    `json:"alertId,omitempty"`   // whose run that was
	ActionID  string    `json:"actionId,omitempty"`
}

// Of are the newest episodes of a machine, n at most.
func Of(ctx context.Context, store *latches.Store, machineID string, n int) ([]Episode, error) {
	found, err := store.Episodes(ctx, machineID, n)
	all := []Episode{}
	for _, l := range found {
		all = append(all, shown(l))
	}
	return all, err
}

func shown(l latches.Latch) Episode {
	e := Episode{
		Kind:      episode.Noun(l),
		State:     stateOf(l),
		Began:     l.Begun(),
		Reached:   l.AchievedAt,
		By:        string(l.By()),
		Requestor: l.Requestor,
		RunID:     l.RunID,
		ActionID:  l.ActionID,
	}
	e.AlertID, _ = alert.SplitRunID(l.RunID)
	if !l.State.Open() {
		e.Ended, e.End = endOf(l)
		e.Why = l.EndReason
		e.EndedBy = l.UndoneBy
	}
	return e
}

func stateOf(l latches.Latch) string {
	switch l.State {
	case latches.Acting:
		return "requested"
	case latches.Achieved:
		return "in force"
	case latches.Ended:
		return "over"
	}
	return "request of unknown fate"
}

// endOf says when an episode ended, and how in a word. What the API's clock says counts more than when it was noted.
func endOf(l latches.Latch) (at time.Time, how string) {
	switch {
	case !l.ReleasedAt.IsZero():
		return l.ReleasedAt, "released"
	case !l.LiftedAt.IsZero():
		return l.LiftedAt, "lifted"
	case l.EndKind != "":
		return l.EndedAt, l.EndKind
	case !l.AchievedAt.IsZero():
		return l.EndedAt, "done"
	}
	return l.EndedAt, "given up"
}
