package history_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/archive"
	"cordon/handler/history"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/tallies"
	"cordon/handler/machine"
	"cordon/handler/mailbox"
	"cordon/handler/tally"
	"cordon/local/tables"
)

// TestTheHoursAreThoseOfASecondCount counts random runs of three days in a second, naive way, at several hours.
func TestTheHoursAreThoseOfASecondCount(t *testing.T) {
	t.Parallel()
	y := newYears(t)
	random := rand.New(rand.NewPCG(3, 4))
	var all []lists.Entry
	for i := range 400 {
		e := lists.Entry{
			AlertID:    fmt.Sprintf("da%d", i),
			Version:    1,
			ObservedAt: y.now.Add(time.Duration(random.Int64N(int64(3 * day)))),
			Outcome:    []string{"", "held", "isolated", "isolated, held", "no rule"}[random.IntN(5)],
		}
		if random.IntN(2) == 0 {
			took := time.Duration(math.Exp(random.Float64()*16) * float64(time.Second))
			e.IsolatedAt = e.ObservedAt.Add(took)
		}
		y.must(y.Lists.Enter(t.Context(), e, ""))
		all = append(all, e)
	}
	for _, after := range []time.Duration{0, 5 * time.Hour, 23*time.Hour + 59*time.Minute, day, 2*day + 90*time.Minute} {
		y.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(after)
		y.must(y.tally.Keep(t.Context()))
		is, err := y.Overview(t.Context())
		y.must(err)
		if is.Counted != y.now {
			t.Errorf("counted at %s, want %s", is.Counted, y.now)
		}
		y.heldAgainst(is, all)
	}
}

// heldAgainst holds an overview against the runs themselves.
func (y *years) heldAgainst(is history.Overview, all []lists.Entry) {
	y.t.Helper()
	begins := y.now.Truncate(time.Hour).Add(-23 * time.Hour)
	var took []int
	outcomes := map[string]int{}
	total := 0
	for i := range 24 {
		from := begins.Add(time.Duration(i) * time.Hour)
		seen, isolated, held := 0, 0, 0
		for _, e := range all {
			if e.ObservedAt.Before(from) || !e.ObservedAt.Before(from.Add(time.Hour)) {
				continue
			}
			seen++
			if !e.IsolatedAt.IsZero() {
				isolated++
				took = append(took, twoDigits(e.IsolatedAt.Sub(e.ObservedAt)))
			}
			if e.Outcome == "held" || e.Outcome == "isolated, held" {
				held++
			}
			if e.Outcome == "isolated, held" {
				outcomes["isolated"]++
				outcomes["held"]++
			} else {
				outcomes[e.Outcome]++
			}
		}
		total += seen
		hour := is.Hours[i]
		if hour.Runs != seen || hour.Took.Runs() != isolated || hour.Outcomes["held"] != held {
			y.t.Errorf("%s: %+v, want %d runs, %d isolated, %d held", from, hour, seen, isolated, held)
		}
	}
	ended := map[string]int{}
	for _, e := range is.Outcomes() {
		ended[e.Outcome] = e.Runs
	}
	if is.Since != begins || is.Runs() != total || fmt.Sprint(ended) != fmt.Sprint(outcomes) {
		y.t.Errorf("since %s: %d runs, %v; want %d, %v", is.Since, is.Runs(), ended, total, outcomes)
	}
	slices.Sort(took)
	for _, percent := range []int{1, 50, 95, 100} {
		want := 0
		if len(took) > 0 {
			want = took[int(math.Ceil(float64(percent)*float64(len(took))/100))-1]
		}
		got := history.Within(is.ToIsolation(), percent)
		if got != time.Duration(want)*time.Second {
			y.t.Errorf("%d of 100 took %s, want %d s", percent, got, want)
		}
	}
}

// twoDigits rounds a time to two digits of seconds, of 30 days at most.
func twoDigits(took time.Duration) int {
	seconds := math.Round(min(took.Seconds(), 30*24*3600))
	unit := 1.0
	if seconds >= 100 {
		unit = math.Pow(10, math.Floor(math.Log10(seconds))-1)
	}
	return int(math.Round(seconds/unit) * unit)
}

// TestADayThatWasCountedWithoutHoursIsRead has the row that the version before wrote of today.
func TestADayThatWasCountedWithoutHoursIsRead(t *testing.T) {
	t.Parallel()
	y := newYears(t)
	packed, err := rows.Pack([]tallies.Count{{Outcome: "held", Runs: 3}})
	y.must(err)
	table := y.ledger.Table(rows.RunIndex)
	y.must(table.Put(t.Context(), &tallies.Day{
		Keys:    table.At("2026-01-01", "tallies"),
		Day:     "2026-01-01",
		MadeAt:  y.now,
		Runs:    3,
		Packed:  packed,
		PackedT: "Edm.Binary",
	}))
	is, err := y.Overview(t.Context())
	if err != nil || is.Runs() != 0 || is.Counted != y.now {
		t.Errorf("%+v, %v", is, err)
	}
	counts, err := y.Count(t.Context(), 1)
	if err != nil || counts.Runs != 3 {
		t.Errorf("%+v, %v", counts, err)
	}
}

