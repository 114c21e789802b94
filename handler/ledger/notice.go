package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// A notice group (an incident, else an alert) has a head row that names its open sequence, a row per sequence, and a row
// per entry. One sequence becomes one mail. An entry joins the open sequence in one write with the head row, so that a
// sequence that has been claimed for sending never grows.

type noticeHead struct {
	rows.Keys
	Open int // the sequence that takes entries; 0: the next entry opens a new one
	Last int // the newest sequence
}

// NoticeState is where the mail of a sequence stands.
type NoticeState string

// The states of a sequence.
const (
	NoticeOpen    NoticeState = "open"
	NoticeClaimed NoticeState = "claimed" // being sent
	NoticeSent    NoticeState = "sent"
)

// Notice is one sequence of a group: one mail, to be sent when due.
type Notice struct {
	rows.Keys
	Group     string
	Seq       int // from 1
	State     NoticeState
	DueAt     time.Time
	ClaimedAt time.Time `json:",omitzero"`
	SentAt    time.Time `json:",omitzero"`
	Failures  int       `json:",omitempty"` // times that sending failed
	Left      string    `json:",omitempty"` // recipients, separated by commas, who are still to get it; empty: all
}

// NoticeEntry is one event that people are told about.
type NoticeEntry struct {
	rows.Keys
	Seq  int
	At   time.Time
	Body string // JSON of the event, encoded by the notice package
}

// Errors of ClaimNotice. None of them is a failure: the sequence needs nothing from the caller.
var (
	ErrNoticeSent    = errors.New("the notice is sent")
	ErrNoticeClaimed = errors.New("the notice is being sent by another instance")
	ErrNoNotice      = errors.New("there is no such notice")
)

func seqKey(seq int) string { return fmt.Sprintf("seq:%08d", seq) }

// AddNotice records an event for a group under a key, once: an event with a key that exists is left as it is. The entry
// joins the group's open sequence or opens the next one, which is due at the given time. opened asks the caller to queue
// the sequence's message; if that is lost, the sequence is found overdue.
func (s *Store) AddNotice(
	ctx context.Context, group, eventKey string, event any, at, due time.Time,
) (n Notice, opened bool, err error) {
	body, err := outgoing.Encode(event)
	if err != nil {
		return Notice{}, false, fmt.Errorf("encode a notice entry: %w", err)
	}
	err = rows.Try("add to notice "+group, func() error {
		n, opened, err = s.addNotice(ctx, group, eventKey, string(body), at, due)
		return err
	})
	return n, opened, err
}

func (s *Store) addNotice(
	ctx context.Context, group, eventKey, body string, at, due time.Time,
) (n Notice, opened bool, err error) {
	entry := NoticeEntry{Keys: s.notices.At("entry:"+rows.Key(eventKey), "group", group)}
	if found, err := s.notices.Read(ctx, &entry); err != nil {
		return Notice{}, false, err
	} else if found {
		n, err := s.notice(ctx, group, entry.Seq)
		return n, false, err
	}
	entry.At, entry.Body = at, body
	head := noticeHead{Keys: s.notices.At("head", "group", group)}
	if _, err := s.notices.Read(ctx, &head); err != nil {
		return Notice{}, false, err
	}
	if head.Open != 0 {
		entry.Seq = head.Open
		n, err := s.notice(ctx, group, head.Open)
		if err == nil && at.After(n.DueAt) {
			// Whoever opened it may have slept so long that its index row was taken for one without a sequence.
			err = s.indexNotice(ctx, n)
		}
		if err != nil {
			return Notice{}, false, err
		}
		return n, false, s.notices.Transact(ctx, &entry, &head)
	}
	head.Last++
	head.Open, entry.Seq = head.Last, head.Last
	n = Notice{
		Keys:  s.notices.At(seqKey(head.Last), "group", group),
		Group: group,
		Seq:   head.Last,
		State: NoticeOpen,
		DueAt: due,
	}
	if err := s.indexNotice(ctx, n); err != nil {
		return Notice{}, false, err
	}
	return n, true, s.notices.Transact(ctx, &entry, &head, &n)
}

func (s *Store) notice(ctx context.Context, group string, seq int) (Notice, error) {
	n := Notice{Keys: s.notices.At(seqKey(seq), "group", group)}
	found, err := s.notices.Read(ctx, &n)
	if err == nil && !found {
		return Notice{}, ErrNoNotice
	}
	return n, err
}

