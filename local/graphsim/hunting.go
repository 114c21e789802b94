package graphsim

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"cordon/local/internal/graphapi"
)

// maxQuery bounds a hunting request, in bytes. Graph's own bound is not documented.
const maxQuery = 1 << 20

// Table is what queries find. Queries are not read: what a query asks is told from the text in it.
type Table struct {
	Columns []Column
	Rows    []Row
}

// Column is a column as it is answered.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // DateTime, String, Int64, SByte, Object, …
}

// Row is one row. At decides whether it is in a query's timespan; it is answered only if a value says it too.
type Row struct {
	At     time.Time
	Values map[string]any // by column; a column that is absent is left out of the answer
}

// HuntingCall is one hunting request.
type HuntingCall struct {
	Query, Timespan string // empty when the request could not be read
	Rows            int    // that were found
	Status          int    // 0: the answer was lost on purpose
	Code            string
}

// cannedTable is a table and the text that queries for it contain.
type cannedTable struct {
	contains string
	table    Table
}

// SetTable lets queries that contain a text find a table from now on. Of several texts in a query the one that was set
// first counts; setting one again replaces its table.
func (s *Sim) SetTable(contains string, t Table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.tables, func(c cannedTable) bool { return c.contains == contains })
	if i < 0 {
		s.tables = append(s.tables, cannedTable{contains, t})
		return
	}
	s.tables[i].table = t
}

// HuntingCalls returns every hunting request so far, in the order of their answers.
func (s *Sim) HuntingCalls() []HuntingCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hunts)
}

// runHuntingQuery handles a request, records it, and only then answers.
func (s *Sim) runHuntingQuery(w http.ResponseWriter, r *http.Request) {
	fault := graphapi.Next(s.faults(), r)
	no, retryAfter := s.enterHunting()
	var call HuntingCall
	var body []byte
	switch {
	case fault.Status != 0:
		call.Query, call.Timespan, _ = readQuery(w, r)
		no, retryAfter = fault.Refusal(), fault.RetryAfter
	case no.Status == 0:
		call.Query, call.Timespan, no = readQuery(w, r)
		if forbidden := s.mayHunt(r); forbidden.Status != 0 {
			no = forbidden
		}
		if no.Status == 0 {
			body, call.Rows, no = s.find(call.Query, call.Timespan)
		}
	}
	call.Status, call.Code = no.Status, no.Code
	if call.Status == 0 && !fault.LoseAnswer {
		call.Status = http.StatusOK
	}
	s.mu.Lock()
	s.hunts = append(s.hunts, call)
	s.mu.Unlock()
	if !graphapi.Wait(r, fault.Delay) {
		return
	}
	if fault.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	if no.Status != 0 {
		graphapi.Refuse(w, no, retryAfter)
		return
	}
	graphapi.Identify(w)
	w.Header().Set("Content-Type", "application/json")
	if fault.Cut {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush() // a connection that cannot is broken all the same
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body) // the only failure is a client that has gone away
}

// enterHunting counts a call against the tenant's quota. Calls that are refused count too.
func (s *Sim) enterHunting() (no graphapi.Refusal, retryAfter time.Duration) {
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hunted = slices.DeleteFunc(s.hunted, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if n := len(s.hunted); s.o.HuntingPerMinute > 0 && n >= s.o.HuntingPerMinute {
		no, retryAfter = graphapi.No(
			http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.",
		), s.hunted[n-s.o.HuntingPerMinute].Add(time.Minute).Sub(now)
	}
	s.hunted = append(s.hunted, now)
	return no, retryAfter
}

func (s *Sim) mayHunt(r *http.Request) graphapi.Refusal {
	claims, no := s.o.gate().Claims(r)
	if no.Status == 0 && s.o.Verify != nil && !slices.Contains(claims.Roles, "ThreatHunting.Read.All") {
		no = graphapi.No(
			http.StatusForbidden, "Forbidden",
			"The application does not have any of the required delegated permissions (ThreatHunting.Read.All) to "+
				"access the resource.",
		)
	}
	return no
}

func readQuery(w http.ResponseWriter, r *http.Request) (query, timespan string, no graphapi.Refusal) {
	var asked struct{ Query, Timespan string }
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return "", "",
			graphapi.No(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "A request is application/json.")
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuery)).Decode(&asked) != nil ||
		strings.TrimSpace(asked.Query) == "" {
		return "", "", graphapi.No(http.StatusBadRequest, "BadRequest", "The request has no Query.")
	}
	return asked.Query, asked.Timespan, graphapi.Refusal{}
}

// find answers from the tables. A query that no table is for is wrong the way a misspelt table is.
func (s *Sim) find(query, timespan string) (body []byte, rows int, no graphapi.Refusal) {
	since, until, ok := interval(timespan)
	if !ok {
		return nil, 0,
			graphapi.No(http.StatusBadRequest, "BadRequest",
				"This stand-in takes a Timespan of two times only: start/end.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.tables, func(c cannedTable) bool { return strings.Contains(query, c.contains) })
	if i < 0 {
		return nil, 0,
			graphapi.No(
				http.StatusBadRequest, "BadRequest",
				"Failed to resolve table or column expression. Fix semantic errors in your query.",
			)
	}
	results := []map[string]any{}
	for _, row := range s.tables[i].table.Rows {
		if full := s.o.HuntingRows > 0 && len(results) >= s.o.HuntingRows; !full && !row.At.Before(since) &&
			row.At.Before(until) {
			results = append(results, row.Values)
		}
	}
	body, err := json.Marshal(struct {
		Context string           `json:"@odata.context"`
		Schema  any              `json:"schema"`
		Results []map[string]any `json:"results"`
	}{
		"https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults",
		s.schema(s.tables[i].table.Columns), results,
	})
	switch {
	case err != nil:
		return nil, 0,
			graphapi.No(
				http.StatusInternalServerError, "InternalServerError",
				"The table cannot be written as JSON: "+err.Error(),
			)
	case s.o.HuntingBytes > 0 && len(body) > s.o.HuntingBytes:
		return nil, 0,
			graphapi.No(
				http.StatusBadRequest, "BadRequest",
				"Query execution has exceeded the allowed result size. Optimize your query by limiting the number "+
					"of results and try again",
			)
	}
	return body, len(results), graphapi.Refusal{}
}

// schema is how the columns are written.
func (s *Sim) schema(columns []Column) any {
	if !s.o.UpperSchema {
		return columns
	}
	upper := make([]struct{ Name, Type string }, 0, len(columns))
	for _, c := range columns {
		upper = append(upper, struct{ Name, Type string }(c))
	}
	return upper
}

// interval reads a timespan; none is the 30 days that the API holds, which is all there is.
func interval(timespan string) (since, until time.Time, ok bool) {
	if timespan == "" {
		return time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), true
	}
	from, to, _ := strings.Cut(timespan, "/")
	since, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return since, until, false
	}
	until, err = time.Parse(time.RFC3339, to)
	return since, until, err == nil && since.Before(until)
}
