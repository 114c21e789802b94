package history_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/archive"
	"cordon/handler/decided"
	"cordon/handler/desk"
	"cordon/handler/desk/erasure"
	"cordon/handler/history"
	"cordon/handler/internal/long"
	"cordon/handler/ledger"
	"cordon/handler/ledger/decisions"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/tallies"
	"cordon/handler/mailbox"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/tally"
	"cordon/local/tables"
)

const (
	day         = 24 * time.Hour
	daysPlayed  = 400
	runsADay    = 3
	factsKept   = 90 * day
	runsKept    = 180 * day
	ticksADay   = 40 // of a minute, as many as days are counted and some
	eraseOn     = 200
	tallyGoneOn = 250
)

// years is a ledger over which days go by.
type years struct {
	t      *testing.T
	now    time.Time
	ledger *ledger.Store
	tally  *tally.Tally
	*history.History
}

func newYears(t *testing.T) *years {
	t.Helper()
	y := &years{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return y.now }
	server := tables.New(tables.Options{Now: clock})
	store, err := ledger.Open(rows.Options{
		ConnectionString: server.ConnectionString("127.0.0.1:1"),
		Tenant:           "tenant",
		Transport:        server,
		Now:              clock,
	})
	if err == nil {
		err = store.Prepare(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	y.ledger = store
	y.tally = &tally.Tally{
		Lists:    store.Lists,
		Tallies:  store.Tallies,
		Switches: store.Switches,
		Now:      clock,
		Tick:     time.Minute,
	}
	y.History = &history.History{
		Runs:    store.Runs,
		Lists:   store.Lists,
		Tallies: store.Tallies,
		Journal: store.Journal,
		Archive: &archive.Archive{Decisions: store.Decisions, Version: "test"},
		Mails:   &mailbox.Mailbox{Notices: store.Notices, Now: clock},
		Now:     clock,
	}
	return y
}

func (y *years) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatalf("%s: %v", y.now.Format(time.DateOnly), err)
	}
}

// id is the alert of one run of a day.
func id(day, n int) string { return fmt.Sprintf("da%04d-%d", day, n) }

// observed makes the runs of a day: each is decided, and the first of each is held.
func (y *years) observed(today int) {
	y.t.Helper()
	ctx := context.Background()
	book := playbooktest.Load(y.t, playbooktest.OneRule(`alert.severity == "High"`, ""))
	for n := range runsADay {
		in := playbooktest.Input()
		in.Alert.ID = id(today, n)
		in.Alert.MachineID = fmt.Sprintf("m%d", n)
		in.Alert.Updated, in.Now = y.now, y.now
		in.Alert.RelatedUser.Name = fmt.Sprintf("person%d", today%7)
		o, err := y.ledger.Runs.Observe(ctx, runs.Observation{Alert: in.Alert, Hash: alert.DecisionHash(in.Alert), At: y.now})
		y.must(err)
		plan := book.Decide(in)
		y.must(y.Archive.Keep(ctx, archive.Made{Run: o.Run, Input: in, Plan: plan, Playbook: book.Hash()}))
		outcome := "isolated"
		if n == 0 {
			outcome = "held"
		}
		y.ends(today, n, plan.Rule, outcome)
	}
}

func (y *years) ends(day, n int, rule, outcome string) {
	y.t.Helper()
	_, err := y.ledger.Runs.Update(context.Background(), id(day, n), 1, func(r *runs.Run) (bool, error) {
		r.State, r.Rule, r.Outcome, r.ClosedAt = runs.Closed, rule, outcome, y.now
		return true, nil
	})
	y.must(err)
}

// TestFourHundredDays plays them: facts go after 90 days and runs after 180, the counts of 30 days follow what is
// dropped weeks later and come back when somebody takes them away, and what was erased stays erased.
func TestFourHundredDays(t *testing.T) {
	long.Test(t)
	t.Parallel()
	y := newYears(t)
	ctx := t.Context()
	for today := range daysPlayed {
		y.observed(today)
		if before := today - 20; before >= 0 {
			y.ends(before, 0, "r", "dropped")
		}
		if today == eraseOn {
			y.erases(today)
		}
		if today == tallyGoneOn {
			all, err := y.ledger.Tallies.Since(ctx, time.Time{})
			y.must(err)
			for _, gone := range all {
				y.must(y.ledger.Table(rows.RunIndex).Remove(ctx, gone.Keys))
			}
		}
		ticks := 1
		if looked(today) {
			ticks = ticksADay
		}
		for range ticks {
			y.must(y.tally.Keep(ctx))
			y.now = y.now.Add(time.Minute)
		}
		y.now = y.now.Add(12 * time.Hour)
		_, err := y.ledger.Housekeep(ctx, y.now.Add(-runsKept), y.now.Add(-factsKept))
		y.must(err)
		y.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, today+1)
		if looked(today) {
			y.counted(today)
			y.kept(today)
		}
	}
}

// looked are the days on which everything is looked at; on the others the timer ticks once.
func looked(today int) bool { return today > 60 && today%13 == 0 }

