// Package post has mails sent at once that wait or have failed, or drops those that failed, as a person orders it.
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
	return o.each(ctx, desk.VerbSend, c, ids, o.send)
}

// Drop gives mails up that failed, named by their ids: nobody tries them any more. What is sent, being sent or was
// never tried is refused.
func (o *Office) Drop(ctx context.Context, c desk.Command, ids []string) ([]desk.Outcome, error) {
	return o.each(ctx, desk.VerbGiveUp, c, ids, o.drop)
}

// each has an order carried out for each of some mails.
func (o *Office) each(
	ctx context.Context,
	verb string,
	c desk.Command,
	ids []string,
	do func(context.Context, notices.Asked, string) (desk.Did, error),
) ([]desk.Outcome, error) {
	tasks := make([]desk.Task, len(ids))
	for i, id := range ids {
		tasks[i] = desk.Task{
			Object: id,
			Do: func(ctx context.Context, c desk.Command) (desk.Did, error) {
				return do(ctx, o.asked(c, id), id)
			},
		}
	}
	return o.Desk.Carry(ctx, verb, c, tasks)
}

func (o *Office) asked(c desk.Command, id string) notices.Asked {
	group, seq, _ := mailbox.Named(id)
	return notices.Asked{
		Group:   group,
		Seq:     seq,
		Command: c.ID,
		At:      o.Desk.Now().UTC(),
		Lock:    o.Desk.Mails.Lock,
		Before: func(ctx context.Context, earlier string) error {
			return o.Desk.Overwritten(ctx, earlier, id, c)
		},
	}
}

func (o *Office) drop(ctx context.Context, a notices.Asked, id string) (desk.Did, error) {
	d, err := o.Desk.Mails.Notices.Drop(ctx, a)
	dropped := d.State == notices.Dropped && d.Command == a.Command
	switch {
	case err != nil:
		return desk.Did{}, err
	case d.Untried:
		return desk.Did{}, desk.Refusef("it has not failed: it is sent at %s", d.DueAt.UTC().Format(time.RFC3339))
	case !dropped:
		return desk.Did{}, refused(d, id)
	}
	return desk.Did{Text: "dropped: it is not tried any more", Name: d.Subject}, nil
}

// refused says why there is nothing to order about a mail; nil: there is.
func refused(is notices.Ordered, id string) error {
	switch {
	case is.Missing:
		return desk.Refusef("there is no mail %s; cordon mails lists those that there are", id)
	case is.State == notices.Sent:
		return desk.Refusef("it was sent already, at %s", is.SentAt.UTC().Format(time.RFC3339))
	case is.State == notices.Dropped:
		return desk.Refusef("it was dropped, at %s", is.DroppedAt.UTC().Format(time.RFC3339))
	case is.Sending:
		return desk.Refusef("it is being sent now; cordon mails says in a minute what became of it")
	}
	return nil
}

func (o *Office) send(ctx context.Context, a notices.Asked, id string) (desk.Did, error) {
	store := o.Desk.Mails.Notices
	h, err := store.Hasten(ctx, a)
	if err == nil {
		err = refused(h, id)
	}
	if err != nil {
		return desk.Did{}, err
	}
	// The same order asks once, however often it is tried.
	suffix := ":s" + alert.SHA256([]byte(a.Command))[:16]
	message := notice.Message{Tenant: store.Tenant(), Group: a.Group, Seq: a.Seq}
	err = notice.Ask(ctx, o.Queue, message, suffix, time.Time{})
	if err != nil {
		return desk.Did{}, fmt.Errorf("it is due now, but its message could not be queued; the app sends it when it "+
			"finds it overdue, within minutes: %w", err)
	}
	return desk.Did{
		Text: "it is due now, and is sent within a minute; cordon mails says what became of it",
		Name: h.Subject,
	}, nil
}
