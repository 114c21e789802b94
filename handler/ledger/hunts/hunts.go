// Package hunts keeps where each hunt stands, the records of its turns and the rows that it remembers. Neighbours:
// handler/hunt, which runs the hunts, and handler/notice, which mails what a turn found.
package hunts

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/handler/ledger/rows"
)

// Store is the hunts of a tenant.
type Store struct {
	*rows.Tables
	hunts *rows.Table
}

// In is the hunts in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{Tables: tables, hunts: tables.Table(rows.Hunts)}
}

// A hunt has a state row, a record of each turn that found something, and a row for each result row that it remembers.
// The record is written whole before anybody is told of it: its head row comes last, and the first head wins.

// Hunt is where a hunt stands.
type Hunt struct {
	rows.Keys
	Name string
	Spec string // the schedule by which Due was worked out

	Due       time.Time // the turn that comes next
	Uncovered time.Time // the first turn that has not succeeded since the last that did; the next one looks back to it
	NotBefore time.Time `json:",omitzero"`  // the API wanted to be left alone until then
	Tries     int       `json:",omitempty"` // of the turn that is due, that met trouble which may pass

	Claim      string    `json:",omitempty"` // who runs the turn that is due; empty: nobody
	ClaimUntil time.Time `json:",omitzero"`

	RanAt     time.Time `json:",omitzero"`  // when a turn last succeeded; zero: never
	Rows      int       `json:",omitempty"` // what the query gave then
	New       int       `json:",omitempty"` // rows that were reported then
	FailedAt  time.Time `json:",omitzero"`  // the turn since which none succeeded; zero: the last one did
	Trouble   string    `json:",omitempty"` // why the newest turn failed
	LearnedAt time.Time `json:",omitzero"`  // when the rows were remembered that were there at the beginning
}

// Of reads where a hunt stands; one without a Due that was never seen.
func (s *Store) Of(ctx context.Context, name string) (Hunt, error) {
	h := Hunt{Keys: s.hunts.At(rows.Key(name), "hunts"), Name: name}
	_, err := s.hunts.Read(ctx, &h)
	if err != nil {
		return Hunt{}, err
	}
	return h, nil
}

// Save writes where a hunt stands, as it was read and changed. rows.ErrConflict: somebody else was first.
func (s *Store) Save(ctx context.Context, h *Hunt) error {
	h.Trouble = rows.Cut(h.Trouble, 1000)
	return s.hunts.Save(ctx, h)
}

// Turn is the record of a turn that found something new.
type Turn struct {
	rows.Keys
	Hunt  string
	Due   time.Time
	At    time.Time // when the query was asked
	Since time.Time // how far back it looked
	Rows  int       // that the query gave
	New   int       // rows in the record
	More  bool      // more rows are new; they follow with a later turn
	Cut   bool      // the API may have left rows out

	Parts int    // that the body is stored in
	Stamp string // begins their keys
}

// Result is what a turn found new. Every row has a text for each column, and an entry in Digests and Machines.
type Result struct {
	Columns  []string   `json:"columns"`
	Rows     [][]string `json:"rows"`
	Digests  []string   `json:"digests"`
	Machines []string   `json:"machines"` // the row's machine, if it becomes a finding; empty: it is only mailed
	Mail     bool       `json:"mail"`     // rows that become findings are mailed too
}