// counted holds the counts of 30 days against the runs themselves. A day ends where it is counted, so that today has
// none yet.
func (y *years) counted(today int) {
	y.t.Helper()
	is, err := y.Count(y.t.Context(), tally.Days)
	y.must(err)
	want := map[tallies.Count]int{}
	all := 0
	for back := 1; back < tally.Days; back++ {
		for n := range runsADay {
			run, found, err := y.ledger.Runs.Of(y.t.Context(), id(today-back+1, n), 1)
			y.must(err)
			if !found {
				y.t.Fatalf("day %d: run %s is gone", today, id(today-back+1, n))
			}
			want[tallies.Count{Rule: run.Rule, Outcome: run.Outcome}]++
			all++
		}
	}
	got := map[tallies.Count]int{}
	for _, c := range is.Counts {
		runs := c.Runs
		c.Runs = 0
		got[c] = runs
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || is.Runs != all {
		y.t.Errorf("day %d: counted %v, %d runs, want %v, %d", today, got, is.Runs, want, all)
	}
}

// factsLeft is how many days' worth of facts there are at least.
func factsLeft(today int) int {
	if today >= eraseOn && today < eraseOn+int(factsKept/day) {
		return 0
	}
	return int(factsKept/day) - 1
}

// kept holds what is left against what is to be left.
func (y *years) kept(today int) {
	y.t.Helper()
	ctx := y.t.Context()
	oldest := func(kept time.Duration) int { return max(0, today+1-int(kept/day)) }
	q := decisions.Query{Limit: 900}
	page, next, err := y.Archive.Decisions.Page(ctx, q)
	y.must(err)
	last := page[len(page)-1].AlertID
	if want := id(oldest(factsKept), 0)[:6]; next != "" || last[:6] < want || today > 90 && len(page) < runsADay*factsLeft(today) {
		y.t.Errorf("day %d: the oldest facts are of %s, want %s or later; %d are kept, more: %q", today, last, want,
			len(page), next)
	}
	for _, back := range []int{0, 30, 89, 120} {
		if back > today {
			continue
		}
		shown, err := y.Show(ctx, id(today-back, 1))
		y.must(err)
		erased := today-back <= eraseOn && today >= eraseOn
		if (shown.Decision != nil) != (back < 90 && !erased) || shown.Run.Outcome != "isolated" {
			y.t.Errorf("day %d, %d days back: facts kept %v, outcome %s", today, back, shown.Decision != nil,
				shown.Run.Outcome)
		}
	}
	listed, _, err := y.Lists.Page(ctx, lists.Query{Machine: "m2", Limit: 900})
	y.must(err)
	want := min(today+1, int(runsKept/day))
	// What was erased was changed, so that those runs stay longer: of a seventh of the days with facts.
	longer := 0
	if today > eraseOn {
		longer = int(factsKept/day)/7 + 1
	}
	if len(listed) < want || len(listed) > want+1+longer {
		y.t.Errorf("day %d: %d runs of a machine are listed, want %d", today, len(listed), want)
	}
	gone := oldest(runsKept) - 22 // those that were dropped were changed 20 days later
	if gone < 0 || gone%7 == 3 {
		return
	}
	if _, err := y.Show(ctx, id(gone, 2)); !desk.IsRefusal(err) {
		y.t.Errorf("day %d: a run is there that should be gone: %v", today, err)
	}
}

// erases takes out the facts of one of three machines, and of one of seven people.
func (y *years) erases(today int) {
	y.t.Helper()
	e := &erasure.Eraser{
		Desk: &desk.Desk{
			Runs:    y.ledger.Runs,
			Journal: y.ledger.Journal,
			Now:     y.History.Now,
		},
		Decisions: y.ledger.Decisions,
		Findings:  y.ledger.Findings,
		Lists:     y.ledger.Lists,
	}
	order := func(n int) desk.Command {
		return desk.Command{
			ID:     fmt.Sprintf("c-000000%d", n),
			Reason: "request 17",
			By:     journal.Author{Name: "operator@contoso.com"},
		}
	}
	before, _, err := y.Archive.Page(y.t.Context(), decisions.Query{Limit: 900})
	y.must(err)
	for n, s := range []erasure.Subject{{Machine: "M1"}, {User: "PERSON3"}} {
		done, err := e.Erase(y.t.Context(), order(n), s, "")
		y.must(err)
		if done.State != journal.Done || done.Next != "" || done.Erased == 0 || done.Open != 0 {
			y.t.Errorf("erased %+v: %+v", s, done)
		}
		again, err := e.Erase(y.t.Context(), order(n), s, "")
		if err != nil || !again.Before || again.Result != done.Result {
			y.t.Errorf("erased %+v again: %+v, %v", s, again, err)
		}
	}
	after, _, err := y.Archive.Page(y.t.Context(), decisions.Query{Limit: 900})
	y.must(err)
	want := 0
	for _, d := range before {
		gone := d.Facts.Alert.MachineID == "m1" || d.Facts.Alert.RelatedUser.Name == "person3"
		left := slices.ContainsFunc(after, func(other decided.Decision) bool { return other.Run == d.Run })
		if left == gone {
			y.t.Errorf("day %d: facts of run %s, of %s and %s, are left: %v", today, d.Run, d.Facts.Alert.MachineID,
				d.Facts.Alert.RelatedUser.Name, left)
		}
		if !gone {
			want++
		}
	}
	if len(after) != want || len(before) < 200 {
		y.t.Errorf("%d of %d facts are left, want %d", len(after), len(before), want)
	}
}
