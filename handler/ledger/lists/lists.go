// Package lists keeps the lists in which runs are found: all of them, and those of a machine, an incident, a severity,
// a rule, an outcome, and a rule with an outcome. Each holds a run in short, newest first, so that a page of a list is
// one query however many runs there are. Beside them stand the machines of all runs, under their names and ids.
// Neighbours: handler/ledger/runs enters what it writes, handler/history and handler/operate ask.
package lists

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
)

// Entry is a run in short.
type Entry struct {
	rows.Keys
	AlertID     string
	Version     int
	ObservedAt  time.Time
	ClosedAt    time.Time `json:",omitzero"` // zero: it is not over, and the run itself says how far it is
	IsolatedAt  time.Time `json:",omitzero"` // when an isolation that Cordon asked for reached the machine
	MachineID   string    `json:",omitempty"`
	MachineName string    `json:",omitempty"`
	Incident    int64     `json:",omitempty,string"` // 0: none
	Title       string    `json:",omitempty"`
	Severity    string    `json:",omitempty"`
	Rule        string    `json:",omitempty"` // of several each, separated by commas
	Mode        string    `json:",omitempty"`
	Outcome     string    `json:",omitempty"` // of several each, separated by commas

	Known bool `json:"-"` // nothing of its machine was seen since it was entered: the names of machines stay as they are
}

// ID is the id of the run.
func (e Entry) ID() string { return alert.RunID(e.AlertID, e.Version) }

// Store is the lists of a tenant.
type Store struct{ lists *rows.Table }

// In is the lists in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{lists: tables.Table(rows.RunIndex)}
}

// partition holds all lists, so that a run enters all of its own in one write.
const partition = "lists"

// Which lists a run is on, by what their keys begin with.
const (
	all         = "all"
	ofMachine   = "machine"
	ofName      = "name" // of a machine, whole or as far as the first dot
	ofIncident  = "incident"
	ofSeverity  = "severity"
	ofRule      = "rule"
	ofOutcome   = "outcome"
	ofRuleEnded = "ended" // a rule with an outcome
)

// mostLists bounds on how many lists a run is: a write has a hundred rows at most.
const mostLists = 90

// Lists names the lists that a run in short is on.
func (e Entry) Lists() []string {
	on := []string{key(all)}
	add := func(parts ...string) {
		list := key(parts...)
		if parts[len(parts)-1] != "" && len(on) < mostLists && !slices.Contains(on, list) {
			on = append(on, list) // a write that has a row twice is refused
		}
	}
	add(ofMachine, strings.ToLower(e.MachineID))
	name := strings.ToLower(e.MachineName)
	add(ofName, name)
	if host, _, dotted := strings.Cut(name, "."); dotted {
		add(ofName, host)
	}
	if e.Incident != 0 {
		add(ofIncident, strconv.FormatInt(e.Incident, 10))
	}
	add(ofSeverity, strings.ToLower(e.Severity))
	rules, outcomes := Each(e.Rule), Each(e.Outcome)
	for _, rule := range rules {
		add(ofRule, rule)
	}
	for _, outcome := range outcomes {
		add(ofOutcome, outcome)
	}
	for _, rule := range rules {
		for _, outcome := range outcomes {
			add(ofRuleEnded, rule, outcome)
		}
	}
	return on
}

// Each splits what a run has several of: rules, or outcomes.
func Each(joined string) []string {
	var each []string
	for one := range strings.SplitSeq(joined, ",") {
		one = strings.TrimSpace(one)
		if one != "" {
			each = append(each, one)
		}
	}
	return each
}

// Move says on which lists a run is to be, and on which it is not to be any more, that was on some and not on others.
// Lists are separated by blanks.
func (e Entry) Move(listed, unlisted string) (on, off string) {
	now := e.Lists()
	on = strings.Join(now, " ")
	if on == listed {
		return listed, unlisted
	}
	var left []string
	for _, list := range strings.Fields(listed + " " + unlisted) {
		if !slices.Contains(now, list) && !slices.Contains(left, list) {
			left = append(left, list)
		}
	}
	return on, strings.Join(left, " ")
}

