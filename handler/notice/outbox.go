package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cordon/handler/alert"
	"cordon/handler/incoming"
	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/notices"
	"cordon/handler/notice/clock"
	"cordon/handler/portal"
)

// Mail is a composed mail.
type Mail struct {
	ID         string   // Message-ID without angle brackets; the same for every try
	References []string // of the thread's first mail; empty for the first
	To         []string
	Subject    string
	Text, HTML string
	File       *File // goes with the mail; nil: none
}

// File is what goes with a mail.
type File struct {
	Name, Type string // a plain name, a media type
	Body       []byte
}

// PartlySentError is a mail that some recipients have and others may still get.
type PartlySentError struct {
	Left []string // who is still to get it
	Err  error
}

func (e *PartlySentError) Error() string {
	return fmt.Sprintf("%d recipients are left: %v", len(e.Left), e.Err)
}
func (e *PartlySentError) Unwrap() error { return e.Err }

// Mailer sends a mail or says why not, with a PartlySentError where only some recipients are left. A repeat of the same
// ID may reach people twice.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Queue schedules a notice message under an id; the broker drops a second one with the same id.
type Queue interface {
	SendNotice(ctx context.Context, id string, body []byte, at time.Time) error
}

// Options are the parts and settings of an Outbox; all are required but for OnlyOutcomes, Portal,
// Console and Clock.
type Options struct {
	Notices *notices.Store
	Hunts   *hunts.Store // what they found, for their mails
	Queue   Queue
	Mailer  Mailer
	Log     *slog.Logger
	Now     func() time.Time
	Window  time.Duration // how long events of a group are collected for one mail
	Lock    time.Duration // how long a claim for sending stands: the queue's message lock
	// RetryAfter is the pause before a notice is tried again when the ledger was out of reach, and half of the first
	// pause after the mail server was.
	RetryAfter time.Duration
	Domain     string   // right-hand side of Message-IDs
	To         []string // recipients of what a rule does not address
	// what is asked for, and asked for again, makes no mail of its own: it goes with the outcome's
	OnlyOutcomes bool
	Portal       portal.Portal
	Console      portal.Console
	Clock        clock.Clock // of the times in mails
}

// Outbox keeps notices until they are sent.
type Outbox struct{ Options }

// New makes an Outbox.
func New(o Options) *Outbox { return &Outbox{o} }

// Tell records an event for a group, once, and sees to its mail. An error means that it is not recorded; the caller
// must not go on as if people knew. Trouble with the queue is no error: overdue notices are found and sent by Resend.
func (o *Outbox) Tell(ctx context.Context, group string, e Event) error {
	now := o.Now().UTC()
	if e.At.IsZero() {
		e.At = now
	}
	told := notices.Told{
		Group:   group,
		Machine: e.MachineID,
		Key:     e.Key(),
		Event:   e,
		At:      now,
	}
	waits, err := o.waits(ctx, group, e, now)
	if err == nil && waits {
		err = o.Notices.Note(ctx, told)
	}
	if err != nil {
		return fmt.Errorf("record notice %q for %s: %w", e.Kind, group, err)
	}
	if waits {
		return nil
	}
	n, opened, err := o.Notices.Add(ctx, told, now.Add(o.Window))
	if err != nil {
		return fmt.Errorf("record notice %q for %s: %w", e.Kind, group, err)
	}
	if !opened {
		return nil
	}
	err = o.ask(ctx, n, "", n.DueAt)
	if err != nil {
		o.Log.WarnContext(ctx, "a notice could not be queued; it is sent when it is found overdue", "group", group,
			"seq", n.Seq, "error", err.Error())
	}
	return nil
}

// ask queues the message of a sequence.
func (o *Outbox) ask(ctx context.Context, n notices.Notice, suffix string, at time.Time) error {
	return Ask(ctx, o.Queue, Message{Tenant: o.Notices.Tenant(), Group: n.Group, Seq: n.Seq}, suffix, at)
}

