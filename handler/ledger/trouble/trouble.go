// Package trouble keeps the newest trouble that any instance met, and whether it is over. Neighbours: handler/app,
// whose health tells it, and all that meets trouble.
package trouble

import (
	"context"
	"strings"
	"sync"
	"time"

	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
)

// markNewest is the mark of the newest trouble that any instance met; its note says where and what.
const markNewest = "trouble"

// markOver says since when the newest trouble of a function is over; its note is the function's name.
const markOver = "trouble over"

// every is how often one process writes it at most: in an outage everything meets trouble at once.
const every = 10 * time.Second

// ofAlert begins where trouble was met, if that was an alert.
const ofAlert = "alert "

// Store is the newest trouble of a tenant.
type Store struct {
	marks *switches.Store
	runs  *runs.Store

	mu      sync.Mutex
	wroteAt time.Time // when Note wrote last
}

// Among is the newest trouble among some marks; the runs say whether that of an alert is over.
func Among(marks *switches.Store, runs *runs.Store) *Store {
	return &Store{marks: marks, runs: runs}
}

// Newest is the newest trouble that any instance met.
type Newest struct {
	At        time.Time // zero: there was none
	Where     string    // a function's name, or "alert" with its id
	Text      string
	OverSince time.Time // zero: it is not known to be over
}

// Note keeps what went wrong for whoever asks for the health of the whole. It is no promise: the run and the log
// have it too, so a failure to write it is none.
func (s *Store) Note(ctx context.Context, at time.Time, where string, trouble error) {
	s.mu.Lock()
	early := at.Sub(s.wroteAt) < every && !at.Before(s.wroteAt)
	if !early {
		s.wroteAt = at
	}
	s.mu.Unlock()
	if early {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = s.marks.SetMark(ctx, markNewest, at, where+": "+trouble.Error())
}

// NoteOver keeps that a function succeeded, if the newest trouble was its own and is not over yet. It is no promise
// either.
func (s *Store) NoteOver(ctx context.Context, at time.Time, where string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	t, err := s.Read(ctx)
	if err == nil && t.Where == where && t.OverSince.IsZero() {
		_ = s.marks.SetMark(ctx, markOver, at, where)
	}
}

// Read reads the newest trouble, and since when it is over.
func (s *Store) Read(ctx context.Context) (Newest, error) {
	mark, err := s.marks.Mark(ctx, markNewest)
	if err != nil || mark.At.IsZero() {
		return Newest{}, err
	}
	t := Newest{At: mark.At}
	t.Where, t.Text, _ = strings.Cut(mark.Note, ": ")
	id, isAlert := strings.CutPrefix(t.Where, ofAlert)
	if isAlert {
		t.OverSince, err = s.wentOn(ctx, id, t.At)
		return t, err
	}
	over, err := s.marks.Mark(ctx, markOver)
	if err == nil && over.Note == t.Where && !over.At.Before(t.At) {
		t.OverSince = over.At
	}
	return t, err
}

// wentOn is when the newest run of an alert ended, or began to wait for its machine; zero if it has done neither since.
func (s *Store) wentOn(ctx context.Context, alertID string, since time.Time) (time.Time, error) {
	record, err := s.runs.Alert(ctx, alertID)
	if err != nil || len(record.Runs) == 0 {
		return time.Time{}, err
	}
	var at time.Time
	switch run := record.Runs[len(record.Runs)-1]; {
	case run.State.Final():
		at = run.ClosedAt
	case run.State == runs.Waiting:
		at = run.DueAt
	}
	if at.Before(since) {
		at = time.Time{}
	}
	return at, nil
}
