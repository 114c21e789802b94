package runs

import (
	"context"

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
		IsolatedAt:  r.IsolatedAt,
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

// enter writes the run and the name of its machine into the lists.
func (s *Store) enter(ctx context.Context, run Run) error {
	return s.place(ctx, run, false)
}

// place writes the run into its lists, and once more if somebody wrote the run meanwhile: whoever is late would
// otherwise have the lists say what was so before. known: its machine was not seen anew. A repeat is harmless.
func (s *Store) place(ctx context.Context, run Run, known bool) error {
	return rows.Try("list run "+run.ID(), func() error {
		short := run.InShort()
		short.Known = known
		err := s.lists.Enter(ctx, short, run.Unlisted)
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
