// Package notices keeps what people are to be told until they have it. Neighbour: handler/notice, which composes and
// sends it.
package notices

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// Store is the notices of a tenant.
type Store struct {
	*rows.Tables
	notices *rows.Table
}

// In is the notices in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{Tables: tables, notices: tables.Table(rows.Notices)}
}

// A notice group (an incident, else an alert) has a head row that names its threads and the open sequence of each, a
// row per sequence, and a row per entry. One sequence becomes one mail. An entry joins the open sequence of its thread
// in one write with the head row, so that a sequence that has been claimed for sending never grows.

// State is where the mail of a sequence stands.
type State string

// The states of a sequence.
const (
	Open    State = "open"
	Claimed State = "claimed" // being sent
	Sent    State = "sent"
	Dropped State = "dropped" // a person decided that it is not tried any more
)

// Notice is one sequence of a group: one mail, to be sent when due.
type Notice struct {
	rows.Keys
	Group     string
	Seq       int    // from 1
	Thread    string `json:",omitempty"` // the machine whose thread it is in; empty: the group's own
	First     int    `json:",omitempty"` // the first sequence of the thread; 0: see Begins
	State     State
	DueAt     time.Time
	FirstDue  time.Time `json:",omitzero"` // when it was due before it was put off; zero: it was not
	ClaimedAt time.Time `json:",omitzero"`
	SentAt    time.Time `json:",omitzero"`
	DroppedAt time.Time `json:",omitzero"`
	Failures  int       `json:",omitempty"` // times that it was given back
	Waited    bool      `json:",omitempty"` // it was given back once because it was late; every other time it failed
	TriedAt   time.Time `json:",omitzero"`  // when sending failed last
	Why       string    `json:",omitempty"` // what it failed of then, without secrets; empty: it was not kept
	Left      string    `json:",omitempty"` // recipients, separated by commas, who are still to get it; empty: all
	To        string    `json:",omitempty"` // recipients, likewise, of the mail as it was written last
	Subject   string    `json:",omitempty"` // of the mail as it was written last; empty: it was not written yet
	Command   string    `json:",omitempty"` // id of the order that had it sent at once, or dropped
}

// Over reports whether nobody is to send it any more.
func (n Notice) Over() bool { return n.State == Sent || n.State == Dropped }

// Begins is the first sequence of its thread. The version before had one thread a group.
func (n Notice) Begins() int { return cmp.Or(n.First, 1) }

// Since is when people were to have it.
func (n Notice) Since() time.Time {
	if n.FirstDue.IsZero() {
		return n.DueAt
	}
	return n.FirstDue
}

// Tries is how often sending failed.
func (n Notice) Tries() int {
	if n.Waited {
		return n.Failures - 1
	}
	return n.Failures
}

// BeingSent reports whether somebody has it in hand.
func (n Notice) BeingSent(now time.Time, lock time.Duration) bool {
	return n.State == Claimed && now.Sub(n.ClaimedAt) < lock
}

// Entry is one event that people are told about.
type Entry struct {
	rows.Keys
	Seq    int
	Thread string `json:",omitempty"` // of the sequence that it goes with
	Noted  bool   `json:",omitempty"` // it goes with the first sequence of its thread from Seq on
	At     time.Time
	Body   string // JSON of the event, encoded by the notice package
}

// Told is an event that people are to be told.
type Told struct {
	Group   string
	Machine string // whom it is about, and so whose thread it goes with; empty: the group's own
	Key     string // an event with a key that its group has is left as it is
	Event   any
	At      time.Time
}

// Claim is a sequence that was taken for sending.
type Claim struct {
	Notice
	Entries []Entry // of the whole group
	Nothing string  // why there is nothing to send, as a clause; empty: the sequence is the caller's
}

// Add records an event, once. Its entry joins the open sequence of its thread or opens the next one, which is due at
// the given time. opened asks the caller to queue the sequence's message; if that is lost, the sequence is found
// overdue.
func (s *Store) Add(ctx context.Context, e Told, due time.Time) (n Notice, opened bool, err error) {
	err = rows.Try("add to notice "+e.Group, func() error {
		n, opened, err = s.add(ctx, e, due)
		return err
	})
	return n, opened, err
}

func (s *Store) add(ctx context.Context, e Told, due time.Time) (n Notice, opened bool, err error) {
	entry, top, err := s.entry(ctx, e)
	if err != nil {
		return Notice{}, false, err
	}
	switch {
	case entry.Seq > top.Last:
		return Notice{}, false, nil // it was noted, for a sequence to come
	case entry.Seq > 0:
		n, err := s.written(ctx, e.Group, entry.Seq)
		return n, false, err
	}
	t := top.threadOf(e.Machine)
	if err := entry.fill(e, t); err != nil {
		return Notice{}, false, err
	}
	if t.Open != 0 {
		entry.Seq = t.Open
		n, err := s.written(ctx, e.Group, t.Open)
		if err == nil && e.At.After(n.DueAt) {
			// Whoever opened it may have slept so long that its index row was taken for one without a sequence.
			err = s.index(ctx, n)
		}
		if err != nil {
			return Notice{}, false, err
		}
		return n, false, s.notices.Transact(ctx, &entry, &top)
	}
	top.open(t)
	entry.Seq = t.Open
	n = Notice{
		Keys:   s.notices.At(seqKey(t.Open), "group", e.Group),
		Group:  e.Group,
		Seq:    t.Open,
		Thread: t.Machine,
		First:  t.First,
		State:  Open,
		DueAt:  due,
	}
	if err := s.index(ctx, n); err != nil {
		return Notice{}, false, err
	}
	return n, true, s.notices.Transact(ctx, &entry, &top, &n)
}

