// Package journal keeps what people did by hand: who, from where, what, to what, why, and what became of it. A command
// is written down before it is carried out, and how it ended afterwards; one that stays open is settled by whoever
// looks for it later, so that the journal says of each what is so.
//
// Neighbours: handler/desk carries commands out, handler/ledger/rows keeps rows.
package journal

import (
	"time"

	"cordon/handler/ledger/rows"
)

// Store is the journal of a tenant.
type Store struct{ journal *rows.Table }

// In is the journal in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{journal: tables.Table(rows.Switches)}
}

// State is how far a command has come.
type State string

// The states of a command. All but Begun are final.
const (
	Begun   State = "begun"   // written down; it may be done, or not yet, or never
	Done    State = "done"    // done, or asked for where it takes time
	Refused State = "refused" // there is a reason against it; nothing was changed
	Failed  State = "failed"  // trouble kept it from being done; nothing was changed
	Unknown State = "unknown" // nobody will ever know whether it was done
)

// Author is the person who gives a command.
type Author struct {
	Name    string // user principal name, or the user of a computer
	ID      string // object id; empty: somebody with the ledger's own credentials
	Client  string // which program asked
	Address string // from where; empty: not known
}

// Order is a command as it was given: it may be about several things.
type Order struct {
	rows.Keys
	Command string    // id, made by whoever asks
	Digest  string    // of all that the order says
	At      time.Time // when it was written down
}

// Entry is one thing that a command is about.
type Entry struct {
	rows.Keys
	Command string
	Verb    string
	Object  string    // id of a machine, an alert, an action, …; empty: it is about no one thing
	Name    string    `json:",omitempty"` // of the object, for people
	Machine string    `json:",omitempty"` // id of the machine that it concerns, if that is not the object; empty: none
	By      string    // who
	ByID    string    `json:",omitempty"` // object id; empty: somebody with the ledger's own credentials
	Client  string    `json:",omitempty"` // which program asked
	Address string    `json:",omitempty"` // from where
	Reason  string    `json:",omitempty"`
	At      time.Time // of the order
	Tried   time.Time `json:",omitzero"` // when it was begun last, by whoever does it
	State   State
	Result  string    `json:",omitempty"` // a sentence: what became of it
	Action  string    `json:",omitempty"` // id of the machine action that was asked for
	Ended   time.Time `json:",omitzero"`
}

// Since is when what is begun was begun last.
func (e Entry) Since() time.Time {
	if e.Tried.After(e.At) {
		return e.Tried
	}
	return e.At
}

// How much is kept of a text, in bytes.
const (
	nameKept   = 200
	reasonKept = 1000
	resultKept = 2000
)

func (e *Entry) bound() {
	e.Object, e.Name = rows.Cut(e.Object, nameKept), rows.Cut(e.Name, nameKept)
	e.By, e.Client = rows.Cut(e.By, nameKept), rows.Cut(e.Client, nameKept)
	e.Address = rows.Cut(e.Address, nameKept)
	e.Reason = rows.Cut(e.Reason, reasonKept)
	e.Result = rows.Cut(e.Result, resultKept)
}

// What the keys of rows begin with, in the one partition that the journal has: its rows change together.
const (
	partition = "journal"
	orders    = "order" // an order, by its command
	byTime    = "at"    // an entry, newest first
	byObject  = "of"    // the same again, by what it is about
	open      = "open"  // one that is begun; it is removed when the entry ends
)

func (s *Store) orderKeys(command string) rows.Keys {
	return s.journal.At(rows.Key(orders, command), partition)
}

// timeKeys is where an entry stands. They follow from what it is about, so that a repeat finds it.
func (s *Store) timeKeys(e Entry) rows.Keys {
	return s.journal.At(rows.Key(byTime, rows.NewestFirst(e.At), e.Command, e.Object), partition)
}

// objectKeys are where an entry stands again: by its object, and by the machine that it concerns. An order may be about
// several alerts on one machine.
func (s *Store) objectKeys(e Entry) []rows.Keys {
	at := rows.NewestFirst(e.At)
	all := []rows.Keys{s.journal.At(rows.Key(byObject, e.Object, at, e.Command), partition)}
	if e.Machine != "" && e.Machine != e.Object {
		all = append(all, s.journal.At(rows.Key(byObject, e.Machine, at, e.Command, e.Object), partition))
	}
	return all
}

func (s *Store) openKeys(e Entry) rows.Keys {
	return s.journal.At(rows.Key(open, e.Command, e.Object), partition)
}

// Aging are the records of the journal.
func (s *Store) Aging() []rows.Aging {
	return []rows.Aging{{
		Name:   "journal",
		Table:  s.journal,
		Filter: rows.InPartition(s.journal.Partition(partition)),
		Remove: s.journal.RemoveRow,
	}}
}
