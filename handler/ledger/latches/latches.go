// Package latches keeps the latch of each machine and state: the one row by which whoever acts on a machine keeps all
// others away, and which says how far its episode is. Neighbours: handler/episode, which says what comes next for a
// latch, and handler/act and handler/follow, which take and write it.
package latches

import "cordon/handler/ledger/rows"

// Store is the latches of a tenant.
type Store struct {
	latches, open *rows.Table
}

// In is the latches in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{latches: tables.Table(rows.Latches), open: tables.Table(rows.Open)}
}
