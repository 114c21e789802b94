package tables

import (
	"net/http"
	"net/url"
	"strings"
)

// change does a write that stands alone.
func (s *Server) change(a action) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, problem := s.lookup(a.table)
	if problem != nil {
		return problem.response()
	}
	row, problem := s.apply(t, a)
	if problem != nil {
		return problem.response()
	}
	return s.changed(t, a, row)
}

// changed is the answer to a write that was done.
func (s *Server) changed(t *table, a action, row *Row) response {
	answer := response{status: http.StatusNoContent, header: map[string]string{"DataServiceVersion": "3.0;"}}
	if row == nil {
		return answer
	}
	answer.header["ETag"] = row.ETag
	if a.verb != insertRow {
		return answer
	}
	link := s.link(a.host, t.name, row)
	answer.header["Location"] = link
	answer.header["DataServiceId"] = link
	if !a.echo {
		answer.header["Preference-Applied"] = "return-no-content"
		return answer
	}
	answer.status = http.StatusCreated
	answer.header["Content-Type"] = contentType(a.format)
	answer.body = s.encoder(a.host, t.name, a.format, nil).single(row)
	return answer
}

// get answers with one row.
func (s *Server) get(r *http.Request, target resource, format metadata) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, problem := s.lookup(target.set)
	if problem != nil {
		return problem.response()
	}
	row := t.get(target.key)
	if row == nil {
		return failure(http.StatusNotFound, "ResourceNotFound", "The specified resource does not exist.")
	}
	return response{
		status: http.StatusOK,
		header: map[string]string{"ETag": row.ETag, "Content-Type": contentType(format), "DataServiceVersion": "3.0;"},
		body:   s.encoder(r.Host, t.name, format, selection(r.URL.Query())).single(row),
	}
}

// selection reads $select; nil means every property.
func selection(query url.Values) []string {
	text := query.Get("$select")
	if text == "" || text == "*" {
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func (s *Server) link(host, table string, row *Row) string {
	return "http://" + host + "/" + s.account + "/" + editLink(table, row)
}

// editLink names a row relative to its account.
func editLink(table string, row *Row) string {
	escape := func(k string) string { return url.PathEscape(strings.ReplaceAll(k, "'", "''")) }
	return table + "(PartitionKey='" + escape(row.PartitionKey) + "',RowKey='" + escape(row.RowKey) + "')"
}
