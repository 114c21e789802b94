package wire

import (
	"time"
)

// RunsAsked says which runs are wanted. What is left out does not matter.
type RunsAsked struct {
	Alert    string    // id: all versions of it; nothing else is looked at then
	Machine  string    // id or name, whole or as far as the first dot
	Rule     string    // one of the rules that decided
	Outcome  string    // one of the outcomes
	Severity string    // of the alert
	Incident int64     // of the alert
	Since    time.Time // observed at that time or later
	Until    time.Time // observed before that time
	Limit    int       // of a page; 0: the default
	After    string    // Next of the page before; empty: the first page
}

// Runs is a page of them, newest first. It may be short, or empty, and others follow.
type Runs struct {
	Runs []RunLine `json:"runs"`
	Next string    `json:"next,omitempty"` // "after" of the next page; empty: this is the last
}

// RunLine is a run in short.
type RunLine struct {
	Run         string    `json:"run"`
	AlertID     string    `json:"alertId"`
	Version     int       `json:"version"`
	State       string    `json:"state"`             // observed, started, waiting, closed, parked
	Outcome     string    `json:"outcome,omitempty"` // of several each, separated by commas; empty: it is not over
	Rule        string    `json:"rule,omitempty"`    // of several each, separated by commas
	Mode        string    `json:"mode,omitempty"`
	Severity    string    `json:"severity,omitempty"`
	Title       string    `json:"title,omitempty"`
	MachineID   string    `json:"machineId,omitempty"`
	MachineName string    `json:"machineName,omitempty"` // as it was then
	Incident    int64     `json:"incident,omitzero"`
	Observed    time.Time `json:"observed"`
	Closed      time.Time `json:"closed,omitzero"`
}

// Counts is how many runs ended how, over some days.
type Counts struct {
	Days    []DayCount `json:"days"`             // that were counted, oldest first
	Counted time.Time  `json:"counted,omitzero"` // when the newest of them was
	Runs    int        `json:"runs"`             // of all these days
	Counts  []Count    `json:"counts"`           // by rule, then by how many
}

// DayCount is one UTC day.
type DayCount struct {
	Day     string    `json:"day"`
	Runs    int       `json:"runs"`
	Counted time.Time `json:"counted"`
}

// Count is how many runs of a rule had an outcome. A run of several rules or outcomes counts in several.
type Count struct {
	Rule    string `json:"rule,omitempty"` // empty: no rule decided
	Mode    string `json:"mode,omitempty"` // observe or enforce; empty: it was not decided
	Outcome string `json:"outcome,omitempty"`
	Runs    int    `json:"runs"`
}

// RunTold is one thing that people are told of a run, and what became of the mail that it goes with.
type RunTold struct {
	What    string    `json:"what"` // requested, isolated, held, …
	At      time.Time `json:"at"`   // when it happened
	Machine string    `json:"machine,omitempty"`
	Step    string    `json:"step,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Mail    string    `json:"mail"`  // its id, for cordon mails; empty: it goes with the next mail
	State   string    `json:"state"` // sent, waiting, failed; empty: there is no mail yet
	To      []string  `json:"to"`
	Sent    time.Time `json:"sent,omitzero"`
	Tries   int       `json:"tries,omitzero"` // how often sending it failed
	Why     string    `json:"why,omitempty"`  // what it failed of last
}

// Today is what today's playbook makes of the facts of a run.
type Today struct {
	Playbook string `json:"playbook"` // its digest
	Same     bool   `json:"same"`     // it is the playbook that decided
	Differs  bool   `json:"differs"`  // it wants something else
	Decision string `json:"decision"` // every rule, clause, value and rail, for people; lines
	Plan     any    `json:"plan"`     // the same for programs
}

// Links are where the portal shows what a run is about; empty: it shows none.
type Links struct {
	Alert    string `json:"alert,omitempty"`
	Incident string `json:"incident,omitempty"`
	Machine  string `json:"machine,omitempty"`
}
