package runs

import (
	"context"
	"time"

	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/rows"
)

// indexRun makes a run findable before it exists, in its lists and among those that are open. An entry without its run
// means nothing.
func (s *Store) indexRun(ctx context.Context, run *Run, now time.Time) error {
	if err := s.addOpen(ctx, *run, now); err != nil {
		return err
	}
	run.relist()
	return s.enter(ctx, *run)
}

// InShort is the run as it stands in lists.
func (r Run) InShort() lists.Entry {
	return lists.Entry{
		AlertID:     r.AlertID,
		Version:     r.Version,
		ObservedAt:  r.ObservedAt,
		ClosedAt:    r.ClosedAt,
		MachineID:   r.MachineID,
		MachineName: r.MachineName,
		Incident:    r.Incident,
		Title:       r.Title,
		Severity:    r.Severity,
		Rule:        r.Rule,
		Mode:        r.Mode,
		Outcome:     r.Outcome,
	}
}

// relist notes on which lists the run is to be, and on which it was and is not to be any more. changed: they are
// others than before.
func (r *Run) relist() (changed bool) {
	was := r.Listed
	r.Listed, r.Unlisted = r.InShort().Move(r.Listed, r.Unlisted)
	return r.Listed != was
}

// Relist has the lists say what the run says, also where that moves it to no other list.
func (r *Run) Relist() { r.Listed += " " }

// enter writes the run into its lists. A repeat is harmless.
func (s *Store) enter(ctx context.Context, run Run) error {
	return s.lists.Enter(ctx, run.InShort(), run.Unlisted)
}

// ListOld enters runs that are over into their lists, of one page of alerts from a place on: those that an earlier
// version wrote, which knew no lists. It answers with the place where it stopped. A repeat is harmless.
func (s *Store) ListOld(ctx context.Context, from rows.Cursor) (rows.Cursor, error) {
	first := s.alerts.Partition("")
	filter := "PartitionKey ge '" + first + "' and PartitionKey lt '" + first + "~' and RowKey ge '" + runPrefix +
		"' and RowKey lt '" + runPrefix + "~'"
	page, next, err := s.alerts.Page(ctx, filter, from)
	if err != nil {
		return from, err
	}
	for _, k := range page {
		run := Run{Keys: k}
		found, err := s.alerts.Read(ctx, &run)
		if err == nil && found && run.State.Final() && run.Listed == "" {
			err = s.listOld(ctx, run)
		}
		if err != nil {
			return from, err
		}
	}
	return next, nil
}

// listOld enters one run. What is held may still change, and has to know then which lists it leaves.
func (s *Store) listOld(ctx context.Context, run Run) error {
	if !run.IsHeld() {
		return s.enter(ctx, run)
	}
	_, err := s.Update(ctx, run.AlertID, run.Version, func(run *Run) (bool, error) {
		return run.Listed == "", nil
	})
	return err
}
