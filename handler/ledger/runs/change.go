package runs

import (
	"context"
	"errors"
	"fmt"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
)

// Update reads a run, lets change work on it and writes it if nobody else did meanwhile; else it starts over with the
// newer row. An error of change ends it without a write; without a change nothing is written. It answers with the run
// as change left it. The index of open runs follows the run's state: a run that is opened again enters it before, one
// that is over leaves it after.
func (s *Store) Update(
	ctx context.Context, alertID string, version int, change func(*Run) (changed bool, err error),
) (Run, error) {
	var run Run
	id := alert.RunID(alertID, version)
	err := rows.Try("update run "+id, func() error {
		run = Run{Keys: s.alerts.At(runKey(version), alertID)}
		found, err := s.alerts.Read(ctx, &run)
		if err == nil && !found {
			err = rows.ErrNoRow
		}
		if err != nil {
			run = Run{}
			return fmt.Errorf("run %s: %w", id, err)
		}
		was := run.State
		run.mayBeListed()
		changed, err := change(&run)
		if err != nil || !changed {
			return err
		}
		return s.save(ctx, &run, was)
	})
	return run, err
}

// save writes a run that was in a state, with what follows from the state that it is in. Its entry among those that are
// open stays until its lists are right; if they are not, the sweep finds it and mends them.
func (s *Store) save(ctx context.Context, run *Run, was State) error {
	relisted := run.relist()
	opened := was.Final() && !run.State.Final()
	if opened {
		run.Opening++
	}
	if opened || was.Final() && relisted {
		err := s.addOpen(ctx, *run, run.DueAt)
		if err != nil {
			return err
		}
	}
	err := s.alerts.Save(ctx, run)
	if err != nil {
		return err
	}
	listed := !relisted || s.place(ctx, *run, was.Final() && run.State.Final()) == nil
	if listed && run.State.Final() && (relisted || !was.Final()) {
		s.dropOpen(ctx, *run)
	}
	return nil
}

// IsNotFound reports whether err says that a run does not exist.
func IsNotFound(err error) bool { return errors.Is(err, rows.ErrNoRow) }