// entry reads the row of an event, which may not be written yet, and the head of its group.
func (s *Store) entry(ctx context.Context, e Told) (Entry, head, error) {
	entry := Entry{Keys: s.notices.At("entry:"+rows.Key(e.Key), "group", e.Group)}
	if _, err := s.notices.Read(ctx, &entry); err != nil {
		return Entry{}, head{}, err
	}
	top, err := s.head(ctx, e.Group)
	return entry, top, err
}

// fill writes an event of a thread into an entry.
func (entry *Entry) fill(e Told, t *thread) error {
	body, err := outgoing.Encode(e.Event)
	if err != nil {
		return fmt.Errorf("encode a notice entry: %w", err)
	}
	entry.Thread = t.Machine
	entry.At = e.At
	entry.Body = string(body)
	return nil
}

// early is how long before its time a sequence that was given back is sent: clocks differ.
const early = 5 * time.Second

// Claim takes a sequence for sending, closes it to further entries and returns it with every entry of its group, those
// of later sequences too: a mail that is sent late must not tell what is no longer so. There is nothing to send while
// a claim younger than lock stands, and for a sequence that was given back until it is due again: copies of its message
// may be about.
func (s *Store) Claim(
	ctx context.Context,
	group string,
	seq int,
	now time.Time,
	lock time.Duration,
) (Claim, error) {
	n, found, err := s.Notice(ctx, group, seq)
	switch {
	case err != nil:
		return Claim{}, err
	case !found:
		return Claim{Nothing: "there is no such notice"}, nil
	case n.Over():
		// The index row of what is unsent outlives a crash behind the write that said so.
		return Claim{Nothing: "the notice is " + string(n.State)}, s.settle(ctx, n)
	case n.BeingSent(now, lock):
		return Claim{Nothing: beingSent}, nil
	case n.State == Open &&
		n.Failures > 0 &&
		now.Add(early).Before(n.DueAt):
		return Claim{Nothing: "the notice is tried again at " + n.DueAt.Format(time.RFC3339)}, nil
	}
	top, err := s.head(ctx, group)
	if err != nil {
		return Claim{}, err
	} else if !top.Stored() {
		return Claim{}, rows.ErrNoRow
	}
	top.close(seq)
	n.State, n.ClaimedAt = Claimed, now
	err = s.notices.Transact(ctx, &n, &top)
	if errors.Is(err, rows.ErrConflict) {
		return Claim{Nothing: beingSent}, nil
	} else if err != nil {
		return Claim{}, err
	}
	n, err = s.written(ctx, group, seq)
	if err != nil {
		return Claim{}, err
	}
	entries, err := s.Entries(ctx, group)
	return Claim{Notice: n, Entries: entries}, err
}

const beingSent = "the notice is being sent by another instance"

// Done marks a claimed sequence as sent, also if the claim lapsed meanwhile and another instance took the sequence or
// gave it back, or a person dropped it: people have the mail, and it must not go out again. A repeat is safe.
func (s *Store) Done(ctx context.Context, n Notice, at time.Time) error {
	err := rows.Try("mark notice of "+n.Group+" as sent", func() error {
		n.State, n.SentAt = Sent, at
		err := s.notices.Save(ctx, &n)
		if !errors.Is(err, rows.ErrConflict) {
			return err
		}
		newer, readErr := s.written(ctx, n.Group, n.Seq)
		if readErr != nil {
			return readErr
		}
		newer.Subject, newer.To = n.Subject, n.To
		if n = newer; n.State == Sent {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.settle(ctx, n)
}

// Failed gives a claimed sequence back, to be sent again at the given time.
func (s *Store) Failed(ctx context.Context, n Notice, again time.Time) error {
	n.State = Open
	n.FirstDue = n.Since()
	n.DueAt = again
	n.ClaimedAt = time.Time{}
	n.Failures++
	if err := s.index(ctx, n); err != nil {
		return err
	}
	return s.notices.Save(ctx, &n)
}

// DropUnwritten takes a sequence out of the index of unsent ones if it was never written: a crash or an error came
// between the two, and what was to be told was told otherwise. It is only asked long after the index row was made.
func (s *Store) DropUnwritten(ctx context.Context, n Notice) (dropped bool, err error) {
	if _, found, err := s.Notice(ctx, n.Group, n.Seq); found || err != nil {
		return false, err
	}
	return true, s.dropDue(ctx, n)
}

// Aging are the groups, and the lists of what is sent or dropped.
func (s *Store) Aging() []rows.Aging {
	return []rows.Aging{
		{
			Name:   "notices",
			Table:  s.notices,
			Filter: "RowKey eq 'head'",
			Remove: s.removeGroup,
		},
		{
			Name:   "sent notices",
			Table:  s.notices,
			Filter: rows.InPartition(s.notices.Partition(string(Sent))),
			Remove: s.notices.RemoveRow,
		},
		{
			Name:   "dropped notices",
			Table:  s.notices,
			Filter: rows.InPartition(s.notices.Partition(string(Dropped))),
			Remove: s.notices.RemoveRow,
		},
	}
}

// removeGroup removes a group whose every row is old, its head last.
func (s *Store) removeGroup(ctx context.Context, k rows.Keys, before time.Time) (int, error) {
	return s.notices.RemoveWhole(ctx, k, before, "head", func(r rows.AgingRow) bool {
		return r.State != string(Open) && r.State != string(Claimed)
	})
}
