// Package ledger opens the record and the authority: what was seen, decided and done, in Azure Tables. Queue messages
// and caches are hints; what is not written here did not happen, and nothing acts that cannot be written here first.
//
// Each idea has a package of its own, and a service holds only those that it uses.
package ledger

import (
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/decisions"
	"cordon/handler/ledger/findings"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/neighbours"
	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/sessions"
	"cordon/handler/ledger/switches"
	"cordon/handler/ledger/tallies"
	"cordon/handler/ledger/trouble"
)

// Store is the ledger of a tenant, part by part. It is safe for concurrent use.
type Store struct {
	*rows.Tables
	Runs       *runs.Store
	Findings   *findings.Store
	Neighbours *neighbours.Store
	Held       *held.Store
	Latches    *latches.Store
	Budget     *budget.Store
	Notices    *notices.Store
	Hunts      *hunts.Store
	Switches   *switches.Store
	Trouble    *trouble.Store
	Journal    *journal.Store
	Sessions   *sessions.Store
	Decisions  *decisions.Store
	Lists      *lists.Store
	Tallies    *tallies.Store
}

// Open makes a Store without any network traffic. An error means that the options are wrong.
func Open(o rows.Options) (*Store, error) {
	tables, err := rows.Connect(o)
	if err != nil {
		return nil, err
	}
	return In(tables), nil
}

// In is the ledger in some tables.
func In(tables *rows.Tables) *Store {
	counted := neighbours.In(tables)
	marks := switches.In(tables)
	answered := runs.In(tables, counted)
	return &Store{
		Tables:     tables,
		Runs:       answered,
		Findings:   findings.In(tables, answered),
		Neighbours: counted,
		Held:       held.In(tables),
		Latches:    latches.In(tables),
		Budget:     budget.In(tables),
		Notices:    notices.In(tables),
		Hunts:      hunts.In(tables),
		Switches:   marks,
		Trouble:    trouble.Among(marks, answered),
		Journal:    journal.In(tables),
		Sessions:   sessions.In(tables),
		Decisions:  decisions.In(tables),
		Lists:      lists.In(tables),
		Tallies:    tallies.In(tables),
	}
}
