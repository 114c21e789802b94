package tables

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

type key struct{ partition, row string }

func (k key) compare(other key) int {
	return cmp.Or(cmp.Compare(k.partition, other.partition), cmp.Compare(k.row, other.row))
}

// table keeps its rows in key order. A stored *Row is never changed, only exchanged, so that readers may keep it and a
// transaction can put back what it replaced.
type table struct {
	name string
	rows []*Row
}

func (r *Row) key() key { return key{r.PartitionKey, r.RowKey} }

func (r *Row) clone() Row {
	c := *r
	c.Properties = maps.Clone(r.Properties)
	for name, value := range c.Properties {
		if b, ok := value.([]byte); ok {
			c.Properties[name] = bytes.Clone(b)
		}
	}
	return c
}

// from returns the place of the first row at or after k, and whether it is k.
func (t *table) from(k key) (int, bool) {
	return slices.BinarySearchFunc(t.rows, k, func(r *Row, k key) int { return r.key().compare(k) })
}

func (t *table) get(k key) *Row {
	if i, found := t.from(k); found {
		return t.rows[i]
	}
	return nil
}

func (t *table) put(row *Row) {
	i, found := t.from(row.key())
	if found {
		t.rows[i] = row
		return
	}
	t.rows = slices.Insert(t.rows, i, row)
}

func (t *table) remove(k key) {
	if i, found := t.from(k); found {
		t.rows = slices.Delete(t.rows, i, i+1)
	}
}

type verb int

const (
	unknownVerb verb = iota
	insertRow
	mergeRow
	replaceRow
	deleteRow
)

// action is one write. A nil ifMatch makes merge and replace upserts.
type action struct {
	verb       verb
	table      string
	key        key
	ifMatch    *string
	properties map[string]any
	echo       bool
	format     metadata
	host       string
}

// apply does one write and returns the row as it is now, nil after a delete. The caller holds s.mu.
func (s *Server) apply(t *table, a action) (*Row, *problem) {
	old := t.get(a.key)
	if problem := a.check(old); problem != nil {
		return nil, problem
	}
	if a.verb == deleteRow {
		t.remove(a.key)
		return nil, nil
	}
	properties := a.properties
	if a.verb == mergeRow && old != nil {
		properties = maps.Clone(old.Properties)
		maps.Copy(properties, a.properties)
	}
	if problem := checkSize(a.key, properties); problem != nil {
		return nil, problem
	}
	row := &Row{PartitionKey: a.key.partition, RowKey: a.key.row, Timestamp: s.tick(), Properties: properties}
	row.ETag = etag(row.Timestamp)
	t.put(row)
	return row, nil
}

// check holds a write against the row it meets.
func (a action) check(old *Row) *problem {
	switch {
	case a.verb == insertRow && old != nil:
		return refuse(http.StatusConflict, "EntityAlreadyExists", "The specified entity already exists.")
	case a.verb == insertRow || a.ifMatch == nil && a.verb != deleteRow:
		return nil
	case a.ifMatch == nil:
		return refuse(http.StatusBadRequest, "MissingRequiredHeader",
			"A delete needs an If-Match header: an ETag or *.")
	case *a.ifMatch != "*" && !wellFormed(*a.ifMatch):
		return invalid("The etag value specified in one of the request headers is not valid. Please make sure only " +
			"one etag value is specified and is valid.")
	case old == nil:
		return refuse(http.StatusNotFound, "ResourceNotFound", "The specified resource does not exist.")
	case *a.ifMatch != "*" && *a.ifMatch != old.ETag:
		return refuse(http.StatusPreconditionFailed, "UpdateConditionNotSatisfied",
			"The update condition specified in the request was not satisfied.")
	default:
		return nil
	}
}

func wellFormed(tag string) bool {
	inner, found := strings.CutPrefix(tag, `W/"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	return found && closed && !strings.Contains(inner, `"`)
}

// etag is made of the timestamp, as the service's is; tick makes it unique.
func etag(t time.Time) string {
	return fmt.Sprintf(`W/"datetime'%s'"`, url.QueryEscape(formatTime(t)))
}

// tick returns the time of a write: now, but later than any before.
func (s *Server) tick() time.Time {
	now := s.now().UTC().Truncate(100 * time.Nanosecond)
	if !now.After(s.stamp) {
		now = s.stamp.Add(100 * time.Nanosecond)
	}
	s.stamp = now
	return now
}

// lookup finds a table. The caller holds s.mu.
func (s *Server) lookup(name string) (*table, *problem) {
	t := s.tables[strings.ToLower(name)]
	if t == nil {
		return nil, refuse(http.StatusNotFound, "TableNotFound", "The table specified does not exist.")
	}
	return t, nil
}
