// Package hunt runs hunting queries on a schedule: it reads the catalogue of hunts, finds what is due, asks Microsoft
// Graph, tells rows that are new from those that were seen, mails them and turns those that name a machine into
// findings. A finding is answered by handler/respond like an alert, by the same rules and rails; nothing here
// acts.
//
// What a turn found is recorded whole before anybody is told of it. Whatever is interrupted after that is repeated from
// the record, and the query is not asked again: no row is reported twice and none is lost.
package hunt

import (
	"time"

	"cordon/handler/alert"
	"cordon/handler/hunt/header"
	"cordon/handler/schedule"
)

// Do is what becomes of the rows of a hunt. The zero value is unset and no hunt of a Catalogue has it.
type Do string

// What hunts do.
const (
	DoMail     Do = "mail"     // people get the new rows
	DoFindings Do = "findings" // new rows with a machine are answered by the playbook's rules for hunts
	DoBoth     Do = "both"
)

func (d Do) mails() bool { return d == DoMail || d == DoBoth }
func (d Do) finds() bool { return d == DoFindings || d == DoBoth }

// MachineColumn is the column that names a machine, by its id at Defender.
const MachineColumn = header.MachineColumn

// Limits of the API ("Advanced hunting API" and "Microsoft Graph security: runHuntingQuery"), and of one turn.
const (
	MaxLookBack = 30 * 24 * time.Hour // the API's tables hold no more
	MaxRows     = 100_000             // the API leaves the rest out
	QueryTime   = 3 * time.Minute     // the API gives up on a query
)

// Hunt is one checked query of the catalogue. It is immutable.
type Hunt struct {
	Name        string // small letters, digits and dashes
	Description string // for people; empty: none
	File        string // where it stands, for messages
	Spec        string // the schedule as it is written, six fields, UTC
	Timespan    time.Duration
	Identity    []string // the columns that make two rows the same; empty: all of them
	Do          Do
	Severity    alert.Severity // of findings; empty for a hunt that only mails
	To          []string       // addresses; empty: the configured recipients
	Learn       bool           // the first turn only remembers what is there
	TellEmpty   bool           // a turn without new rows is mailed too
	Memory      time.Duration  // how long a row is no news again
	Params      []Param

	schedule schedule.Schedule
	query    []piece
	warnings []Problem
}

// Next is the first turn after a time.
func (h *Hunt) Next(after time.Time) time.Time { return h.schedule.Next(after) }

// Column is one column of a result.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as the API names it: String, DateTime, Int64, …; may be empty
}

// Table is the result of a query. Every row has a text for each column, empty for null. The texts may be an attacker's.
type Table struct {
	Columns []Column   `json:"columns"`
	Rows    [][]string `json:"rows"`
}
