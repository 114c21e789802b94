package respond_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cordon/handler/defender"
	"cordon/handler/follow"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// nobody takes messages and mails and does nothing.
type nobody struct{}

func (nobody) SendNotice(context.Context, string, []byte, time.Time) error { return nil }
func (nobody) Send(context.Context, notice.Mail) error                     { return nil }

// decoded lists what the API's client makes of the world's actions.
type decoded struct{ *world.Process }

func (d decoded) ActionsSince(ctx context.Context, since time.Time) ([]machine.Action, error) {
	actions, err := d.Process.ActionsSince(ctx, since)
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, a := range actions {
		list = append(list, map[string]any{
			"id":                    a.ID,
			"type":                  a.Type,
			"status":                a.Status,
			"scope":                 a.Scope,
			"machineId":             a.MachineID,
			"requestor":             a.Requestor,
			"requestSource":         a.RequestSource,
			"requestorComment":      a.Comment,
			"creationDateTimeUtc":   a.Created,
			"lastUpdateDateTimeUtc": a.Updated,
		})
	}
	body, err := json.Marshal(map[string]any{"value": list})
	if err != nil {
		return nil, err
	}
	return defender.DecodeActions(body)
}

// TestReleaseWithACommentThatNoRowHoldsIsRecorded has an analyst paste a log into the comment of a release.
func TestReleaseWithACommentThatNoRowHoldsIsRecorded(t *testing.T) {
	t.Parallel()
	for name, comment := range map[string]string{
		"letters":   strings.Repeat("10:00:01 checked. ", 2200),
		"quotes":    strings.Repeat(`"\`, 40_000),
		"two units": strings.Repeat("😀", 40_000),
	} {
		w, p := world.Isolated(t)
		options := p.Follower.Options
		options.API = decoded{p}
		options.Teller = notice.New(notice.Options{
			Notices:    p.Ledger.Notices,
			Queue:      nobody{},
			Mailer:     nobody{},
			Log:        slog.New(slog.DiscardHandler),
			Now:        w.Clock,
			Window:     30 * time.Second,
			Lock:       time.Minute,
			RetryAfter: 5 * time.Second,
			Domain:     "example.org",
			To:         []string{"soc@example.org"},
		})
		p.Follower = follow.New(options)
		w.Mu.Lock()
		release := w.Add(machine.Unisolate, "m1", comment, "", "Portal")
		w.Finish(release.ID, machine.Succeeded)
		w.Mu.Unlock()
		w.Advance(time.Minute)
		if err := p.Follower.Follow(t.Context()); err != nil {
			t.Errorf("%s: %.300v", name, err)
		}
		if l, err := p.Ledger.Latches.Of(t.Context(), "m1", latches.Isolation); err != nil ||
			l.State != latches.Ended ||
			!strings.Contains(l.EndReason, comment[:100]) {
			t.Errorf("%s: the ledger says %v, %.100s, %v", name, l.State, l.EndReason, err)
		}
	}
}
