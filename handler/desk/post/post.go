// Package post has mails sent at once that wait or have failed, as a person orders it.
//
// Neighbours: handler/mailbox says what became of mails, handler/notice sends them.
package post

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/ledger/notices"
	"cordon/handler/mailbox"
	"cordon/handler/notice"
)

// Office carries orders about mails out.
type Office struct {
	Desk  *desk.Desk
	Queue notice.Queue
}

// Send has mails sent at once, named by their ids. What is sent, or being sent, is refused.
func (o *Office) Send(ctx context.Context, c desk.Command, ids []string) ([]desk.Outcome, error) {
	tasks := make([]desk.Task, len(ids))
	for i, id := range ids {
		tasks[i] = desk.Task{
			Object: id,
			Do: func(ctx context.Context, c desk.Command) (desk.Did, error) {
				return o.send(ctx, c, id)
			},
		}
	}
	return o.Desk.Carry(ctx, desk.VerbSend, c, tasks)
}

func (o *Office) send(ctx context.Context, c desk.Command, id string) (desk.Did, error) {
	group, seq, _ := mailbox.Named(id)
	store := o.Desk.Mails.Notices
	h, err := store.Hasten(ctx, notices.Asked{
		Group:   group,
		Seq:     seq,
		Command: c.ID,
		At:      o.Desk.Now().UTC(),
		Lock:    o.Desk.Mails.Lock,
		Before: func(ctx context.Context, earlier string) error {
			return o.Desk.Overwritten(ctx, earlier, id, c)
		},
	})
	switch {
	case err != nil:
		return desk.Did{}, err
	case h.Missing:
		return desk.Did{}, desk.Refusef("there is no mail %s; cordon mails lists those that there are", id)
	case h.State == notices.Sent:
		return desk.Did{}, desk.Refusef("it was sent already, at %s", h.SentAt.UTC().Format(time.RFC3339))
	case h.Sending:
		return desk.Did{}, desk.Refusef("it is being sent now; cordon mails says in a minute what became of it")
	}
	// The same order asks once, however often it is tried.
	suffix := ":s" + alert.SHA256([]byte(c.ID))[:16]
	err = notice.Ask(ctx, o.Queue, notice.Message{Tenant: store.Tenant(), Group: group, Seq: seq}, suffix, time.Time{})
	if err != nil {
		return desk.Did{}, fmt.Errorf("it is due now, but its message could not be queued; the app sends it when it "+
			"finds it overdue, within minutes: %w", err)
	}
	return desk.Did{
		Text: "it is due now, and is sent within a minute; cordon mails says what became of it",
		Name: h.Subject,
	}, nil
}
