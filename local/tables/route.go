package tables

import (
	"net/http"
	"net/url"
	"strings"

	"cordon/local/internal/odata"
)

// resource is what a path names: a collection (no keys), one row, or one table by name (name only).
type resource struct {
	set    string
	keyed  bool
	key    key
	single string
}

// route takes a request to the operation that its verb and path name.
func (s *Server) route(r *http.Request, body []byte) response {
	rest, ok := strings.CutPrefix(r.URL.Path, "/"+s.account+"/")
	if !ok {
		return failure(http.StatusNotFound, "ResourceNotFound",
			"The specified resource does not exist: paths begin with /"+s.account+"/.")
	}
	if rest == "$batch" {
		return s.batch(r, body)
	}
	if r.URL.Query().Has("comp") { // also of the account itself, whose path names nothing
		return failure(http.StatusNotImplemented, "NotImplemented",
			"Service properties and access policies are not there.")
	}
	target, problem := parseResource(rest)
	if problem != nil {
		return problem.response()
	}
	if target.set == "Tables" {
		return s.routeTables(r, target, body)
	}
	return s.routeRows(r, target, body)
}

func (s *Server) routeTables(r *http.Request, target resource, body []byte) response {
	switch {
	case r.Method == http.MethodPost && target.single == "":
		return s.createTable(r, body)
	case r.Method == http.MethodGet && target.single == "":
		return s.listTables(r)
	case r.Method == http.MethodDelete && target.single != "":
		return s.deleteTable(target.single)
	default:
		return notAllowed(r.Method)
	}
}

func (s *Server) routeRows(r *http.Request, target resource, body []byte) response {
	if r.Method == http.MethodGet {
		format, problem := metadataOf(r.URL.Query(), r.Header)
		if problem != nil {
			return problem.response()
		}
		if target.keyed {
			return s.get(r, target, format)
		}
		return s.query(r, target, format)
	}
	a, problem := parseAction(r.Method, target, r.URL.Query(), r.Header, body)
	if problem != nil {
		return problem.response()
	}
	a.host = r.Host
	return s.change(a)
}

func notAllowed(method string) response {
	return failure(http.StatusMethodNotAllowed, "MethodNotAllowed",
		"The resource doesn't support the HTTP verb "+method+".")
}

// parseAction reads one write, alone or from a transaction.
func parseAction(method string, target resource, query url.Values, header http.Header, body []byte) (action, *problem) {
	format, problem := metadataOf(query, header)
	if problem != nil {
		return action{}, problem
	}
	a := action{table: target.set, key: target.key, format: format, echo: header.Get("Prefer") != "return-no-content"}
	if values := header.Values("If-Match"); len(values) > 0 {
		a.ifMatch = &values[0]
	}
	if a.verb = verbOf(method, header, target.keyed); a.verb == unknownVerb {
		return action{}, refuse(http.StatusMethodNotAllowed, "MethodNotAllowed",
			"The resource doesn't support the HTTP verb %s.", method)
	}
	if a.verb == deleteRow {
		return a, nil
	}
	sent, properties, problem := decodeEntity(body)
	if problem != nil {
		return action{}, problem
	}
	if a.verb == insertRow {
		if sent.partition == nil || sent.row == nil {
			return action{}, refuse(http.StatusBadRequest, "PropertiesNeedValue",
				"The values are not specified for all properties in the entity: PartitionKey and RowKey are needed.")
		}
		a.key = key{*sent.partition, *sent.row}
	}
	a.properties = properties
	return a, checkKeys(a.key)
}

func verbOf(method string, header http.Header, keyed bool) verb {
	if method == http.MethodPost && header.Get("X-HTTP-Method") != "" {
		method = header.Get("X-HTTP-Method")
	}
	switch {
	case method == http.MethodPost && !keyed:
		return insertRow
	case (method == http.MethodPatch || method == "MERGE") && keyed:
		return mergeRow
	case method == http.MethodPut && keyed:
		return replaceRow
	case method == http.MethodDelete && keyed:
		return deleteRow
	default:
		return unknownVerb
	}
}

// parseResource reads a path below the account, already unescaped: `Tables`, `Tables('name')`, `name`, `name()` or
// `name(PartitionKey='..',RowKey='..')`. A quote inside a key is doubled; a key may hold a slash here, since a lookup
// of a key that cannot exist is not an error of the path.
func parseResource(path string) (resource, *problem) {
	set, rest, open := strings.Cut(path, "(")
	target := resource{set: set}
	malformed := refuse(http.StatusBadRequest, "InvalidInput",
		"The path is not a table, Tables('name') or table(PartitionKey='..',RowKey='..').")
	if set == "" || strings.Contains(set, "/") {
		return resource{}, malformed
	}
	if !open || rest == ")" {
		return target, nil
	}
	if set == "Tables" {
		name, tail, ok := odata.Quoted(rest)
		if !ok || tail != ")" || name == "" {
			return resource{}, malformed
		}
		target.single = name
		return target, nil
	}
	var ok bool
	if target.key, ok = parseKeys(rest); !ok {
		return resource{}, malformed
	}
	target.keyed = true
	return target, nil
}

func parseKeys(s string) (k key, ok bool) {
	s, first := strings.CutPrefix(s, "PartitionKey=")
	partition, s, closed := odata.Quoted(s)
	if !first || !closed {
		return key{}, false
	}
	s, second := strings.CutPrefix(strings.TrimPrefix(s, ","), "RowKey=")
	if !second {
		s, second = strings.CutPrefix(s, " RowKey=")
	}
	row, s, closed := odata.Quoted(s)
	return key{partition, row}, second && closed && s == ")"
}
