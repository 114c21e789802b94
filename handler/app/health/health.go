// Package health says whether alerts are being answered: all of it for callers with a key, and in one word for others.
// It reads what all instances share, the ledger and the queues, and writes one row, from which the short answer is
// given. Package watch tells people of the same things; here somebody asks.
package health

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cordon/handler/alert"
	"cordon/handler/config"
	"cordon/handler/ledger"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook"
	"cordon/handler/trigger"
	"cordon/handler/watch"
)

// Options are what a check looks at.
type Options struct {
	Ledger     *ledger.Store
	Queues     Queues
	Log        *slog.Logger
	Alerts     string // queue
	Notices    string // queue
	Version    string // of the program
	Mode       playbook.Mode
	Sources    []alert.Source   // of alerts, that are set
	Watched    []watch.Function // at least one
	Lapses     []config.Lapse
	Unanswered time.Duration // how long an alert version may be
	Now        func() time.Time
}

// Check answers whether alerts are being answered, from what all instances share.
type Check struct {
	o Options

	mu    sync.Mutex
	well  bool      // what the summary says
	at    time.Time // when that was read
	wrote time.Time // when what it is read from was written by this process
}

// New makes a check. It asks nothing yet.
func New(o Options) *Check {
	return &Check{o: o}
}

// Answer is the whole of it, for callers with a key.
func (h *Check) Answer(ctx context.Context) (trigger.Health, error) {
	r := h.Report(ctx)
	return trigger.Health{OK: r.OK, Body: r}, nil
}

// Report is the whole of it. What cannot be read is a reason in it.
func (h *Check) Report(ctx context.Context) wire.Health {
	r := report{Health: wire.Health{
		Mode:        string(h.o.Mode),
		Version:     h.o.Version,
		LastSuccess: map[string]time.Time{},
		Runs:        map[string]string{},
		Queues:      map[string]string{},
	}}
	for _, l := range h.o.Lapses {
		r.risk("%s", l)
	}
	if err := h.readLedger(ctx, &r); err != nil {
		r.risk("the ledger cannot be read, so nothing is done: %v", err)
	}
	h.readQueues(ctx, &r)
	r.OK = len(r.Reasons) == 0
	return r.Health
}

// readLedger asks everything of the ledger, one question after the other.
func (h *Check) readLedger(ctx context.Context, r *report) error {
	if err := h.o.Ledger.Prepare(ctx); err != nil {
		return err
	}
	now := h.o.Now().UTC()
	for _, read := range []func(context.Context, *report, time.Time) error{
		h.readTrouble, h.readTimers, h.readSources, h.readRuns, h.readEpisodes, h.readNotices,
		h.readFinds, h.readDrift, h.readPeople, h.readCaps, h.readMet,
	} {
		if err := read(ctx, r, now); err != nil {
			return err
		}
	}
	return nil
}

// How the row that the summary is answered from is written, and how long it counts.
const (
	markHealth  = "health"
	wellNote    = "ok"
	unwellNote  = "not ok"
	startNote   = "starting"
	recordTime  = 25 * time.Second // for one report that is written down
	summaryAge  = 15 * time.Second // the row is read once in that time, whoever asks how often
	summaryTime = 10 * time.Second // for reading it
)

// Record writes down whether all is well, for the summary. The functions on timers do so after their work, however
// often they run no more often than it is read.
func (h *Check) Record(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.o.Now()
	if now.Sub(h.wrote) < summaryAge && !now.Before(h.wrote) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	note := unwellNote
	if h.Report(ctx).OK {
		note = wellNote
	}
	h.wrote = h.o.Now()
	return h.o.Ledger.Switches.SetMark(ctx, markHealth, h.wrote.UTC(), note)
}

// Summary says only whether all is well, for callers without a key.
func (h *Check) Summary(ctx context.Context) (trigger.Health, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.o.Now()
	if now.Sub(h.at) >= summaryAge || now.Before(h.at) {
		h.well = h.recorded(ctx, now.UTC())
		h.at = now
	}
	return trigger.Health{OK: h.well, Body: map[string]bool{"ok": h.well}}, nil
}

// recorded is what the timers wrote down, if that is not too old. The caller's hanging up ends nothing: others wait for
// the same answer.
func (h *Check) recorded(ctx context.Context, now time.Time) bool {
	if len(h.o.Lapses) > 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), summaryTime)
	defer cancel()
	mark, err := h.o.Ledger.Switches.Mark(ctx, markHealth)
	if err == nil && mark.At.IsZero() {
		err = h.o.Ledger.Prepare(ctx)
		if err == nil {
			mark, err = h.o.Ledger.Switches.FirstMark(ctx, markHealth, now, startNote)
		}
	}
	if err != nil {
		h.o.Log.WarnContext(ctx, "the summary of health is not known", "error", err.Error())
		return false
	}
	often := h.o.Watched[0].Every
	for _, f := range h.o.Watched[1:] {
		often = min(often, f.Every)
	}
	age := now.Sub(mark.At)
	switch mark.Note {
	case wellNote:
		return age.Abs() <= watch.Limit(often)
	case startNote: // nothing has run yet
		return age.Abs() <= 3*often
	}
	return false
}