// place is where a run stands in each of its lists.
func (e Entry) place() string {
	return rows.NewestFirst(e.ObservedAt) + "|" + rows.Key(e.ID())
}

// Enter writes a run in short into its lists, and the name of its machine, by one call. It takes the run out of those
// that it is off, as Move says. A repeat is harmless.
func (s *Store) Enter(ctx context.Context, e Entry, off string) error {
	e.ObservedAt = e.ObservedAt.UTC()
	var written []rows.Row
	for _, list := range e.Lists() {
		again := e
		again.Keys = s.lists.At(list+"|"+e.place(), partition)
		again.Overwrite = true
		written = append(written, &again)
	}
	if !e.Known {
		written = append(written, s.named(e)...)
	}
	err := s.lists.Transact(ctx, written...)
	for _, list := range strings.Fields(off) {
		if err == nil {
			err = s.lists.Remove(ctx, s.lists.At(list+"|"+e.place(), partition))
		}
	}
	return err
}

// Query says which runs are wanted. What is left out does not matter.
type Query struct {
	Machine  string // id
	Name     string // of a machine as it was then, whole or as far as the first dot
	Incident int64
	Severity string
	Rule     string // one of the rules that decided
	Outcome  string // one of the outcomes
	Since    time.Time
	Until    time.Time // before that moment
	After    string    // the place behind which to go on, as Page answered it; empty: from the newest
	Limit    int       // at most so many
}

// list is the list that leaves the least to look through.
func (q Query) list() string {
	switch {
	case q.Machine != "":
		return key(ofMachine, strings.ToLower(q.Machine))
	case q.Name != "":
		return key(ofName, strings.ToLower(q.Name))
	case q.Incident != 0:
		return key(ofIncident, strconv.FormatInt(q.Incident, 10))
	case q.Rule != "" && q.Outcome != "":
		return key(ofRuleEnded, q.Rule, q.Outcome)
	case q.Rule != "":
		return key(ofRule, q.Rule)
	case q.Outcome != "":
		return key(ofOutcome, q.Outcome)
	case q.Severity != "":
		return key(ofSeverity, strings.ToLower(q.Severity))
	}
	return key(all)
}

// wants reports whether a run is among those that are wanted.
func (q Query) wants(e Entry) bool {
	on := e.Lists()
	for _, want := range []Query{
		{Machine: q.Machine},
		{Name: q.Name},
		{Incident: q.Incident},
		{Severity: q.Severity},
		{Rule: q.Rule},
		{Outcome: q.Outcome},
		{Rule: q.Rule, Outcome: q.Outcome},
	} {
		if !slices.Contains(on, want.list()) {
			return false
		}
	}
	return true
}

// lookedThrough is how many runs of a list a page looks through for those that are wanted: as many as one call reads.
const lookedThrough = 999

// Page reads runs, newest first, by one call. next is the place behind the last that was looked at; empty: nothing
// follows. Where no list has just what is wanted a page may be short, or empty, and more follow.
func (s *Store) Page(ctx context.Context, q Query) (found []Entry, next string, err error) {
	look := q.Limit
	if q.filters() {
		look = lookedThrough
	}
	seen, next, err := rows.PageOf[Entry](ctx, s.lists, rows.Range{
		Partition: s.lists.Partition(partition),
		Prefix:    q.list() + "|",
		Since:     q.Since,
		Until:     q.Until,
		After:     q.After,
	}, look)
	for i, e := range seen {
		if !q.wants(e) {
			continue
		}
		found = append(found, e)
		if len(found) == q.Limit && (i < len(seen)-1 || next != "") {
			return found, e.place(), err
		}
	}
	return found, next, err
}

// filters reports whether the list that is read has others than those that are wanted.
func (q Query) filters() bool {
	wanted := 0
	for _, given := range []bool{
		q.Machine != "",
		q.Name != "",
		q.Incident != 0,
		q.Severity != "",
		q.Rule != "" || q.Outcome != "",
	} {
		if given {
			wanted++
		}
	}
	return wanted > 1
}

// Aging are the lists.
func (s *Store) Aging() []rows.Aging {
	return []rows.Aging{{Name: "runindex", Table: s.lists, Remove: s.lists.RemoveRow}}
}
