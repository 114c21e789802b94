package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A hunt has a state row, a record of each turn that found something, and a row for each result row that it remembers. The
// record is written whole before anybody is told of it: its head row comes last, and the first head wins.

// Hunt is where a hunt stands.
type Hunt struct {
	keys
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

func huntKeys(s *Store, name string) keys {
	return keys{PartitionKey: s.pk("hunts"), RowKey: key(name)}
}

// Hunt reads where a hunt stands; one without a Due that was never seen.
func (s *Store) Hunt(ctx context.Context, name string) (Hunt, error) {
	h := Hunt{keys: huntKeys(s, name), Name: name}
	if err := s.get(ctx, tableHunts, h.PartitionKey, h.RowKey, &h); err != nil && !errors.Is(err, errNotFound) {
		return Hunt{}, err
	}
	return h, nil
}

// SaveHunt writes where a hunt stands, as it was read and changed. ErrConflict: somebody else was first.
func (s *Store) SaveHunt(ctx context.Context, h *Hunt) error {
	h.Trouble = cut(h.Trouble, 1000)
	return s.save(ctx, tableHunts, h)
}

// HuntTurn is the record of a turn that found something new.
type HuntTurn struct {
	keys
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

// HuntResult is what a turn found new. Every row has a text for each column, and an entry in Digests and Machines.
type HuntResult struct {
	Columns  []string   `json:"columns"`
	Rows     [][]string `json:"rows"`
	Digests  []string   `json:"digests"`
	Machines []string   `json:"machines"` // the row's machine, if it becomes a finding; empty: it is only mailed
	Mail     bool       `json:"mail"`     // rows that become findings are mailed too
}

// Mailed are the rows that people get.
func (r HuntResult) Mailed() [][]string {
	var rows [][]string
	for i, row := range r.Rows {
		if r.Mail || r.Machines[i] == "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// partSize keeps a part below the service's limit for a property.
const partSize = 60 << 10

// maxParts bounds what a turn may store.
const maxParts = 200

type huntPart struct {
	keys
	Body     []byte
	BodyType string `json:"Body@odata.type"`
}

// turnKey sorts by time.
func turnKey(due time.Time) string { return due.UTC().Format("20060102T150405") }

// PutHuntTurn records a turn with what it found. A turn that is recorded stays as it is: ErrConflict.
func (s *Store) PutHuntTurn(ctx context.Context, t HuntTurn, result HuntResult) error {
	packed, err := packJSON(result)
	if err != nil {
		return fmt.Errorf("store turn %s of hunt %s: %w", turnKey(t.Due), t.Hunt, err)
	}
	if len(packed) > partSize*maxParts {
		return fmt.Errorf("store turn %s of hunt %s: %d bytes are too many", turnKey(t.Due), t.Hunt, len(packed))
	}
	pk := s.pk("huntturns", t.Hunt)
	t.keys, t.Stamp = keys{PartitionKey: pk, RowKey: turnKey(t.Due)}, rand.Text()
	for len(packed) > 0 {
		n := min(len(packed), partSize)
		p := huntPart{keys: keys{PartitionKey: pk, RowKey: partKey(t, t.Parts)}, Body: packed[:n], BodyType: "Edm.Binary"}
		if err := s.put(ctx, tableHunts, &p); err != nil {
			return err
		}
		packed = packed[n:]
		t.Parts++
	}
	return s.save(ctx, tableHunts, &t)
}

func partKey(t HuntTurn, n int) string {
	return fmt.Sprintf("%s|%s|%03d", turnKey(t.Due), t.Stamp, n)
}

// HuntTurn reads the record of a turn; false if there is none.
func (s *Store) HuntTurn(ctx context.Context, name string, due time.Time) (t HuntTurn, result HuntResult, found bool, err error) {
	pk := s.pk("huntturns", name)
	if err := s.get(ctx, tableHunts, pk, turnKey(due), &t); errors.Is(err, errNotFound) {
		return HuntTurn{}, HuntResult{}, false, nil
	} else if err != nil {
		return HuntTurn{}, HuntResult{}, false, err
	}
	var packed []byte
	for n := range min(t.Parts, maxParts) {
		var p huntPart
		if err := s.get(ctx, tableHunts, pk, partKey(t, n), &p); err != nil {
			return HuntTurn{}, HuntResult{}, false, fmt.Errorf("turn %s of hunt %s: %w", turnKey(due), name, err)
		}
		packed = append(packed, p.Body...)
	}
	if err := unpackJSON(packed, &result); err != nil {
		return HuntTurn{}, HuntResult{}, false, fmt.Errorf("turn %s of hunt %s: %w", turnKey(due), name, err)
	}
	return t, result, true, nil
}

// huntRow is a result row that a hunt remembers, by its digest.
type huntRow struct {
	keys
	Found int64  `json:",string"` // when it was reported, Unix seconds; a number, so that a filter needs no type
	Type  string `json:"Found@odata.type"`
}

// rowsAtOnce is the service's limit for a transaction.
const rowsAtOnce = 100

// RememberHunted notes that rows were reported, or were there when the hunt began. A repeat changes their time.
func (s *Store) RememberHunted(ctx context.Context, name string, digests []string, at time.Time) error {
	for len(digests) > 0 {
		n := min(len(digests), rowsAtOnce)
		rows := make([]row, n)
		for i, d := range digests[:n] {
			rows[i] = &huntRow{keys: keys{PartitionKey: s.pk("huntrows", name), RowKey: key(d), overwrite: true}, Found: at.Unix(), Type: "Edm.Int64"}
		}
		if err := s.transact(ctx, tableHunts, rows...); err != nil {
			return err
		}
		digests = digests[n:]
	}
	return nil
}

// Hunted are the digests of the rows that were reported at a time or later.
func (s *Store) Hunted(ctx context.Context, name string, since time.Time) (map[string]bool, error) {
	known := map[string]bool{}
	filter := prefixFilter(s.pk("huntrows", name), "") + " and Found ge " + strconv.FormatInt(since.Unix(), 10) + "L"
	err := s.list(ctx, tableHunts, filter, "RowKey", func(body []byte) error {
		var k keys
		err := decodeRow(tableHunts, body, "", &k)
		known[k.RowKey] = true
		return err
	})
	return known, err
}

// removeHunted removes a remembered row, or a turn with its parts, that is old. Where hunts stand is kept.
func (s *Store) removeHunted(ctx context.Context, k keys, _ time.Time) (int, error) {
	if k.PartitionKey == s.pk("hunts") || !strings.Contains(k.PartitionKey, "|hunt") {
		return 0, nil
	}
	return s.removeUnchanged(ctx, tableHunts, k)
}
