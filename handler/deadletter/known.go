package deadletter

import (
	"context"
	"time"

	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/runs"
)

// Known is what the ledger knows of what a dead letter asks for.
type Known struct {
	Unreadable string `json:"unreadable,omitempty"` // why nothing is known
	RunID      string `json:"run,omitempty"`
	State      string `json:"state,omitempty"` // of the run, or of the notice
	Outcome    string `json:"outcome,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Newest     int    `json:"newestVersion,omitempty"`
	Replay     string `json:"replay,omitempty"` // what a replay would come to
}

// Ask asks the ledger for what is known of something that can be read.
func Ask(ctx context.Context, answered *runs.Store, told *notices.Store, r Reading) (Known, error) {
	if r.Group != "" {
		return askNotice(ctx, told, r)
	}
	return askAlert(ctx, answered, r)
}

func askAlert(ctx context.Context, store *runs.Store, r Reading) (Known, error) {
	record, err := store.Alert(ctx, r.AlertID)
	if err != nil {
		return Known{}, err
	}
	if record.Seen == nil {
		return Known{Replay: "the alert was never seen: a replay asks the API for it"}, nil
	}
	known := Known{Newest: record.Seen.Version}
	version := r.Version
	if version == 0 {
		version = record.Seen.Version
	}
	run, exists := record.Run(version)
	if exists {
		known.RunID = run.ID()
		known.State = string(run.State)
		known.Outcome = run.Outcome
		known.Reason = run.Reason
	}
	switch {
	case r.Version == 0:
		known.Replay = "a replay asks the API for the alert, and joins this run if nothing changed"
	case r.Version > record.Seen.Version:
		known.Replay = "this version is not known: a replay asks the API for the alert"
	case !exists && r.Version < record.Seen.Version:
		known.Replay = "this version has no run and a newer one is known: a replay does nothing"
	case !exists:
		known.Replay = "the run is missing: a replay asks the API for the alert"
	case run.State.Final():
		known.Replay = "the run is over: a replay does nothing"
	case r.Version < record.Seen.Version:
		known.Replay = "a newer version is known: a replay closes this run as superseded"
	default:
		known.Replay = "a replay goes on with this run"
	}
	return known, nil
}

func askNotice(ctx context.Context, store *notices.Store, r Reading) (Known, error) {
	unsent, err := store.Unsent(ctx)
	if err != nil {
		return Known{}, err
	}
	for _, n := range unsent {
		if n.Group == r.Group && n.Seq == r.Seq {
			due := n.DueAt.UTC().Format(time.RFC3339)
			return Known{State: "not sent, due " + due, Replay: "a replay sends it"}, nil
		}
	}
	return Known{State: "sent, or never written", Replay: "a replay does nothing"}, nil
}
