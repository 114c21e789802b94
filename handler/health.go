package main

import (
	"context"
	"fmt"
	"sync"
	"time"

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
	summaryAge    = 15 * time.Second
)

// health answers whether alerts are being answered, from what all instances share.
type health struct {
	ledger          *ledger.Store
	queue           *queue.Client
	alerts, notices string
	mode            playbook.Mode
	watched         []watch.Function
	unanswered      time.Duration // how long an alert version may be
	now             func() time.Time

	mu   sync.Mutex
	last trigger.Health // for the summary
	at   time.Time
}

// healthReport is the body of GET /api/health.
type healthReport struct {
	OK           bool                 `json:"ok"`
	Reasons      []string             `json:"reasons,omitempty"` // why not
	Mode         string               `json:"mode"`
	Pause        *pauseView           `json:"pause,omitempty"`       // a person has stopped all acting
	Held         int                  `json:"held"`                  // alerts of which rails held something that nobody has continued or dropped
	CapsReached  []string             `json:"capsReached,omitempty"` // that hold machine actions now
	Version      string               `json:"version"`
	Watermark    time.Time            `json:"watermark,omitzero"` // every alert change before it is enqueued
	LastSuccess  map[string]time.Time `json:"lastSuccess"`        // of the functions on timers
	Lateness     poll.Lateness        `json:"lateness,omitzero"`  // the largest of about a week
	Runs         map[string]string    `json:"runs"`               // those that are not over, by state, "200+" at most
	OpenEpisodes int                  `json:"openEpisodes"`       // lasting states that are in force, such as isolations, and machine actions under way
	Notices      string               `json:"unsentNotices"`
	OldestNotice time.Time            `json:"oldestUnsentNotice,omitzero"` // when it was due
	Drift        response.Drift       `json:"drift,omitzero"`
	Swept        poll.Swept           `json:"swept,omitzero"`
	LastError    lastError            `json:"lastError,omitzero"`
	Queues       map[string]string    `json:"queues"` // messages waiting, and dead letters, "100+" at most
}

type lastError struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// report is the whole of it, for callers with a key.
func (h *health) report(ctx context.Context) (trigger.Health, error) {
	r := healthReport{Mode: string(h.mode), Version: version, LastSuccess: map[string]time.Time{}, Runs: map[string]string{}, Queues: map[string]string{}}
	if err := h.readLedger(ctx, &r); err != nil {
		r.risk("the ledger can not be read, so nothing is done: %v", err)
	}
	for _, name := range []string{h.alerts, h.notices} {
		active, dead, err := h.queue.Depth(ctx, name, depthShown)
		if err != nil {
			r.risk("queue %s can not be looked at: %v", name, err)
			continue
		}
		r.Queues[name], r.Queues[name+" dead letters"] = atMost(active, depthShown), atMost(dead, depthShown)
		if dead > 0 {
			r.risk("queue %s has %s dead letters; see cordon deadletter list", name, atMost(dead, depthShown))
		}
	}
	r.OK = len(r.Reasons) == 0
	return trigger.Health{OK: r.OK, Body: r}, nil
}

// summary says only whether all is well, for callers without a key. It is worked out at most every few seconds, whoever
// asks how often.
func (h *health) summary(ctx context.Context) (trigger.Health, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.now(); now.Sub(h.at) >= summaryAge || now.Before(h.at) {
		report, err := h.report(ctx)
		if err != nil {
			return trigger.Health{}, err
		}
		h.last = trigger.Health{OK: report.OK, Body: map[string]bool{"ok": report.OK}}
		h.at = now
	}
	return h.last, nil
}

func (r *healthReport) risk(format string, args ...any) {
	r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
}

func (h *health) readLedger(ctx context.Context, r *healthReport) error {
	if err := h.ledger.Prepare(ctx); err != nil {
		return err
	}
	now := h.now().UTC()
	for _, read := range []func(context.Context, *healthReport, time.Time) error{h.readTimers, h.readRuns, h.readNotices, h.readFindings} {
		if err := read(ctx, r, now); err != nil {
			return err
		}
	}
	return nil
}

func (h *health) readTimers(ctx context.Context, r *healthReport, now time.Time) error {
	mark, err := h.ledger.Watermark(ctx)
	if err != nil {
		return err
	}
	r.Watermark = mark.At
	for _, f := range h.watched {
		last, err := h.ledger.Mark(ctx, f.Mark)
		if err != nil {
			return err
		}
		switch {
		case last.At.IsZero():
			r.risk("%s has never succeeded", f.Name)
			continue
		case now.Sub(last.At) > f.Limit:
			r.risk("%s last succeeded %s ago", f.Name, now.Sub(last.At).Round(time.Second))
		}
		r.LastSuccess[f.Name] = last.At
	}
	return nil
}

func (h *health) readRuns(ctx context.Context, r *healthReport, now time.Time) error {
	open, err := h.ledger.CountOpenRuns(ctx, runsShown, now)
	if err != nil {
		return err
	}
	for state, n := range open.ByState {
		r.Runs[string(state)] = fmt.Sprint(n)
	}
	if open.More {
		r.Runs["not looked at"] = "some"
	}
	if u := open.Unanswered; u.For(now) > h.unanswered {
		r.risk("%s is unanswered since %s, for %s", u.RunID, u.Since.UTC().Format(time.RFC3339), u.For(now).Round(time.Second))
	}
	episodes, err := h.ledger.OpenEpisodes(ctx)
	r.OpenEpisodes = len(episodes)
	return err
}

func (h *health) readNotices(ctx context.Context, r *healthReport, now time.Time) error {
	unsent, err := h.ledger.UnsentNotices(ctx)
	if err != nil {
		return err
	}
	r.Notices = fmt.Sprint(len(unsent))
	group := ""
	for _, n := range unsent {
		if r.OldestNotice.IsZero() || n.DueAt.Before(r.OldestNotice) {
			r.OldestNotice, group = n.DueAt, n.Group
		}
	}
	if late := now.Sub(r.OldestNotice); group != "" && late > noticeOverdue {
		r.risk("notice %s is overdue by %s", group, late.Round(time.Second))
	}
	return nil
}

func (h *health) readFindings(ctx context.Context, r *healthReport, now time.Time) (err error) {
	if r.Lateness, err = poll.ReadLateness(ctx, h.ledger); err != nil {
		return err
	}
	if r.Swept, err = poll.ReadSwept(ctx, h.ledger); err != nil {
		return err
	}
	if r.Drift, err = response.ReadDrift(ctx, h.ledger); err != nil {
		return err
	}
	if r.Drift.NotIsolated > 0 {
		r.risk("%d machines are believed isolated and are not, such as %s", r.Drift.NotIsolated, r.Drift.Machines[0])
	}
	if r.Pause, err = pauseOf(ctx, h.ledger); err != nil {
		return err
	}
	held, err := h.ledger.AllHeld(ctx)
	if err != nil {
		return err
	}
	r.Held = len(held)
	trips, err := h.ledger.Trips(ctx, now)
	if err != nil {
		return err
	}
	for _, t := range trips {
		r.CapsReached = append(r.CapsReached, t.Cap+": "+t.Text)
	}
	trouble, err := h.ledger.Mark(ctx, ledger.MarkTrouble)
	r.LastError = lastError{At: trouble.At, Text: trouble.Note}
	return err
}

func atMost(n, limit int) string {
	if n >= limit {
		return fmt.Sprintf("%d+", limit)
	}
	return fmt.Sprint(n)
}
