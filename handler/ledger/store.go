// Package ledger is the record and the authority: the watermark, what was seen of each alert, the run of each version,
// the latch of each machine, budgets and notices, in Azure Tables. Queue messages and caches are hints; what is not
// written here did not happen, and nothing acts that cannot be written here first.
package ledger

import (
	"sync"
	"time"

	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/switches"
)

// Options says where the tables are, and what is kept in them.
type Options = rows.Options

// ErrConflict says that somebody else changed a row first. Read it again and decide anew.
var ErrConflict = rows.ErrConflict

// Error is a failure of the tables themselves, as opposed to ErrConflict.
type Error = rows.Error

// The parts of the ledger that are packages of their own. A service that uses one of them alone holds no more.
type (
	Hunts    = hunts.Store
	Notices  = notices.Store
	Switches = switches.Store
)

// What the services of a run know of package switches.
type (
	Met   = switches.Met
	Pause = switches.Pause
)

// See package switches.
const (
	LookupsPerHour = switches.LookupsPerHour
	LookUp         = switches.LookUp
	LookedUp       = switches.LookedUp
	NoLookupsLeft  = switches.NoLookupsLeft
)

// Store is the ledger on Azure Tables. It is safe for concurrent use.
type Store struct {
	*rows.Tables
	*Hunts
	*Notices
	*Switches

	alerts, runIndex, latches, open, budgets, trips *rows.Table

	neighbours bool

	reserving rows.Turn // of those who reserve

	mu        sync.Mutex
	troubleAt time.Time // when NoteTrouble wrote last
}

// Open makes a Store without any network traffic. An error means that the options are wrong.
func Open(o Options) (*Store, error) {
	tables, err := rows.Connect(o)
	if err != nil {
		return nil, err
	}
	s := In(tables)
	s.neighbours = o.Neighbours
	return s, nil
}

// In is the ledger in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{
		Tables:    tables,
		Hunts:     hunts.In(tables),
		Notices:   notices.In(tables),
		Switches:  switches.In(tables),
		alerts:    tables.Table(rows.Alerts),
		runIndex:  tables.Table(rows.RunIndex),
		latches:   tables.Table(rows.Latches),
		open:      tables.Table(rows.Open),
		budgets:   tables.Table(rows.Budgets),
		trips:     tables.Table(rows.Switches),
		reserving: rows.NewTurn(),
	}
}
