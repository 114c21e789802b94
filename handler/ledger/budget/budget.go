// Package budget counts requests against the caps of the playbook and the quota of the service at the other end, for
// all instances together, and keeps which caps hold something. Neighbours: handler/act, which reserves and tells, and
// handler/ending, which gives back.
package budget

import "cordon/handler/ledger/rows"

// Store is the budgets of a tenant.
type Store struct {
	*rows.Tables
	budgets, switches *rows.Table

	reserving rows.Turn // of those who reserve
}

// In is the budgets in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{
		Tables:    tables,
		budgets:   tables.Table(rows.Budgets),
		switches:  tables.Table(rows.Switches),
		reserving: rows.NewTurn(),
	}
}