// Deliver answers one notice message: it claims the sequence, writes the mail, sends it and marks it sent. What is sent
// or being sent needs nothing. A mail that cannot be sent is given back and asked for again later. The error of an
// unreadable message is an alert.UndecodableError, or alert.ErrUnknownFormat if a newer version can read it; any other
// means that the message must come again.
func (o *Outbox) Deliver(ctx context.Context, body []byte) error {
	m, err := DecodeMessage(o.Notices.Tenant(), body)
	if errors.Is(err, alert.ErrUnknownFormat) {
		return err
	}
	if err != nil {
		return &alert.UndecodableError{Err: err}
	}
	err = o.send(ctx, m)
	if err == nil {
		return nil
	}
	// Failing the delivery would bring the message back at once and burn its deliveries; a copy comes later.
	o.Log.WarnContext(ctx, "the notice is tried again",
		"group", m.Group,
		"seq", m.Seq,
		"error", err.Error())
	return o.insist(ctx, func() error {
		// Copies that were delivered twice meet again at the same moment, where the broker makes one of them.
		at := o.Now().UTC().Truncate(o.RetryAfter).Add(2 * o.RetryAfter)
		return o.ask(ctx,
			notices.Notice{Group: m.Group, Seq: m.Seq},
			fmt.Sprintf(":t%d", at.Unix()),
			at)
	})
}

