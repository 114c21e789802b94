package tables

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

const maxActions = 100

// batch does an entity group transaction, "Performing entity group transactions" on learn.microsoft.com: all of its
// writes or none. An answer to a transaction that was read is always 202; what became of it stands in the parts, and a
// failed one has a single part, whose message begins with the place of the action that failed.
func (s *Server) batch(r *http.Request, body []byte) response {
	if r.Method != http.MethodPost {
		return notAllowed(r.Method)
	}
	parts, problem := splitBatch(r.Header.Get("Content-Type"), body)
	if problem != nil {
		return problem.response()
	}
	if len(parts) > maxActions {
		return wrap([]response{invalid("The batch request operation exceeds the maximum %d changes per change set.",
			maxActions).at(maxActions - 1).response()})
	}
	actions, problem := s.readActions(parts, r.Host)
	if problem != nil {
		return wrap([]response{problem.response()})
	}
	answers, problem := s.transact(actions)
	if problem != nil {
		return wrap([]response{problem.response()})
	}
	return wrap(answers)
}

// splitBatch returns the requests inside a batch with one change set.
func splitBatch(contentType string, body []byte) ([][]byte, *problem) {
	outer, problem := splitParts(contentType, body)
	if problem != nil {
		return nil, problem
	}
	if len(outer) != 1 {
		return nil, invalid("A batch holds one change set; this one has %d parts.", len(outer))
	}
	inner, problem := splitParts(outer[0].header.Get("Content-Type"), outer[0].body)
	if problem != nil {
		return nil, problem
	}
	if len(inner) == 0 {
		return nil, invalid("The change set is empty.")
	}
	requests := make([][]byte, len(inner))
	for i, part := range inner {
		requests[i] = part.body
	}
	return requests, nil
}

type part struct {
	header textproto.MIMEHeader
	body   []byte
}

func splitParts(contentType string, body []byte) ([]part, *problem) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" || parameters["boundary"] == "" {
		return nil, invalid("The Content-Type %.120q is not multipart/mixed with a boundary.", contentType)
	}
	reader := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	var parts []part
	for {
		next, err := reader.NextRawPart()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return nil, invalid("The batch request is not well-formed multipart: %v", err)
		}
		content, err := io.ReadAll(next)
		if err != nil {
			return nil, invalid("The batch request is not well-formed multipart: %v", err)
		}
		parts = append(parts, part{next.Header, content})
	}
}

// readActions reads the requests and holds them against the rules for a transaction: one table, one partition, a row
// once.
func (s *Server) readActions(requests [][]byte, host string) ([]action, *problem) {
	seen := map[key]bool{}
	actions := make([]action, len(requests))
	for i, text := range requests {
		a, problem := s.readAction(text)
		if problem != nil {
			return nil, problem.at(i)
		}
		a.host = host
		actions[i] = a
		switch {
		case !strings.EqualFold(a.table, actions[0].table):
			return nil, invalid("All commands in a batch must operate on the same table.").at(i)
		case a.key.partition != actions[0].key.partition:
			return nil,
				refuse(http.StatusBadRequest, "CommandsInBatchActOnDifferentPartitions",
					"All commands in a batch must operate on same entity group.").at(i)
		case seen[a.key]:
			return nil,
				refuse(http.StatusBadRequest, "InvalidDuplicateRow",
					"The batch request contains multiple changes with same row key. An entity can appear only once "+
						"in a batch request.").at(i)
		}
		seen[a.key] = true
	}
	return actions, nil
}

func (s *Server) readAction(text []byte) (action, *problem) {
	reader := bufio.NewReader(bytes.NewReader(text))
	lines := textproto.NewReader(reader)
	line, err := lines.ReadLine()
	method, rest, found := strings.Cut(line, " ")
	address, _, foundToo := strings.Cut(rest, " HTTP/")
	if err != nil || !found || !foundToo {
		return action{}, invalid("A part of the batch does not begin with a request line.")
	}
	header, err := lines.ReadMIMEHeader()
	if err != nil && err != io.EOF {
		return action{}, invalid("A part of the batch has malformed headers: %v", err)
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		return action{}, invalid("A part of the batch ends early: %v", err)
	}
	return s.parsePart(method, address, http.Header(header), body)
}

func (s *Server) parsePart(method, address string, header http.Header, body []byte) (action, *problem) {
	u, err := url.Parse(address)
	if err != nil {
		return action{}, invalid("A part of the batch has a malformed address.")
	}
	path, ok := strings.CutPrefix(u.Path, "/"+s.account+"/")
	if !ok {
		return action{}, invalid("A part of the batch is for another account.")
	}
	target, problem := parseResource(path)
	if problem != nil {
		return action{}, problem
	}
	if method == http.MethodGet {
		return action{}, refuse(http.StatusNotImplemented, "NotImplemented", "Queries in a batch are not there.")
	}
	return parseAction(method, target, u.Query(), header, body)
}

// transact does all actions or none.
func (s *Server) transact(actions []action) ([]response, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, problem := s.lookup(actions[0].table)
	if problem != nil {
		return nil, problem.at(0)
	}
	answers := make([]response, len(actions))
	before := make([]*Row, len(actions))
	for i, a := range actions {
		before[i] = t.get(a.key)
		row, problem := s.apply(t, a)
		if problem != nil {
			t.restore(actions[:i], before)
			return nil, problem.at(i)
		}
		answers[i] = s.changed(t, a, row)
	}
	return answers, nil
}

// restore puts back the rows that were there before actions; each row was touched once.
func (t *table) restore(actions []action, before []*Row) {
	for i, a := range actions {
		if before[i] == nil {
			t.remove(a.key)
			continue
		}
		t.put(before[i])
	}
}

// wrap writes the answers to a transaction in the multipart form.
func wrap(answers []response) response {
	var inner, outer bytes.Buffer
	changes := multipart.NewWriter(&inner)
	_ = changes.SetBoundary("changesetresponse_" + requestID()) // letters, digits and hyphens are always valid
	for _, answer := range answers {
		// a buffer takes every write
		part, _ := changes.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {"application/http"},
			"Content-Transfer-Encoding": {"binary"},
		})
		answer.writePart(part)
	}
	_ = changes.Close()
	batch := multipart.NewWriter(&outer)
	_ = batch.SetBoundary("batchresponse_" + requestID())
	part, _ := batch.CreatePart(textproto.MIMEHeader{"Content-Type": {"multipart/mixed; boundary=" +
		changes.Boundary()}})
	_, _ = part.Write(inner.Bytes())
	_ = batch.Close()
	return response{
		http.StatusAccepted, map[string]string{"Content-Type": "multipart/mixed; boundary=" + batch.Boundary()},
		outer.Bytes(),
	}
}

func (answer response) writePart(w io.Writer) {
	fmt.Fprintf(w, "HTTP/1.1 %d %s\r\n", answer.status, http.StatusText(answer.status))
	for _, name := range slices.Sorted(maps.Keys(answer.header)) {
		fmt.Fprintf(w, "%s: %s\r\n", name, answer.header[name])
	}
	fmt.Fprintf(w, "\r\n%s\r\n", answer.body)
}