// TestOnlyWhatCordonIsolatedCountsAsIsolated has an isolation that two alerts wait for, one that was seen before it was
// done and is answered after, one that comes when it stands, and one on a machine that a person isolated.
func TestOnlyWhatCordonIsolatedCountsAsIsolated(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.ByOthers(machine.Isolate, "alice@contoso.com", "by hand")
	w.AlertOn("person", "m1", alert.High)
	w.Drain(p, 20)
	w.AlertOn("first", "m2", alert.High)
	w.Drain(p, 20)
	w.Advance(time.Minute)
	w.AlertOn("second", "m2", alert.High)
	w.Drain(p, 20)
	w.AlertOn("queued", "m2", alert.High)
	w.Advance(time.Minute)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Advance(time.Minute)
	w.AlertOn("late", "m2", alert.High)
	w.AlertOn("low", "m2", alert.Low)
	w.Drain(p, 20)
	for id, isolated := range map[string]bool{
		"person": false,
		"first":  true,
		"second": true,
		"queued": true,
		"late":   false,
		"low":    false,
	} {
		run := w.Run(id, 1)
		if run.IsolatedAt.IsZero() == isolated || run.Outcome != "isolated" && id != "low" {
			t.Errorf("%s: %s, isolated at %s", id, run.Outcome, run.IsolatedAt)
		}
	}
	count := &tally.Tally{
		Lists:    p.Ledger.Lists,
		Tallies:  p.Ledger.Tallies,
		Switches: p.Ledger.Switches,
		Now:      w.Clock,
		Tick:     time.Minute,
	}
	if err := count.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	is, err := w.History(p).Overview(t.Context())
	took := is.ToIsolation()
	if err != nil || is.Runs() != 6 || took.Runs() != 3 || history.Within(took, 50) < time.Minute || len(is.UnderWay) != 0 {
		t.Errorf("%+v, %v", is, err)
	}
}

// calls counts the calls of tables.
type calls struct {
	*tables.Server
	n atomic.Int64
}

func (c *calls) Do(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.Server.Do(r)
}

// TestAnOverviewIsAFewCallsHoweverManyRunsThereAre reads it over a hundred runs of a day, sixty of which are not over,
// and over a hundred thousand, of which more are not over than one call reads.
func TestAnOverviewIsAFewCallsHoweverManyRunsThereAre(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, c := range []struct{ runs, open int }{{100, 60}, {100_000, 1100}} {
		h, server := counted(t, c.runs, c.open)
		server.n.Store(0)
		begun := time.Now()
		is, err := h.Overview(t.Context())
		t.Logf("an overview of %d runs: %d calls, %s", c.runs, server.n.Load(), time.Since(begun).Round(time.Millisecond))
		newest := slices.IsSortedFunc(is.UnderWay, func(a, b history.Line) int {
			return b.ObservedAt.Compare(a.ObservedAt)
		})
		if err != nil || len(is.UnderWay) != 50 || !is.More || !newest || is.UnderWay[0].State != runs.Observed {
			t.Errorf("%d are shown, newest first %v, more %v, %v", len(is.UnderWay), newest, is.More, err)
		}
		if is.Runs() != c.runs+c.open || server.n.Load() != 52 {
			t.Errorf("%d runs of %d by %d calls", is.Runs(), c.runs+c.open, server.n.Load())
		}
	}
}

// counted is a ledger that has counted so many runs of today that are over, and some that are not.
func counted(t *testing.T, over, open int) (*history.History, *calls) {
	t.Helper()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now.Add(time.Minute) }
	server := &calls{Server: tables.New(tables.Options{PageSize: 1000})}
	store, err := ledger.Open(rows.Options{
		ConnectionString: server.ConnectionString("127.0.0.1:1"),
		Tenant:           "tenant",
		Transport:        server,
	})
	if err == nil {
		err = store.Prepare(t.Context())
	}
	for i := range open {
		a := alert.Alert{ID: fmt.Sprintf("open%04d", i), Severity: alert.High, Updated: now}
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.Runs.Observe(t.Context(), runs.Observation{
			Alert: a,
			Hash:  alert.DecisionHash(a),
			At:    now.Add(time.Duration(i) * time.Millisecond),
		})
	}
	for i := range over {
		at := now.Add(-time.Duration(i+1) * time.Microsecond)
		server.PutRow(rows.RunIndex, tables.Row{
			PartitionKey: store.Table(rows.RunIndex).Partition("lists"),
			RowKey:       fmt.Sprintf("all|%s|da%d", rows.NewestFirst(at), i),
			Properties: map[string]any{
				"AlertID":    fmt.Sprintf("da%d", i),
				"Version":    int32(1),
				"ObservedAt": at.Format(time.RFC3339Nano),
				"ClosedAt":   now.Format(time.RFC3339Nano),
				"Outcome":    "no rule",
			},
		})
	}
	count := &tally.Tally{
		Lists:    store.Lists,
		Tallies:  store.Tallies,
		Switches: store.Switches,
		Now:      clock,
	}
	if err == nil {
		err = count.Keep(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return &history.History{
		Runs:    store.Runs,
		Lists:   store.Lists,
		Tallies: store.Tallies,
		Archive: &archive.Archive{Decisions: store.Decisions},
		Mails:   &mailbox.Mailbox{Notices: store.Notices},
		Now:     clock,
	}, server
}
