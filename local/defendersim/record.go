package defendersim

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Call is a request that was served or refused.
type Call struct {
	At     time.Time
	AppID  string // empty without a valid token
	Method string
	Path   string
	// method and template without version, such as POST /api/machines/{id}/isolate; empty if there is none
	Endpoint string
	Query    url.Values
	Comment  string // of the body
	Status   int    // what was answered, or would have been
	Lost     bool   // a fault kept the answer, or the end of it, from the client
}

func (s *Sim) record(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
}

// Calls returns every request so far in the order of handling. A client that has its answer is among them.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Writes counts the requests so far that would change something, those that were refused or whose answer was lost
// included.
func (s *Sim) Writes() int {
	return s.CountCalls(func(c Call) bool { return c.Method != http.MethodGet })
}

// CountCalls counts the requests so far that match.
func (s *Sim) CountCalls(match func(Call) bool) int {
	n := 0
	for _, c := range s.Calls() {
		if match(c) {
			n++
		}
	}
	return n
}