// Mailed are the rows that people get.
func (r Result) Mailed() [][]string {
	var rows [][]string
	for i, row := range r.Rows {
		if r.Mail || r.Machines[i] == "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// maxParts bounds what a turn may store.
const maxParts = 200

type part struct {
	rows.Keys
	Body     []byte
	BodyType string `json:"Body@odata.type"`
}

// turnKey sorts by time.
func turnKey(due time.Time) string {
	return due.UTC().Format("20060102T150405")
}

// PutTurn records a turn with what it found. A turn that is recorded stays as it is: rows.ErrConflict.
func (s *Store) PutTurn(ctx context.Context, t Turn, result Result) error {
	packed, err := rows.Pack(result)
	if err != nil {
		return fmt.Errorf("store turn %s of hunt %s: %w", turnKey(t.Due), t.Hunt, err)
	}
	if len(packed) > rows.PartSize*maxParts {
		return fmt.Errorf("store turn %s of hunt %s: %d bytes are too many", turnKey(t.Due), t.Hunt, len(packed))
	}
	t.Stamp = rand.Text()
	for body := range slices.Chunk(packed, rows.PartSize) {
		k := s.hunts.At(partKey(t, t.Parts), "huntturns", t.Hunt)
		if err := s.hunts.Put(ctx, &part{
			Keys:     k,
			Body:     body,
			BodyType: "Edm.Binary",
		}); err != nil {
			return err
		}
		t.Parts++
	}
	t.Keys = s.hunts.At(turnKey(t.Due), "huntturns", t.Hunt)
	return s.hunts.Save(ctx, &t)
}

func partKey(t Turn, n int) string {
	return fmt.Sprintf("%s|%s|%03d", turnKey(t.Due), t.Stamp, n)
}

// Turn reads the record of a turn; false if there is none.
func (s *Store) Turn(
	ctx context.Context,
	name string,
	due time.Time,
) (t Turn, result Result, found bool, err error) {
	t.Keys = s.hunts.At(turnKey(due), "huntturns", name)
	if found, err := s.hunts.Read(ctx, &t); !found {
		return Turn{}, Result{}, false, err
	}
	var packed []byte
	for n := range min(t.Parts, maxParts) {
		p := part{Keys: s.hunts.At(partKey(t, n), "huntturns", name)}
		found, err := s.hunts.Read(ctx, &p)
		if err == nil && !found {
			err = rows.ErrNoRow
		}
		if err != nil {
			return Turn{}, Result{}, false, fmt.Errorf("turn %s of hunt %s: %w", turnKey(due), name, err)
		}
		packed = append(packed, p.Body...)
	}
	if err := rows.UnpackInto(packed, &result); err != nil {
		return Turn{}, Result{}, false, fmt.Errorf("turn %s of hunt %s: %w", turnKey(due), name, err)
	}
	return t, result, true, nil
}

// memory is a result row that a hunt remembers, by its digest.
type memory struct {
	rows.Keys
	Found int64  `json:",string"` // when it was reported, Unix seconds; a number, so that a filter needs no type
	Type  string `json:"Found@odata.type"`
}

// rowsAtOnce is the service's limit for a transaction.
const rowsAtOnce = 100

// Remember notes that rows were reported, or were there when the hunt began. A repeat changes their time.
func (s *Store) Remember(ctx context.Context, name string, digests []string, at time.Time) error {
	for some := range slices.Chunk(digests, rowsAtOnce) {
		var found []rows.Row
		for _, digest := range some {
			k := s.hunts.At(rows.Key(digest), "huntrows", name)
			k.Overwrite = true
			found = append(found, &memory{
				Keys:  k,
				Found: at.Unix(),
				Type:  "Edm.Int64",
			})
		}
		if err := s.hunts.Transact(ctx, found...); err != nil {
			return err
		}
	}
	return nil
}

// Known are the digests of the rows that were reported at a time or later.
func (s *Store) Known(ctx context.Context, name string, since time.Time) (map[string]bool, error) {
	known := map[string]bool{}
	filter := rows.Prefix(s.hunts.Partition("huntrows", name), "")
	filter += " and Found ge " + strconv.FormatInt(since.Unix(), 10) + "L"
	for k, err := range rows.Each[rows.Keys](ctx, s.hunts, filter, "RowKey") {
		if err != nil {
			return known, err
		}
		known[k.RowKey] = true
	}
	return known, nil
}

// Aging are the turns and the rows that are remembered.
func (s *Store) Aging() []rows.Aging {
	return []rows.Aging{{
		Name:   "hunts",
		Table:  s.hunts,
		Remove: s.removeHunted,
	}}
}

// removeHunted removes a remembered row, or a turn with its parts, that is old. Where hunts stand is kept.
func (s *Store) removeHunted(ctx context.Context, k rows.Keys, before time.Time) (int, error) {
	if k.PartitionKey == s.hunts.Partition("hunts") || !strings.Contains(k.PartitionKey, "|hunt") {
		return 0, nil
	}
	return s.hunts.RemoveRow(ctx, k, before)
}
