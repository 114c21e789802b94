// Package runs keeps what was seen of each alert, and the run of each of its versions: how it is answered, as far as
// that is. What is not written here was not seen or done. Neighbours: handler/poll, which observes, handler/respond,
// which answers, and handler/follow, which ends what waits.
package runs

import (
	"context"

	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/neighbours"
	"cordon/handler/ledger/rows"
)

// Store is the alerts of a tenant and their runs.
type Store struct {
	*rows.Tables
	alerts, open *rows.Table
	lists        *lists.Store

	neighbours *neighbours.Store
}

// In is the runs in some tables. What is observed is entered among the neighbours.
func In(tables *rows.Tables, neighbours *neighbours.Store) *Store {
	return &Store{
		Tables:     tables,
		alerts:     tables.Table(rows.Alerts),
		lists:      lists.In(tables),
		open:       tables.Table(rows.Open),
		neighbours: neighbours,
	}
}

// Of reads the run of one version of an alert; false if there is none.
func (s *Store) Of(ctx context.Context, alertID string, version int) (run Run, found bool, err error) {
	run.Keys = s.alerts.At(runKey(version), alertID)
	found, err = s.alerts.Read(ctx, &run)
	return run, found, err
}
