package runs

import (
	"context"
	"time"

	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/rows"
)

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

// list enters a run that was just made; before that another could have been it. Lists that fail keep nobody from
// answering it: the entry among what is open says so, and the sweep enters it.
func (s *Store) list(ctx context.Context, run Run, now time.Time) error {
	if s.enter(ctx, run) == nil {
		return nil
	}
	entry := s.openEntry(run, now)
	entry.Unlisted = true
	return s.open.Put(ctx, &entry)
}

// enter writes the run into its lists, and once more if somebody wrote the run meanwhile: whoever is late would
// otherwise have the lists say what was so before. A repeat is harmless.
func (s *Store) enter(ctx context.Context, run Run) error {
	return rows.Try("list run "+run.ID(), func() error {
		err := s.lists.Enter(ctx, run.InShort(), run.Unlisted)
		if err != nil {
			return err
		}
		now, found, err := s.Of(ctx, run.AlertID, run.Version)
		if err != nil || !found || now.Nonce == run.Nonce {
			return err
		}
		run = now
		return rows.ErrConflict
	})
}

// ForgetLists has a run say no more on which lists it was before, once it is on none of them: a list is named by what
// the run said then.
func (s *Store) ForgetLists(ctx context.Context, run Run) error {
	if run.Unlisted == "" {
		return nil
	}
	if err := s.enter(ctx, run); err != nil {
		return err
	}
	_, err := s.Update(ctx, run.AlertID, run.Version, func(now *Run) (bool, error) {
		if now.Unlisted != run.Unlisted {
			return false, nil // it has moved meanwhile
		}
		now.Unlisted = ""
		return true, nil
	})
	return err
}
