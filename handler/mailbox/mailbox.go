// Package mailbox says what became of the mails that tell people of runs: which were sent, which wait, which failed and
// of what.
//
// Neighbours: handler/notice writes and sends them, handler/ledger/notices keeps them.
package mailbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"cordon/handler/ledger/notices"
	"cordon/handler/notice"
)

// Mailbox is the mails of a tenant.
type Mailbox struct {
	Notices *notices.Store
	To      []string // recipients of what no rule addresses
	Now     func() time.Time
	Lock    time.Duration // how long somebody who sends a mail has it in hand
}

// State is what became of a mail.
type State string

// The states of a mail.
const (
	Waiting State = "waiting" // for its time, or for its first try to end
	Failed  State = "failed"  // it was tried and could not be sent; it is tried again
	Sent    State = "sent"    // the server took it
	Dropped State = "dropped" // a person gave it up after it had failed
)

// Mail is one mail, as far as it is known.
type Mail struct {
	ID      string
	State   State
	About   string   // its subject; before it is written for the first time, what it is about
	To      []string // empty: not known here
	Due     time.Time
	Sent    time.Time // zero: it is not sent
	Dropped time.Time // zero: it is not dropped
	Sending bool      // it is being sent now
	Tries   int       // how often sending it failed
	Tried   time.Time // when it failed last; zero: not known
	Why     string    // what it failed of last; empty: not known
	Left    []string  // who is still to get it, where the others have it
}

// ID names a mail to people: the group of notices that it is of, and which of its mails it is.
func ID(group string, seq int) string {
	return fmt.Sprintf("%s:%d", group, seq)
}

// Named finds the group and the number in the id of a mail; false: it is none.
func Named(id string) (group string, seq int, ok bool) {
	at := strings.LastIndexByte(id, ':')
	if at < 1 {
		return "", 0, false
	}
	seq, err := strconv.Atoi(id[at+1:])
	group = id[:at]
	return group, seq, err == nil && seq > 0 && ID(group, seq) == id
}

func (b *Mailbox) mail(n notices.Notice) Mail {
	m := Mail{
		ID:      ID(n.Group, n.Seq),
		State:   stateOf(n),
		About:   n.Subject,
		To:      notice.Addresses(n.To),
		Due:     n.DueAt,
		Sent:    n.SentAt,
		Dropped: n.DroppedAt,
		Sending: n.BeingSent(b.Now(), b.Lock),
		Tries:   n.Tries(),
		Tried:   n.TriedAt,
		Why:     n.Why,
	}
	if m.About == "" {
		m.About = about(n.Group)
	}
	if m.State != Sent {
		m.Left = notice.Addresses(n.Left)
	}
	return m
}

func stateOf(n notices.Notice) State {
	switch {
	case n.Over():
		return State(n.State)
	case n.Tries() > 0:
		return Failed
	}
	return Waiting
}

// about says what a group of notices is about.
func about(group string) string {
	if group == notice.OperatorGroup {
		return "Cordon itself"
	}
	kind, rest, _ := strings.Cut(group, ":")
	name, _, _ := strings.Cut(rest, ":")
	switch kind {
	case "incident", "hunt":
		return kind + " " + name
	}
	return strings.Replace(group, ":", " ", 1)
}
