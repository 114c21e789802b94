package desk

import (
	"context"
	"slices"

	"cordon/handler/alert"
	"cordon/handler/desk/isolated"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

// Explained is an isolation with the run that began it.
type Explained struct {
	isolated.Isolation
	Run runs.Run // zero: it was not Cordon, or the run is gone
}

// Isolated lists the machines that are isolated, or about to be, with why, newest first.
func (d *Desk) Isolated(ctx context.Context) ([]Explained, error) {
	all, err := isolated.Machines(ctx, d.Latches, d.Seen, d.Now(), d.Lift)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b isolated.Isolation) int {
		return b.Since.Compare(a.Since)
	})
	d.name(ctx, all)
	return each(ctx, all, d.explain)
}

func (d *Desk) explain(ctx context.Context, i isolated.Isolation) (Explained, error) {
	e := Explained{Isolation: i}
	alertID, version := alert.SplitRunID(i.RunID)
	if i.By != machine.ByCordon || alertID == "" {
		return e, nil
	}
	record, err := d.Runs.Alert(ctx, alertID)
	e.Run, _ = record.Run(version)
	return e, err
}

// name gives isolated machines the names that they have now. Where that cannot be found out they keep the ones that the
// ledger remembers, which may be old: nobody decides anything by them.
func (d *Desk) name(ctx context.Context, all []isolated.Isolation) {
	ids := make([]string, len(all))
	for i, isolated := range all {
		ids[i] = isolated.MachineID
	}
	found, err := d.Seen.Machines(ctx, ids)
	if err != nil {
		return
	}
	for _, m := range found {
		at := slices.IndexFunc(all, func(i isolated.Isolation) bool {
			return i.MachineID == m.ID
		})
		if at >= 0 && m.ComputerDNSName != "" {
			all[at].MachineName = m.ComputerDNSName
		}
	}
}
