package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/logging"
	"cordon/handler/notice"
	"cordon/local/tables"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// house is a Dog with its ledger, and a teller that tells once per key and can be out of order.
type house struct {
	*Dog
	now  time.Time
	told map[string]notice.Event
	list []string
	fail error
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{now: noon, told: map[string]notice.Event{}}
	clock := func() time.Time { return h.now }
	server := tables.New(tables.Options{Now: clock})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	store, err := ledger.Open(rows.Options{
		ConnectionString: server.ConnectionString(web.URL),
		Prefix:           "t",
		Tenant:           "tenant",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Dog = New(Options{
		Runs:     store.Runs,
		Switches: store.Switches,
		Teller:   h,
		Log:      slog.New(slog.DiscardHandler),
		Now:      clock,
		Operator: []string{"ops@example.org"},
	})
	return h
}

func (h *house) Tell(_ context.Context, group string, e notice.Event) error {
	if h.fail != nil {
		return h.fail
	}
	if _, known := h.told[e.Key()]; !known && group == "operator" && len(e.To) == 1 {
		h.told[e.Key()] = e
		h.list = append(h.list, string(e.Kind))
	}
	return nil
}

var follow = Function{Name: "FollowActions", Mark: "follow", Limit: 5 * time.Minute}

// pass lets minutes go by with a check in each, and a success if the function is well.
func (h *house) pass(t *testing.T, minutes int, succeeds bool) {
	t.Helper()
	for range minutes {
		h.now = h.now.Add(time.Minute)
		if succeeds {
			if err := h.Switches.SetMark(t.Context(), follow.Mark, h.now, ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Check(t.Context(), follow); err != nil && h.fail == nil {
			t.Fatal(err)
		}
	}
}

func TestOverdueFunctionIsToldOnceAndOnceWhenItIsWellAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pass(t, 10, true)
	h.pass(t, 30, false)
	h.pass(t, 10, true)
	h.pass(t, 4, false) // too short to tell
	h.pass(t, 1, true)
	h.pass(t, 30, false)
	h.pass(t, 2, true)
	if got := strings.Join(h.list, ", "); got != "overdue, well again, overdue, well again" {
		t.Errorf("told %q", got)
	}
}

func TestFunctionThatNeverSucceededIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pass(t, 30, false)
	h.pass(t, 2, true)
	if got := strings.Join(h.list, ", "); got != "overdue, well again" {
		t.Errorf("told %q", got)
	}
}

func TestNewsThatCouldNotBeToldIsToldLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pass(t, 1, true)
	h.fail = context.DeadlineExceeded
	h.pass(t, 10, false)
	h.fail = nil
	h.pass(t, 1, false)
	if got := strings.Join(h.list, ", "); got != "overdue" {
		t.Errorf("told %q", got)
	}
}

// TestLineSaysHowLongAVersionIsUnanswered is what an alert of the platform reads.
func TestLineSaysHowLongAVersionIsUnanswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var out bytes.Buffer
	h.Log = logging.New(&out, slog.LevelInfo)
	line := func() (l struct {
		Level, Msg, Oldest string
		Open, AgeSeconds   int
	}) {
		t.Helper()
		out.Reset()
		if err := h.OpenRuns(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), &l); err != nil || l.Level != "INFO" || l.Msg != "open runs" {
			t.Fatalf("%s: %v", out.String(), err)
		}
		return l
	}
	if l := line(); l.Open != 0 || l.AgeSeconds != 0 || l.Oldest != "" {
		t.Errorf("nothing is open: %+v", l)
	}
	if _, err := h.Runs.Observe(t.Context(), runs.Observation{
		Alert: alert.Alert{ID: "da1", Updated: noon},
		Hash:  "h",
		At:    noon,
	}); err != nil {
		t.Fatal(err)
	}
	h.now = noon.Add(16 * time.Minute)
	if l := line(); l.Open != 1 || l.AgeSeconds != 960 || l.Oldest != "da1:v1" {
		t.Errorf("one is unanswered: %+v", l)
	}
}

func TestLimitFollowsTheSchedule(t *testing.T) {
	t.Parallel()
	for every, want := range map[time.Duration]time.Duration{
		time.Second: 5 * time.Minute,
		time.Minute: 5 * time.Minute,
		time.Hour:   3 * time.Hour,
		0:           5 * time.Minute,
	} {
		if got := Limit(every); got != want {
			t.Errorf("Limit(%s) = %s, want %s", every, got, want)
		}
	}
}
