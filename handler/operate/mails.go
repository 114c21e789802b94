package operate

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"cordon/handler/incoming"
	"cordon/handler/mailbox"
	"cordon/handler/operate/wire"
)

// How many mails a page has.
const (
	mailsPage = 50
	mailsMost = 200
)

// Mails implements Desk.
func (p *person) Mails(ctx context.Context, q wire.MailsAsked) (wire.Mails, error) {
	if p.office.Desk.Mails == nil {
		return wire.Mails{}, notHere("mails")
	}
	state := mailbox.State(cmp.Or(q.State, string(mailbox.Sent)))
	if !slices.Contains([]mailbox.State{mailbox.Sent, mailbox.Waiting, mailbox.Failed, mailbox.Dropped}, state) {
		return wire.Mails{}, wire.NewProblem(http.StatusBadRequest, "state",
			fmt.Sprintf("mails are never %.40q: expected sent, waiting, failed or dropped", q.State))
	}
	limit := cmp.Or(q.Limit, mailsPage)
	if limit < 1 || limit > mailsMost {
		return wire.Mails{}, wire.NewProblem(http.StatusBadRequest, "limit",
			fmt.Sprintf("limit is out of bounds: expected 1 to %d", mailsMost))
	}
	found, next, err := p.office.Desk.Mails.Page(ctx, state, limit, q.After)
	page := wire.Mails{Mails: []wire.Mail{}, Next: next}
	for _, m := range found {
		page.Mails = append(page.Mails, mailOf(m))
	}
	return page, problem(err)
}

func mailOf(m mailbox.Mail) wire.Mail {
	return wire.Mail{
		ID:      m.ID,
		State:   string(m.State),
		About:   m.About,
		To:      append([]string{}, m.To...),
		Due:     m.Due,
		Sent:    m.Sent,
		Dropped: m.Dropped,
		Sending: m.Sending,
		Tries:   m.Tries,
		Tried:   m.Tried,
		Why:     m.Why,
		Left:    m.Left,
	}
}

// SendMails implements Desk.
func (p *person) SendMails(ctx context.Context, o wire.MailOrder) (wire.Results, error) {
	if p.office.Post == nil {
		return nothing(notHere("mails"))
	}
	return p.carry(ctx, o.Order, mails(), o.Mails, p.office.Post.Send)
}

// DropMails implements Desk.
func (p *person) DropMails(ctx context.Context, o wire.MailOrder) (wire.Results, error) {
	if p.office.Post == nil {
		return nothing(notHere("mails"))
	}
	return p.carry(ctx, o.Order, mails(), o.Mails, p.office.Post.Drop)
}

// mailIDMost bounds the id of a mail: the journal keeps no more of what an order is about.
const mailIDMost = 200

func mails() kind {
	return kind{"mails", func(id string) error {
		_, _, ok := mailbox.Named(id)
		if !ok || len(id) > mailIDMost || strings.ContainsFunc(id, incoming.Hidden) {
			return fmt.Errorf("%.80q is no id of a mail, such as incident:7:1; cordon mails lists them", id)
		}
		return nil
	}}
}