// ClaimNotice takes a sequence for sending, closes it to further entries and returns it with every entry of its group,
// those of later sequences too: a mail that is sent late must not tell what is no longer so. It answers ErrNoticeSent, ErrNoNotice, or
// ErrNoticeClaimed while a claim younger than lock stands.
func (s *Store) ClaimNotice(ctx context.Context, group string, seq int, now time.Time, lock time.Duration) (Notice, []NoticeEntry, error) {
	n, err := s.notice(ctx, group, seq)
	if err != nil {
		return Notice{}, nil, err
	}
	switch {
	case n.State == NoticeSent:
		// The index row outlives a crash between the last two writes.
		return Notice{}, nil, errors.Join(ErrNoticeSent, s.dropDue(ctx, n))
	case n.State == NoticeClaimed && now.Sub(n.ClaimedAt) < lock:
		return Notice{}, nil, ErrNoticeClaimed
	}
	head := noticeHead{Keys: rows.Keys{PartitionKey: n.PartitionKey, RowKey: "head"}}
	if found, err := s.notices.Read(ctx, &head); err != nil {
		return Notice{}, nil, err
	} else if !found {
		return Notice{}, nil, errNoRow
	}
	if head.Open == seq {
		head.Open = 0
	}
	n.State, n.ClaimedAt = NoticeClaimed, now
	if err := s.notices.Transact(ctx, &n, &head); errors.Is(err, rows.ErrConflict) {
		return Notice{}, nil, ErrNoticeClaimed
	} else if err != nil {
		return Notice{}, nil, err
	}
	if n, err = s.notice(ctx, group, seq); err != nil {
		return Notice{}, nil, err
	}
	entries, err := rows.List[NoticeEntry](ctx, s.notices, rows.Prefix(n.PartitionKey, "entry:"))
	return n, entries, err
}

// NoticeDone marks a claimed sequence as sent, also if the claim lapsed meanwhile and another instance took the sequence
// or gave it back: people have the mail, and it must not go out again. A repeat is safe.
func (s *Store) NoticeDone(ctx context.Context, n Notice, at time.Time) error {
	err := rows.Try("mark notice of "+n.Group+" as sent", func() error {
		n.State, n.SentAt = NoticeSent, at
		err := s.notices.Save(ctx, &n)
		if !errors.Is(err, rows.ErrConflict) {
			return err
		}
		newer, readErr := s.notice(ctx, n.Group, n.Seq)
		if readErr != nil {
			return readErr
		}
		if n = newer; n.State == NoticeSent {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.dropDue(ctx, n)
}

// NoticeFailed gives a claimed sequence back, to be sent again at the given time.
func (s *Store) NoticeFailed(ctx context.Context, n Notice, again time.Time) error {
	n.State, n.DueAt, n.ClaimedAt = NoticeOpen, again, time.Time{}
	n.Failures++
	if err := s.indexNotice(ctx, n); err != nil {
		return err
	}
	return s.notices.Save(ctx, &n)
}

func dueKey(n Notice) string { return rows.Key(n.Group, fmt.Sprint(n.Seq)) }

// dropDue takes a sequence out of the index of unsent ones.
func (s *Store) dropDue(ctx context.Context, n Notice) error {
	return s.notices.Remove(ctx, s.notices.At(dueKey(n), "due"))
}

func (s *Store) indexNotice(ctx context.Context, n Notice) error {
	n.Keys = s.notices.At(dueKey(n), "due")
	return s.notices.Put(ctx, &n)
}

// UnsentNotices lists the sequences that are not known to be sent, with the time at which each is due.
func (s *Store) UnsentNotices(ctx context.Context) ([]Notice, error) {
	return rows.List[Notice](ctx, s.notices, rows.Prefix(s.notices.Partition("due"), ""))
}

// DropUnwritten takes a sequence out of the index of unsent ones if it was never written: a crash or an error came between
// the two, and what was to be told was told otherwise. It is only asked long after the index row was made.
func (s *Store) DropUnwritten(ctx context.Context, n Notice) (dropped bool, err error) {
	if _, err := s.notice(ctx, n.Group, n.Seq); !errors.Is(err, ErrNoNotice) {
		return false, err
	}
	return true, s.dropDue(ctx, n)
}
