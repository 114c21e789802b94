package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/alert"
	"cordon/handler/config"
	"cordon/handler/ledger"
	"cordon/handler/notice"
	"cordon/handler/queue"
)

// reading is what the handler would make of a dead letter if it were delivered now.
type reading struct {
	Readable bool   `json:"readable"`
	Why      string `json:"why,omitempty"`  // why not
	What     string `json:"what,omitempty"` // what it asks for, in words

	AlertID string `json:"alertId,omitempty"`
	Version int    `json:"version,omitempty"` // 0: the message names none
	Group   string `json:"group,omitempty"`
	Seq     int    `json:"seq,omitempty"`

	copyID string // for sending it again
}

// read decodes a dead letter with the decoder of the function that answers its queue.
func (x *deadLetters) read(d queue.DeadLetter) reading {
	// The number is never used again, so the id is fresh; and it is the same for a second try, so that the broker drops the
	// copy of a replay that was interrupted after the first one.
	suffix := fmt.Sprintf(":replay:%d", d.Number)
	if x.queue == "notices" {
		m, err := notice.DecodeMessage(x.tenant, d.Body)
		if err != nil {
			return refused(err)
		}
		return reading{Readable: true, What: fmt.Sprintf("notice %s, sequence %d", m.Group, m.Seq), Group: m.Group, Seq: m.Seq,
			copyID: notice.MessageID(x.tenant, m.Group, m.Seq) + suffix}
	}
	m, err := alert.DecodeMessageFor(x.tenant, d.Body)
	if err != nil {
		return refused(err)
	}
	what := "alert " + m.AlertID
	if m.Version > 0 {
		what += fmt.Sprintf(", version %d", m.Version)
	}
	return reading{Readable: true, What: what, AlertID: m.AlertID, Version: m.Version, copyID: alert.MessageID(x.tenant, m.AlertID, m.Version) + suffix}
}

func refused(err error) reading {
	if errors.Is(err, alert.ErrUnknownFormat) {
		return reading{Why: err.Error() + "; use the cordon of the version that wrote it"}
	}
	return reading{Why: err.Error()}
}

// recorded is what the ledger knows of what a dead letter asks for.
type recorded struct {
	Unreadable string `json:"unreadable,omitempty"` // why nothing is known
	RunID      string `json:"run,omitempty"`
	State      string `json:"state,omitempty"` // of the run, or of the notice
	Outcome    string `json:"outcome,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Newest     int    `json:"newestVersion,omitempty"`
	Replay     string `json:"replay,omitempty"` // what a replay would come to
}

// ledgerPatience bounds how long show waits for the ledger, without which it is still of use.
const ledgerPatience = 20 * time.Second

// lookUp asks the ledger. That it cannot be asked is an answer too.
func (x *deadLetters) lookUp(ctx context.Context, r reading) recorded {
	settings, err := config.LoadFor(x.getenv, config.Ledger)
	if err != nil {
		return recorded{Unreadable: brief(err)}
	}
	ctx, cancel := context.WithTimeout(ctx, ledgerPatience)
	defer cancel()
	store, err := commandLedger(ctx, settings)
	if err != nil {
		return recorded{Unreadable: brief(err)}
	}
	var known recorded
	if x.queue == "notices" {
		known, err = noticeRecord(ctx, store, r)
	} else {
		known, err = alertRecord(ctx, store, r)
	}
	if err != nil {
		return recorded{Unreadable: brief(err)}
	}
	return known
}

// brief is an error on one line: of a refused request only what the service said, of settings all that are wrong.
func brief(err error) string {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return fmt.Sprintf("the table service answered %d %s", answer.StatusCode, answer.ErrorCode)
	}
	var wrong *config.Error
	if errors.As(err, &wrong) {
		var all []string
		for _, p := range wrong.Problems {
			all = append(all, p.Name+": "+p.Message)
		}
		return strings.Join(all, "; ")
	}
	return err.Error()
}

func alertRecord(ctx context.Context, store *ledger.Store, r reading) (recorded, error) {
	record, err := store.Alert(ctx, r.AlertID)
	if err != nil {
		return recorded{}, err
	}
	if record.Seen == nil {
		return recorded{Replay: "the alert was never seen: a replay asks the API for it"}, nil
	}
	known := recorded{Newest: record.Seen.Version}
	version := r.Version
	if version == 0 {
		version = record.Seen.Version
	}
	run, exists := record.Run(version)
	if exists {
		known.RunID, known.State, known.Outcome, known.Reason = run.ID(), string(run.State), run.Outcome, run.Reason
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

func noticeRecord(ctx context.Context, store *ledger.Store, r reading) (recorded, error) {
	unsent, err := store.UnsentNotices(ctx)
	if err != nil {
		return recorded{}, err
	}
	for _, n := range unsent {
		if n.Group == r.Group && n.Seq == r.Seq {
			return recorded{State: "not sent, due " + n.DueAt.UTC().Format(time.RFC3339), Replay: "a replay sends it"}, nil
		}
	}
	return recorded{State: "sent, or never written", Replay: "a replay does nothing"}, nil
}