// insist sends until the queue takes it or the invocation ends: a message that is given back comes again at once, and
// would burn its deliveries while the queue takes nothing. An invocation that has no end tries once.
func (o *Outbox) insist(ctx context.Context, send func() error) error {
	for {
		err := send()
		_, ends := ctx.Deadline()
		if err == nil || !ends {
			return err
		}
		o.Log.WarnContext(ctx, "no copy of the message could be sent, so it is kept and tried again",
			"error", err.Error())
		pause := time.NewTimer(o.RetryAfter)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

func (o *Outbox) send(ctx context.Context, m Message) error {
	if err := o.Notices.Prepare(ctx); err != nil {
		return err
	}
	claim, err := o.Notices.Claim(ctx, m.Group, m.Seq, o.Now().UTC(), o.Lock)
	if err != nil {
		return err
	}
	if claim.Nothing != "" {
		o.Log.InfoContext(ctx, "nothing to send",
			"group", m.Group,
			"seq", m.Seq,
			"reason", claim.Nothing)
		return nil
	}
	n := claim.Notice
	if n.Failures == 0 && n.ClaimedAt.Sub(n.DueAt) > lateBy {
		return o.postpone(ctx, n)
	}
	mail, err := o.compose(ctx, n, claim.Entries)
	if err != nil {
		return o.giveBack(ctx, n, err)
	}
	n.Subject = incoming.Text(mail.Subject, subjectKept)
	if n.Left == "" {
		n.To = joined(mail.To)
	}
	// Whoever comes after the claim has lapsed sends the mail again. So it is sent well before that, or not at all.
	left := o.Lock*3/4 - o.Now().Sub(n.ClaimedAt)
	if left < o.Lock/2 {
		return errors.New("too much time passed between claiming and sending")
	}
	sendCtx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	if err := o.Mailer.Send(sendCtx, mail); err != nil {
		return o.giveBack(ctx, n, err)
	}
	o.Log.InfoContext(ctx, "mail sent", "group", n.Group, "seq", n.Seq) // its subject may name a person
	return o.Notices.Done(ctx, n, o.Now().UTC())
}

// A mail that is late by lateBy waits for lateWait, once: after an outage FollowActions looks first at what became of
// the actions that the mail tells of.
const (
	lateBy   = 10 * time.Minute
	lateWait = 90 * time.Second
)

// postpone gives a claimed sequence back until lateWait has passed. It counts as a try that failed, so that it is the
// only one of its kind however late the next message comes.
func (o *Outbox) postpone(ctx context.Context, n notices.Notice) error {
	again := o.Now().UTC().Add(lateWait)
	n.Waited = true
	o.Log.InfoContext(ctx, "a mail is late; it waits until what it tells of has been looked at",
		"group", n.Group, "seq", n.Seq, "due", n.DueAt, "again", again)
	err := o.Notices.Failed(ctx, n, again)
	if err != nil {
		return err
	}
	return o.ask(ctx, n, fmt.Sprintf(":f%d", n.Failures+1), again)
}

// How much is kept of texts about a mail, in UTF-16 units.
const (
	subjectKept = 300
	whyKept     = 600
)

// giveBack puts a sequence that could not be sent back for a later try, ever slower up to a quarter of an hour, and not
// before the time that the error asks for by a method RetryIn() (time.Duration, bool).
func (o *Outbox) giveBack(ctx context.Context, n notices.Notice, cause error) error {
	wait := min(2*o.RetryAfter<<min(n.Failures, 10), 15*time.Minute)
	// A mailbox or server that names a time is left alone until then.
	var asked interface{ RetryIn() (time.Duration, bool) }
	if errors.As(cause, &asked) {
		named, _ := asked.RetryIn()
		wait = max(wait, min(named, time.Hour))
	}
	again := o.Now().UTC().Add(wait)
	o.Log.ErrorContext(ctx, "mail not sent; it is tried again, look at the error if this goes on",
		"group", n.Group, "seq", n.Seq, "again", again, "error", cause.Error())
	n.TriedAt = o.Now().UTC()
	n.Why = incoming.Text(cause.Error(), whyKept)
	var partly *PartlySentError
	if errors.As(cause, &partly) {
		n.Left = joined(partly.Left)
	}
	err := o.Notices.Failed(ctx, n, again)
	if err != nil {
		return err
	}
	return o.ask(ctx, n, fmt.Sprintf(":f%d", n.Failures+1), again)
}

// unwrittenAfter is how many locks after its time a sequence that nobody has written is given up. No invocation lasts
// as long.
const unwrittenAfter = 11

// Resend asks again for every sequence that is overdue: its message was lost or its sender died.
func (o *Outbox) Resend(ctx context.Context) error {
	unsent, err := o.Notices.Unsent(ctx)
	if err != nil {
		return err
	}
	now := o.Now().UTC()
	var errs []error
	for _, n := range unsent {
		if now.Before(n.DueAt.Add(o.Lock)) {
			continue
		}
		if now.After(n.DueAt.Add(unwrittenAfter * o.Lock)) {
			dropped, err := o.Notices.DropUnwritten(ctx, n)
			if dropped || err != nil {
				errs = append(errs, err)
				continue
			}
		}
		suffix := fmt.Sprintf(":o%d", now.Unix()/int64(max(o.Lock.Seconds(), 1)))
		errs = append(errs, o.ask(ctx, n, suffix, time.Time{}))
		o.Log.WarnContext(ctx, "an overdue notice is asked for again",
			"group", n.Group,
			"seq", n.Seq,
			"due", n.DueAt)
	}
	return errors.Join(errs...)
}

func (o *Outbox) compose(
	ctx context.Context,
	n notices.Notice,
	entries []notices.Entry,
) (Mail, error) {
	events, err := Events(entries)
	if err != nil {
		return Mail{}, fmt.Errorf("notice %s: %w", n.Group, err)
	}
	to := Recipients(events, o.To)
	if n.Left != "" {
		to = Addresses(n.Left)
	}
	for _, e := range events {
		if e.Kind == HuntRows && e.seq == n.Seq {
			return o.composeRows(ctx, n, e, to)
		}
	}
	page := summarize(events, n.Seq)
	page.Clock, page.Portal = o.Clock, o.Portal
	text, html, err := render(page)
	if err != nil {
		return Mail{}, err
	}
	mail := Mail{
		ID:      o.messageID(n.Group, n.Seq),
		To:      to,
		Subject: page.Subject,
		Text:    text,
		HTML:    html,
	}
	if first := n.Begins(); first != n.Seq {
		mail.References = []string{o.messageID(n.Group, first)}
	}
	return mail, nil
}
