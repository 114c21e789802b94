package tables

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cordon/local/internal/odata"
)

// query answers with one page of rows in key order.
func (s *Server) query(r *http.Request, target resource, format metadata) response {
	query := r.URL.Query()
	filter, problem := parseFilter(query.Get("$filter"))
	if problem != nil {
		return problem.response()
	}
	size, problem := s.pageLength(query)
	if problem != nil {
		return problem.response()
	}
	start, problem := continuation(query)
	if problem != nil {
		return problem.response()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, problem := s.lookup(target.set)
	if problem != nil {
		return problem.response()
	}
	rows, next := t.page(start, filter, size, s.scanSize)
	answer := response{
		status: http.StatusOK,
		header: map[string]string{"Content-Type": contentType(format), "DataServiceVersion": "3.0;"},
		body:   s.encoder(r.Host, t.name, format, selection(query)).list(rows),
	}
	if next != nil {
		answer.header["x-ms-continuation-NextPartitionKey"] = mark(next.PartitionKey)
		answer.header["x-ms-continuation-NextRowKey"] = mark(next.RowKey)
	}
	return answer
}

// page collects up to size matching rows from start on, looking at no more than scan rows (0: all), and returns the row
// that the next page begins with, nil at the end.
func (t *table) page(start key, filter odata.Filter, size, scan int) (rows []*Row, next *Row) {
	partition, bounded := "", false
	if filter != nil {
		partition, bounded = partitionOf(filter)
	}
	if first := (key{partition: partition}); bounded && start.compare(first) < 0 {
		start = first
	}
	begin, _ := t.from(start)
	for seen, row := range t.rows[begin:] {
		if bounded && row.PartitionKey != partition {
			return rows, nil
		}
		if scan > 0 && seen == scan {
			return rows, row
		}
		if filter != nil && !filter.Holds(row.property) {
			continue
		}
		if len(rows) == size {
			return rows, row
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// property is the value of a property, nil if the row has none of that name.
func (r *Row) property(name string) any {
	switch name {
	case "PartitionKey":
		return r.PartitionKey
	case "RowKey":
		return r.RowKey
	case "Timestamp":
		return r.Timestamp
	default:
		return r.Properties[name]
	}
}

func (s *Server) pageLength(query url.Values) (int, *problem) {
	if !query.Has("$top") {
		return s.pageSize, nil
	}
	top, err := strconv.Atoi(query.Get("$top"))
	if err != nil || top < 1 || top > maxPage {
		return 0, invalid("$top is %.20q: from 1 to %d is allowed.", query.Get("$top"), maxPage)
	}
	return min(top, s.pageSize), nil
}

// mark makes a key fit for a header: opaque, and in the service's own shape (version, length, base64).
func mark(k string) string {
	text := base64.URLEncoding.EncodeToString([]byte(k))
	return "1!" + strconv.Itoa(len(text)) + "!" + text
}

func unmark(text string) (string, bool) {
	if text == "" {
		return "", true
	}
	version, rest, _ := strings.Cut(text, "!")
	length, encoded, found := strings.Cut(rest, "!")
	k, err := base64.URLEncoding.DecodeString(encoded)
	return string(k), found && err == nil && version == "1" && length == strconv.Itoa(len(encoded))
}

// continuation reads the place to go on from; the zero key is the beginning.
func continuation(query url.Values) (key, *problem) {
	partition, ok := unmark(query.Get("NextPartitionKey"))
	row, okToo := unmark(query.Get("NextRowKey"))
	if !ok || !okToo {
		return key{}, refuse(http.StatusBadRequest, "InvalidQueryParameterValue",
			"NextPartitionKey or NextRowKey is not one that was handed out.")
	}
	return key{partition, row}, nil
}

// createTable makes an empty table. Names differ by more than case.
func (s *Server) createTable(r *http.Request, body []byte) response {
	raw, problem := members(body)
	if problem != nil {
		return problem.response()
	}
	name, _ := raw["TableName"].(string)
	if len(name) < 3 || len(name) > 63 { // which of the two codes it is, no page of the vendor's says
		return failure(http.StatusBadRequest, "OutOfRangeInput",
			"The specified resource name length is not within the permissible limits: a table's name has 3 to 63 "+
				"characters.")
	}
	if !validTableName(name) {
		return failure(http.StatusBadRequest, "InvalidResourceName",
			"The specified resource name contains invalid characters: a table's name is letters and digits and "+
				"begins with a letter.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, problem := s.lookup(name); problem == nil {
		return failure(http.StatusConflict, "TableAlreadyExists", "The table specified already exists.")
	}
	s.tables[strings.ToLower(name)] = &table{name: name}
	e := s.encoder(r.Host, "Tables", minimalMetadata, nil)
	e.open()
	e.member("odata.metadata", e.base+"$metadata#Tables/@Element")
	e.member("TableName", name)
	e.buf.WriteByte('}')
	return response{http.StatusCreated, map[string]string{"Content-Type": contentType(minimalMetadata)}, e.buf.Bytes()}
}

// validTableName looks at everything but the length.
func validTableName(name string) bool {
	if name[0] >= '0' && name[0] <= '9' || strings.EqualFold(name, "tables") {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func (s *Server) deleteTable(name string) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, problem := s.lookup(name); problem != nil {
		return failure(http.StatusNotFound, "ResourceNotFound", "The specified resource does not exist.")
	}
	delete(s.tables, strings.ToLower(name))
	return response{status: http.StatusNoContent}
}

// listTables answers with one page of table names.
func (s *Server) listTables(r *http.Request) response {
	query := r.URL.Query()
	filter, problem := parseFilter(query.Get("$filter"))
	if problem != nil {
		return problem.response()
	}
	size, problem := s.pageLength(query)
	if problem != nil {
		return problem.response()
	}
	start, ok := unmark(query.Get("NextTableName"))
	if !ok {
		return failure(http.StatusBadRequest, "InvalidQueryParameterValue",
			"NextTableName is not one that was handed out.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	header := map[string]string{"Content-Type": contentType(minimalMetadata)}
	var names []string
	for _, id := range slices.Sorted(maps.Keys(s.tables)) {
		name := s.tables[id].name
		if id < start || filter != nil && !filter.Holds(tableName(name)) {
			continue
		}
		if len(names) == size {
			header["x-ms-continuation-NextTableName"] = mark(id)
			break
		}
		names = append(names, name)
	}
	return response{http.StatusOK, header, s.encoder(r.Host, "Tables", minimalMetadata, nil).names(names)}
}

// tableName is the one property of a table in a list of tables.
func tableName(name string) func(property string) any {
	return func(property string) any {
		if property != "TableName" {
			return nil
		}
		return name
	}
}

// names writes a page of table names.
func (e *encoder) names(names []string) []byte {
	e.open()
	e.member("odata.metadata", e.base+"$metadata#Tables")
	e.name("value")
	e.buf.WriteByte('[')
	for i, name := range names {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		e.open()
		e.member("TableName", name)
		e.buf.WriteByte('}')
	}
	e.buf.WriteString("]}")
	return e.buf.Bytes()
}
