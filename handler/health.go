package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cordon/handler/config"
	"cordon/handler/ledger"
	"cordon/handler/playbook"
	"cordon/handler/poll"
	"cordon/handler/queue"
	"cordon/handler/response"
	"cordon/handler/trigger"
	"cordon/handler/watch"
)

// Bounds beyond which a promise is at risk, and of what is looked at.
const (
	noticeOverdue = 10 * time.Minute
	depthShown    = 100 // messages that are looked at, at most
	runsShown     = 200 // open runs that are looked at, at most
)

// health answers whether alerts are being answered, from what all instances share.
type health struct {
	ledger          *ledger.Store
	queue           *queue.Client
	log             *slog.Logger
	alerts, notices string
	mode            playbook.Mode
	watched         []watch.Function
	lapses          []config.Lapse
	unanswered      time.Duration // how long an alert version may be
	now             func() time.Time

	mu    sync.Mutex
	well  bool      // what the summary says
	at    time.Time // when that was read
	wrote time.Time // when what it is read from was written by this process
}

// healthReport is the body of GET /api/health.
type healthReport struct {
	OK           bool                 `json:"ok"`
	Reasons      []string             `json:"reasons,omitempty"`  // why not
	Starting     map[string]time.Time `json:"starting,omitempty"` // functions that have not run yet, and when they are first due
	Mode         string               `json:"mode"`
	Pause        *pauseView           `json:"pause,omitempty"`       // a person has stopped all acting
	Held         int                  `json:"held"`                  // alerts of which rails held something that nobody has continued or dropped
	CapsReached  []string             `json:"capsReached,omitempty"` // that hold machine actions now
	Met          metView              `json:"met,omitzero"`          // about machines that protect might have meant
	Version      string               `json:"version"`
	Watermark    time.Time            `json:"watermark,omitzero"` // every alert change before it is enqueued
	LastSuccess  map[string]time.Time `json:"lastSuccess"`        // of the functions on timers
	Lateness     poll.Lateness        `json:"lateness,omitzero"`  // the largest of about a week
	Runs         map[string]string    `json:"runs"`               // those that are not over, by state, "200+" at most
	Unanswered   *unansweredView      `json:"unanswered,omitempty"`
	Stuck        ledger.Stuck         `json:"stuck,omitzero"` // runs that have come back for half an hour without getting on
	OpenEpisodes int                  `json:"openEpisodes"`   // lasting states that are in force, such as isolations, and machine actions under way
	Notices      string               `json:"unsentNotices"`
	OldestNotice time.Time            `json:"oldestUnsentNotice,omitzero"` // when it was due
	Drift        response.Drift       `json:"drift,omitzero"`
	Swept        poll.Swept           `json:"swept,omitzero"`
	LastError    lastError            `json:"lastError,omitzero"`
	Queues       map[string]string    `json:"queues"` // messages waiting, and dead letters, "100+" at most

	troubled ledger.Trouble
}

// unansweredView is the oldest version of an alert that nobody has answered.
type unansweredView struct {
	Run   string        `json:"run"`
	Since time.Time     `json:"since"`
	For   time.Duration `json:"for"`
}

type lastError struct {
	At        time.Time `json:"at"`
	Text      string    `json:"text"`
	OverSince time.Time `json:"overSince,omitzero"` // none: it is not known to be over
}

// report is the whole of it, for callers with a key.
func (h *health) report(ctx context.Context) (trigger.Health, error) {
	r := healthReport{Mode: string(h.mode), Version: version, LastSuccess: map[string]time.Time{}, Runs: map[string]string{},
		Queues: map[string]string{}}
	for _, l := range h.lapses {
		r.risk("%s", l)
	}
	if err := h.readLedger(ctx, &r); err != nil {
		r.risk("the ledger cannot be read, so nothing is done: %v", err)
	}
	h.readQueues(ctx, &r)
	r.OK = len(r.Reasons) == 0
	return trigger.Health{OK: r.OK, Body: r}, nil
}

func (r *healthReport) risk(format string, args ...any) {
	r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
}

// readLedger asks everything of the ledger, one question after the other.
func (h *health) readLedger(ctx context.Context, r *healthReport) error {
	if err := h.ledger.Prepare(ctx); err != nil {
		return err
	}
	now := h.now().UTC()
	for _, read := range []func(context.Context, *healthReport, time.Time) error{
		h.readTrouble, h.readTimers, h.readRuns, h.readEpisodes, h.readNotices, h.readFinds, h.readDrift, h.readPeople, h.readCaps,
		h.readMet,
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

// record writes down whether all is well, for the summary. The functions on timers do so after their work, however often they
// run no more often than it is read.
func (h *health) record(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.now(); now.Sub(h.wrote) < summaryAge && !now.Before(h.wrote) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	report, err := h.report(ctx)
	if err != nil {
		return err
	}
	note := unwellNote
	if report.OK {
		note = wellNote
	}
	h.wrote = h.now()
	return h.ledger.SetMark(ctx, markHealth, h.wrote.UTC(), note)
}

// summary says only whether all is well, for callers without a key.
func (h *health) summary(ctx context.Context) (trigger.Health, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.now(); now.Sub(h.at) >= summaryAge || now.Before(h.at) {
		h.well, h.at = h.recorded(ctx, now.UTC()), now
	}
	return trigger.Health{OK: h.well, Body: map[string]bool{"ok": h.well}}, nil
}

// recorded is what the timers wrote down, if that is not too old. The caller's hanging up ends nothing: others wait for the
// same answer.
func (h *health) recorded(ctx context.Context, now time.Time) bool {
	if len(h.lapses) > 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), summaryTime)
	defer cancel()
	mark, err := h.ledger.Mark(ctx, markHealth)
	if err == nil && mark.At.IsZero() {
		if err = h.ledger.Prepare(ctx); err == nil {
			mark, err = h.ledger.FirstMark(ctx, markHealth, now, startNote)
		}
	}
	if err != nil {
		h.log.WarnContext(ctx, "the summary of health is not known", "error", err.Error())
		return false
	}
	often := h.watched[0].Every
	for _, f := range h.watched[1:] {
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
