package ledger

import (
	"context"
	"strings"
	"time"
)

// MarkTrouble is the mark of the newest trouble that any instance met; its note says where and what.
const MarkTrouble = "trouble"

// markTroubleOver says since when the newest trouble of a function is over; its note is the function's name.
const markTroubleOver = "trouble over"

// troubleEvery is how often one process writes it at most: in an outage everything meets trouble at once.
const troubleEvery = 10 * time.Second

// troubleOfAlert begins where trouble was met, if that was an alert.
const troubleOfAlert = "alert "

// Trouble is the newest trouble that any instance met.
type Trouble struct {
	At        time.Time // zero: there was none
	Where     string    // a function's name, or "alert" with its id
	Text      string
	OverSince time.Time // zero: it is not known to be over
}

// NoteTrouble keeps what went wrong for whoever asks for the health of the whole. It is no promise: the run and the log
// have it too, so a failure to write it is none.
func (s *Store) NoteTrouble(ctx context.Context, at time.Time, where string, trouble error) {
	s.mu.Lock()
	early := at.Sub(s.troubleAt) < troubleEvery && !at.Before(s.troubleAt)
	if !early {
		s.troubleAt = at
	}
	s.mu.Unlock()
	if early {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = s.SetMark(ctx, MarkTrouble, at, where+": "+trouble.Error())
}

// NoteTroubleOver keeps that a function succeeded, if the newest trouble was its own and is not over yet. It is no promise
// either.
func (s *Store) NoteTroubleOver(ctx context.Context, at time.Time, where string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if t, err := s.Trouble(ctx); err == nil && t.Where == where && t.OverSince.IsZero() {
		_ = s.SetMark(ctx, markTroubleOver, at, where)
	}
}

// Trouble reads the newest trouble, and since when it is over.
func (s *Store) Trouble(ctx context.Context) (Trouble, error) {
	mark, err := s.Mark(ctx, MarkTrouble)
	if err != nil || mark.At.IsZero() {
		return Trouble{}, err
	}
	t := Trouble{At: mark.At}
	t.Where, t.Text, _ = strings.Cut(mark.Note, ": ")
	if id, ofAlert := strings.CutPrefix(t.Where, troubleOfAlert); ofAlert {
		t.OverSince, err = s.wentOn(ctx, id, t.At)
		return t, err
	}
	over, err := s.Mark(ctx, markTroubleOver)
	if err == nil && over.Note == t.Where && !over.At.Before(t.At) {
		t.OverSince = over.At
	}
	return t, err
}

// wentOn is when the newest run of an alert ended, or began to wait for its machine; zero if it has done neither since.
func (s *Store) wentOn(ctx context.Context, alertID string, since time.Time) (time.Time, error) {
	record, err := s.Alert(ctx, alertID)
	if err != nil || len(record.Runs) == 0 {
		return time.Time{}, err
	}
	var at time.Time
	switch run := record.Runs[len(record.Runs)-1]; {
	case run.State.Final():
		at = run.ClosedAt
	case run.State == Waiting:
		at = run.DueAt
	}
	if at.Before(since) {
		at = time.Time{}
	}
	return at, nil
}
