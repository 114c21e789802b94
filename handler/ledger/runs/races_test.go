package runs

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/rows"
	"cordon/local/tables"
)

// beside is tables in which something else happens before a write of several rows into one of them.
type beside struct {
	*tables.Server
	table  string // of the write; empty: none
	happen func() // once, before it
	refuse bool   // it is answered that the write is wrong
}

func (b *beside) Do(r *http.Request) (*http.Response, error) {
	if b.table == "" || !strings.HasSuffix(r.URL.Path, "$batch") {
		return b.Server.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !bytes.Contains(body, []byte("/"+b.table)) {
		return b.Server.Do(r)
	}
	if happen := b.happen; happen != nil {
		b.happen = nil
		happen()
	}
	if b.refuse {
		return &http.Response{
			StatusCode: http.StatusBadRequest,
			Body:       http.NoBody,
			Request:    r,
		}, nil
	}
	return b.Server.Do(r)
}

func openBeside(t *testing.T) (*Store, *beside) {
	t.Helper()
	server := &beside{Server: tables.New(tables.Options{})}
	made, err := rows.Connect(rows.Options{
		ConnectionString: server.ConnectionString("127.0.0.1:1"),
		Tenant:           "tenant",
		Transport:        server,
	})
	if err == nil {
		err = made.Prepare(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return alone(made), server
}

// say is what a list says of its runs, one after the other.
func say(t *testing.T, s *Store, q lists.Query) string {
	t.Helper()
	q.Limit = 100
	found, _, err := s.lists.Page(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range found {
		all = append(all, fmt.Sprintf("%s at %s: %s", e.ID(), e.ObservedAt.Format("15:04"), e.Outcome))
	}
	return strings.Join(all, "; ")
}

func set(t *testing.T, s *Store, state State, outcome string) {
	t.Helper()
	_, err := s.Update(t.Context(), "da1", 1, func(r *Run) (bool, error) {
		r.State, r.Outcome, r.ClosedAt = state, outcome, noon
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatTwoObserveAtOnceIsListedOnce has two instances find the same version, at times of their own.
func TestWhatTwoObserveAtOnceIsListedOnce(t *testing.T) {
	t.Parallel()
	s, server := openBeside(t)
	server.table = rows.Alerts
	server.happen = func() { observe(t, s, sampleAlert(), noon.Add(time.Minute)) }
	o := observe(t, s, sampleAlert(), noon)
	if got := say(t, s, lists.Query{}); got != "da1:v1 at 12:01: " || o.Run.Version != 1 {
		t.Errorf("listed are %s", got)
	}
}

// TestListsThatFailKeepNoAlertFromBeingAnswered has the lists refuse every write, of whatever cause.
func TestListsThatFailKeepNoAlertFromBeingAnswered(t *testing.T) {
	t.Parallel()
	s, server := openBeside(t)
	server.table, server.refuse = rows.RunIndex, true
	if o := observe(t, s, sampleAlert(), noon); !o.Changed || o.Run.State != Observed {
		t.Errorf("observed: %+v", o)
	}
	if run, err := s.Asked(t.Context(), "da2", noon); err != nil || run.State != Observed {
		t.Errorf("asked for: %+v, %v", run, err)
	}
	if _, runs := open(t, s, noon); runs != 2 || say(t, s, lists.Query{}) != "" {
		t.Errorf("%d runs are open; listed are %s", runs, say(t, s, lists.Query{}))
	}
	server.refuse = false
	open(t, s, noon)
	if got := say(t, s, lists.Query{}); got != "da1:v1 at 12:00: ; da2:v0 at 12:00: " {
		t.Errorf("after the sweep, listed are %s", got)
	}
	server.refuse = true
	open(t, s, noon) // nothing is left to write
	set(t, s, Closed, "isolated")
	server.refuse = false
	open(t, s, noon)
	if got := say(t, s, lists.Query{Outcome: "isolated"}); got != "da1:v1 at 12:00: isolated" {
		t.Errorf("after it was closed, listed are %s", got)
	}
}

// TestWhoeverIsLateSaysInListsWhatIsSoNow has somebody write a run, and its lists, between another's two writes.
func TestWhoeverIsLateSaysInListsWhatIsSoNow(t *testing.T) {
	t.Parallel()
	for _, then := range []string{"dropped", "held"} {
		s, server := openBeside(t)
		observe(t, s, sampleAlert(), noon)
		server.table = rows.RunIndex
		server.happen = func() {
			set(t, s, Started, "")
			set(t, s, Closed, then)
		}
		set(t, s, Closed, "held")
		for _, q := range []lists.Query{{}, {Outcome: then}} {
			if got := say(t, s, q); got != "da1:v1 at 12:00: "+then {
				t.Errorf("then %s: %+v has %s", then, q, got)
			}
		}
		if got := say(t, s, lists.Query{Outcome: "held"}); then != "held" && got != "" {
			t.Errorf("on the list of what is held: %s", got)
		}
		if entries, _ := open(t, s, noon); len(entries) != 0 {
			t.Errorf("%d entries are left among what is open", len(entries))
		}
	}
}
