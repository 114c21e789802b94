// Package switches keeps the few facts about Cordon itself that all instances share, a row each: the watermark, the
// marks, the pause that a person made, the pauses of the API's endpoints, what decisions met, and the look-ups of the
// hour.
package switches

import "cordon/handler/ledger/rows"

// Store is the switches of a tenant.
type Store struct {
	*rows.Tables
	switches, watermarks *rows.Table

	looking rows.Turn // of those who count a look-up
}

// In is the switches in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{
		Tables:     tables,
		switches:   tables.Table(rows.Switches),
		watermarks: tables.Table(rows.Watermarks),
		looking:    rows.NewTurn(),
	}
}
