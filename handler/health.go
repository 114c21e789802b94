package main

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/ledger"
	"cordon/handler/playbook"
	"cordon/handler/poll"
	"cordon/handler/queue"
	"cordon/handler/response"
	"cordon/handler/trigger"
)

// Bounds beyond which a promise is at risk.
const (
	pollOverdue   = 5 * time.Minute
	followOverdue = 5 * time.Minute
	noticeOverdue = 10 * time.Minute
	depthShown    = 100 // messages that are looked at, at most
)

// health answers whether alerts are being answered, from what all instances share.
type health struct {
	ledger          *ledger.Store
	queue           *queue.Client
	alerts, notices string
	mode            playbook.Mode
	now             func() time.Time
}

// healthReport is the body of GET /api/health.
type healthReport struct {
	OK            bool              `json:"ok"`
	Reasons       []string          `json:"reasons,omitempty"` // why not
	Mode          string            `json:"mode"`
	Version       string            `json:"version"`
	Watermark     time.Time         `json:"watermark,omitzero"`
	LastPoll      time.Time         `json:"lastPoll,omitzero"`
	LastFollow    time.Time         `json:"lastFollow,omitzero"`
	OpenEpisodes  int               `json:"openEpisodes"` // machines isolated by us, or being isolated
	UnsentNotices int               `json:"unsentNotices"`
	Queues        map[string]string `json:"queues"` // messages waiting, and dead letters, "100+" at most
}

func (h *health) report(ctx context.Context) (trigger.Health, error) {
	r := healthReport{Mode: string(h.mode), Version: version, Queues: map[string]string{}}
	if err := h.readLedger(ctx, &r); err != nil {
		r.Reasons = append(r.Reasons, "the ledger can not be read, so nothing is done: "+err.Error())
	}
	for _, name := range []string{h.alerts, h.notices} {
		active, dead, err := h.queue.Depth(ctx, name, depthShown)
		if err != nil {
			r.Reasons = append(r.Reasons, fmt.Sprintf("queue %s can not be looked at: %v", name, err))
			continue
		}
		r.Queues[name], r.Queues[name+" dead letters"] = depth(active), depth(dead)
		if dead > 0 {
			r.Reasons = append(r.Reasons, fmt.Sprintf("queue %s has %s dead letters", name, depth(dead)))
		}
	}
	r.OK = len(r.Reasons) == 0
	return trigger.Health{OK: r.OK, Body: r}, nil
}

func (h *health) readLedger(ctx context.Context, r *healthReport) error {
	if err := h.ledger.Prepare(ctx); err != nil {
		return err
	}
	now := h.now().UTC()
	mark, err := h.ledger.Watermark(ctx)
	if err != nil {
		return err
	}
	r.Watermark = mark.At
	polled, err := h.ledger.Mark(ctx, poll.MarkPoll)
	if err != nil {
		return err
	}
	followed, err := h.ledger.Mark(ctx, response.MarkFollow)
	if err != nil {
		return err
	}
	r.LastPoll, r.LastFollow = polled.At, followed.At
	r.overdue("PollAlerts", polled.At, now, pollOverdue)
	r.overdue("FollowActions", followed.At, now, followOverdue)
	open, err := h.ledger.OpenEpisodes(ctx)
	if err != nil {
		return err
	}
	r.OpenEpisodes = len(open)
	unsent, err := h.ledger.UnsentNotices(ctx)
	if err != nil {
		return err
	}
	r.UnsentNotices = len(unsent)
	for _, n := range unsent {
		if late := now.Sub(n.DueAt); late > noticeOverdue {
			r.Reasons = append(r.Reasons, fmt.Sprintf("notice %s is overdue by %s", n.Group, late.Round(time.Second)))
			break
		}
	}
	return nil
}

func (r *healthReport) overdue(function string, last, now time.Time, limit time.Duration) {
	switch {
	case last.IsZero():
		r.Reasons = append(r.Reasons, function+" has never succeeded")
	case now.Sub(last) > limit:
		r.Reasons = append(r.Reasons, fmt.Sprintf("%s last succeeded %s ago", function, now.Sub(last).Round(time.Second)))
	}
}

func depth(n int) string {
	if n >= depthShown {
		return fmt.Sprintf("%d+", depthShown)
	}
	return fmt.Sprint(n)
}
