package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// Housekeep removes records that were last changed before a time: alerts with all their runs, index rows, notices, what
// is held, past pauses, past episodes and the joiners of episodes; and decisions that were made before another,
// factsBefore. Latches, the watermark, budgets and marks stay. It looks at a bounded number of rows and goes on where
// it stopped the next time. Records that are not over stay whatever their age. A repeat is safe.
func (s *Store) Housekeep(
	ctx context.Context,
	before, factsBefore time.Time,
) (removed int, err error) {
	kinds := slices.Concat(
		s.Runs.Aging(),
		s.Lists.Aging(),
		s.Notices.Aging(),
		s.Latches.Aging(),
		s.Held.Aging(),
		s.Switches.Aging(),
		s.Hunts.Aging(),
		s.Journal.Aging(),
		s.Sessions.Aging(),
	)
	var errs []error
	for _, kind := range kinds {
		n, err := s.housekeep(ctx, kind, before)
		removed += n
		errs = append(errs, err)
	}
	for _, kind := range s.Decisions.Aging() {
		n, err := s.housekeep(ctx, kind, factsBefore)
		removed += n
		errs = append(errs, err)
	}
	errs = append(errs, s.listOld(ctx))
	return removed, errors.Join(errs...)
}

// listed is the mark of how far runs of an earlier version were entered into lists, and what it says at the end.
const (
	listed    = "lists of earlier runs"
	listedAll = "all"
)

// listOld goes on with entering the runs of an earlier version into lists, a page at a time.
func (s *Store) listOld(ctx context.Context) error {
	mark, err := s.Switches.Mark(ctx, listed)
	if err != nil || mark.Note == listedAll {
		return err
	}
	var at rows.Cursor
	if mark.Note != "" {
		_ = json.Unmarshal([]byte(mark.Note), &at)
	}
	at, err = s.Runs.ListOld(ctx, at)
	if err != nil {
		return err
	}
	note, err := outgoing.Encode(at)
	if err != nil {
		return err
	}
	if at.AtEnd() {
		note = []byte(listedAll)
	}
	return s.Switches.SetMark(ctx, listed, mark.At, string(note))
}

// housekeep looks at one kind, from where the last look stopped.
func (s *Store) housekeep(
	ctx context.Context,
	kind rows.Aging,
	before time.Time,
) (removed int, err error) {
	name := "housekeeping:" + kind.Name
	mark, err := s.Switches.Mark(ctx, name)
	if err != nil {
		return 0, err
	}
	var at rows.Cursor
	if mark.Note != "" {
		// A cursor that cannot be read begins anew.
		_ = json.Unmarshal([]byte(mark.Note), &at)
	}
	removed, at, err = kind.Look(ctx, before, at)
	if err != nil {
		return removed, err
	}
	note, err := outgoing.Encode(at)
	if err != nil {
		return removed, err
	}
	return removed, s.Switches.SetMark(ctx, name, before, string(note))
}
