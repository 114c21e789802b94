// Package transfer takes the record of a tenant out of the tables into a file, and puts it into empty ones: a copy for
// the day on which the tables are lost. Neighbours: handler/ledger/rows, which knows what a row is, and
// handler/ledger/switches, which says since when a ledger knows what became of alerts.
//
// The file is compressed JSON Lines: a header, the rows, table by table and by their keys, and an end that counts them.
package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cordon/handler/ledger/rows"
)

// Header is the first line of a file.
type Header struct {
	Format  int       `json:"cordonRecord"` // version of the format
	ID      string    `json:"id"`           // of this file
	Tenant  string    `json:"tenant"`
	Prefix  string    `json:"prefix"`  // of the tables
	Version string    `json:"version"` // of the program
	At      time.Time `json:"at"`      // when the first row was read
}

// format is the only version of the format.
const format = 1

// line is any line after the first: a row, or the end.
type line struct {
	Table string          `json:"table,omitempty"`
	Row   json.RawMessage `json:"row,omitempty"`
	End   *End            `json:"end,omitempty"`
}

// End is the last line of a file.
type End struct {
	Rows  int  `json:"rows"`
	Moved bool `json:"moved"` // a poll went on while the rows were read, so they are not of one moment
}

// Bounds of a file that comes from outside.
const (
	maxLine       = 8 << 20 // a row has 1 MiB at most, which JSON may make longer
	maxProperties = 252     // beside the keys and the time
)

// tableOrder is in which order tables stand in a file. Where polls stand comes last: until it is there, nothing that is
// put in counts as polled.
func tableOrder() []string {
	names := slices.DeleteFunc(rows.Names(), func(name string) bool { return name == rows.Watermarks })
	return append(names, rows.Watermarks)
}

// place is where a row stands among all rows of a file.
type place struct {
	table          int // in tableOrder
	partition, row string
}

func (p place) after(other place) bool {
	if p.table != other.table {
		return p.table > other.table
	}
	if p.partition != other.partition {
		return p.partition > other.partition
	}
	return p.row > other.row
}

// entity is a row as the table service hands it over.
type entity map[string]json.RawMessage

// text is a property that is a text.
func (e entity) text(name string) string {
	var s string
	if json.Unmarshal(e[name], &s) != nil {
		return ""
	}
	return s
}

// ownRow takes away what the service adds by itself.
func ownRow(body []byte) (entity, error) {
	var e entity
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, err
	}
	for name := range e {
		if strings.HasPrefix(name, "odata.") || strings.HasPrefix(name, "Timestamp") {
			delete(e, name)
		}
	}
	return e, nil
}

// beginningKey is the row of the ledger's beginning, and importKey that of what was imported, both in the tenant's own
// partition of rows.Switches.
const (
	beginningKey = "beginning"
	importKey    = "import"
)

// isOf reports whether a partition is the tenant's.
func isOf(tenant, partition string) bool {
	own := rows.Key(tenant)
	return partition == own || strings.HasPrefix(partition, own+"|")
}

// signsIn reports whether a row says who may come in. Such rows are neither taken out nor put in.
func signsIn(tenant, table string, e entity) bool {
	return table == rows.Switches &&
		(e.text("RowKey") == "signin-key" || e.text("PartitionKey") == rows.Key(tenant, "session"))
}

// passing reports whether a row, by its key, means nothing elsewhere.
func passing(table, key string) bool {
	return table == rows.Switches && (key == importKey || strings.HasPrefix(key, "probe:"))
}

// check says why a line of a file cannot be a row of the tenant.
func (l line) check(tenant string) (place, entity, error) {
	at := place{table: slices.Index(tableOrder(), l.Table)}
	if at.table < 0 {
		return at, nil, fmt.Errorf("there is no table %.40q; was the file made by a newer version?", l.Table)
	}
	var e entity
	if json.Unmarshal(l.Row, &e) != nil || e == nil {
		return at, nil, errors.New("it is no row")
	}
	at.partition, at.row = e.text("PartitionKey"), e.text("RowKey")
	switch {
	case !isKey(at.partition) || !isKey(at.row):
		return at, nil, fmt.Errorf("%.80q and %.80q are no keys", at.partition, at.row)
	case !isOf(tenant, at.partition):
		return at, nil, fmt.Errorf("its partition %.80q is not the tenant's", at.partition)
	case signsIn(tenant, l.Table, e):
		return at, nil, errors.New("it says who may sign in, which no export has")
	case passing(l.Table, at.row):
		return at, nil, fmt.Errorf("a row %q is in no export", at.row)
	case len(e) > 2*maxProperties:
		return at, nil, fmt.Errorf("it has %d properties", len(e))
	}
	for name, value := range e {
		if strings.HasPrefix(name, "odata.") || strings.HasPrefix(name, "Timestamp") {
			return at, nil, fmt.Errorf("its property %.80q is the table service's own", name)
		}
		if value = bytes.TrimSpace(value); len(value) == 0 || value[0] == '{' || value[0] == '[' {
			return at, nil, fmt.Errorf("its property %.80q is no single value", name)
		}
	}
	return at, e, nil
}

// isKey reports whether rows.Key can have made a key.
func isKey(key string) bool {
	other := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/\#?%'`, r) }
	return key != "" && len(key) <= 1024 && !strings.ContainsFunc(key, other)
}

// plainLine says why bytes cannot be a line.
func plainLine(b []byte) error {
	switch {
	case len(bytes.TrimSpace(b)) == 0:
		return errors.New("it is empty")
	case !utf8.Valid(b):
		return errors.New("it is not UTF-8")
	}
	return nil
}
