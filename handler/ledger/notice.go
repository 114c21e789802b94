package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/outgoing"
)

// A notice group (an incident, else an alert) has a head row that names its open sequence, a row per sequence, and a row
// per entry. One sequence becomes one mail. An entry joins the open sequence in one write with the head row, so that a
// sequence that has been claimed for sending never grows.

type noticeHead struct {
	keys
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
	keys
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
	keys
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
func (s *Store) AddNotice(ctx context.Context, group, eventKey string, event any, at, due time.Time) (n Notice, opened bool, err error) {
	body, err := outgoing.Encode(event)
	if err != nil {
		return Notice{}, false, fmt.Errorf("encode a notice entry: %w", err)
	}
	for range conflictTries {
		n, opened, err = s.addNotice(ctx, group, eventKey, string(body), at, due)
		if !errors.Is(err, ErrConflict) {
			return n, opened, err
		}
	}
	return Notice{}, false, &Error{Op: "add to notice " + group, cause: ErrConflict}
}

func (s *Store) addNotice(ctx context.Context, group, eventKey, body string, at, due time.Time) (Notice, bool, error) {
	pk := s.pk("group", group)
	entry := NoticeEntry{keys: keys{PartitionKey: pk, RowKey: "entry:" + key(eventKey)}, At: at, Body: body}
	var found NoticeEntry
	err := s.get(ctx, tableNotices, pk, entry.RowKey, &found)
	if err == nil {
		n, err := s.notice(ctx, group, found.Seq)
		return n, false, err
	}
	if !errors.Is(err, errNotFound) {
		return Notice{}, false, err
	}
	head := noticeHead{keys: keys{PartitionKey: pk, RowKey: "head"}}
	if err := s.get(ctx, tableNotices, pk, head.RowKey, &head); err != nil && !errors.Is(err, errNotFound) {
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
		return n, false, s.transact(ctx, tableNotices, &entry, &head)
	}
	head.Last++
	head.Open, entry.Seq = head.Last, head.Last
	n := Notice{keys: keys{PartitionKey: pk, RowKey: seqKey(head.Last)}, Group: group, Seq: head.Last, State: NoticeOpen, DueAt: due}
	if err := s.indexNotice(ctx, n); err != nil {
		return Notice{}, false, err
	}
	return n, true, s.transact(ctx, tableNotices, &entry, &head, &n)
}

func (s *Store) notice(ctx context.Context, group string, seq int) (Notice, error) {
	var n Notice
	err := s.get(ctx, tableNotices, s.pk("group", group), seqKey(seq), &n)
	if errors.Is(err, errNotFound) {
		return n, ErrNoNotice
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
		return Notice{}, nil, errors.Join(ErrNoticeSent, s.remove(ctx, tableNotices, s.pk("due"), dueKey(n)))
	case n.State == NoticeClaimed && now.Sub(n.ClaimedAt) < lock:
		return Notice{}, nil, ErrNoticeClaimed
	}
	head := noticeHead{keys: keys{PartitionKey: n.PartitionKey, RowKey: "head"}}
	if err := s.get(ctx, tableNotices, head.PartitionKey, head.RowKey, &head); err != nil {
		return Notice{}, nil, err
	}
	if head.Open == seq {
		head.Open = 0
	}
	n.State, n.ClaimedAt = NoticeClaimed, now
	if err := s.transact(ctx, tableNotices, &n, &head); errors.Is(err, ErrConflict) {
		return Notice{}, nil, ErrNoticeClaimed
	} else if err != nil {
		return Notice{}, nil, err
	}
	if n, err = s.notice(ctx, group, seq); err != nil {
		return Notice{}, nil, err
	}
	var entries []NoticeEntry
	err = s.list(ctx, tableNotices, prefixFilter(n.PartitionKey, "entry:"), "", func(body []byte) error {
		var entry NoticeEntry
		err := decodeRow(tableNotices, body, "", &entry)
		entries = append(entries, entry)
		return err
	})
	return n, entries, err
}

// NoticeDone marks a claimed sequence as sent, also if the claim lapsed meanwhile and another instance took the sequence
// or gave it back: people have the mail, and it must not go out again. A repeat is safe.
func (s *Store) NoticeDone(ctx context.Context, n Notice, at time.Time) error {
	for range conflictTries {
		n.State, n.SentAt = NoticeSent, at
		err := s.save(ctx, tableNotices, &n)
		if err == nil {
			return s.remove(ctx, tableNotices, s.pk("due"), dueKey(n))
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if n, err = s.notice(ctx, n.Group, n.Seq); err != nil {
			return err
		}
		if n.State == NoticeSent {
			return s.remove(ctx, tableNotices, s.pk("due"), dueKey(n))
		}
	}
	return &Error{Op: "mark notice of " + n.Group + " as sent", cause: ErrConflict}
}

// NoticeFailed gives a claimed sequence back, to be sent again at the given time.
func (s *Store) NoticeFailed(ctx context.Context, n Notice, again time.Time) error {
	n.State, n.DueAt, n.ClaimedAt = NoticeOpen, again, time.Time{}
	n.Failures++
	if err := s.indexNotice(ctx, n); err != nil {
		return err
	}
	return s.save(ctx, tableNotices, &n)
}

func dueKey(n Notice) string { return key(n.Group, fmt.Sprint(n.Seq)) }

func (s *Store) indexNotice(ctx context.Context, n Notice) error {
	n.keys = keys{PartitionKey: s.pk("due"), RowKey: dueKey(n)}
	return s.put(ctx, tableNotices, &n)
}

// UnsentNotices lists the sequences that are not known to be sent, with the time at which each is due.
func (s *Store) UnsentNotices(ctx context.Context) ([]Notice, error) {
	var unsent []Notice
	err := s.list(ctx, tableNotices, prefixFilter(s.pk("due"), ""), "", func(body []byte) error {
		var n Notice
		err := decodeRow(tableNotices, body, "", &n)
		unsent = append(unsent, n)
		return err
	})
	return unsent, err
}

// DropUnwritten takes a sequence out of the index of unsent ones if it was never written: a crash or an error came between
// the two, and what was to be told was told otherwise. It is only asked long after the index row was made.
func (s *Store) DropUnwritten(ctx context.Context, n Notice) (dropped bool, err error) {
	if _, err := s.notice(ctx, n.Group, n.Seq); !errors.Is(err, ErrNoNotice) {
		return false, err
	}
	return true, s.remove(ctx, tableNotices, s.pk("due"), dueKey(n))
}
