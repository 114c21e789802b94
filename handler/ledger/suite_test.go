package ledger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/rows"
	"cordon/handler/machine"
	"cordon/local/azurite"
	"cordon/local/tables"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestLedger holds the promises of the ledger over the stand-in and over the vendor's storage emulator.
func TestLedger(t *testing.T) {
	t.Parallel()
	t.Run("tables", func(t *testing.T) {
		t.Parallel()
		server := tables.New(tables.Options{PageSize: 3})
		web := httptest.NewServer(server)
		t.Cleanup(web.Close)
		suite(t, server.ConnectionString(web.URL))
	})
	t.Run("azurite", func(t *testing.T) {
		t.Parallel()
		suite(t, azurite.Start(t))
	})
}

// suite runs every promise against its own tables.
func suite(t *testing.T, connection string) {
	var prefixes atomic.Int64
	open := func(t *testing.T, tenant string) *Store {
		t.Helper()
		s, err := Open(Options{ConnectionString: connection, Prefix: fmt.Sprintf("t%d", prefixes.Add(1)), Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if err := s.Prepare(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		return s
	}
	promises := map[string]func(*testing.T, *Store){
		"watermark never moves back and has one owner":             watermark,
		"every change of the decision is one version with its run": versions,
		"observers at once make each version once":                 observersAtOnce,
		"a version whose run was lost is answered again":           lostRun,
		"a run that was asked for has a record":                    asked,
		"updates of a run are never lost":                          updates,
		"a plan comes back, a huge one in its short form":          plans,
		"a latch has one holder and joins are one write with it":   latches,
		"an index entry that was added again is not removed":       openIndex,
		"caps hold with many at once and a slot is found again":    budgets,
		"64 writers at once all get an answer":                     writers,
		"the quota holds across stores and says when it has room":  quotas,
		"a day of 10,000 slots is counted":                         largeDay,
		"a budget row of the first version is read":                firstBudgets,
		"a budget row of the second version is read":               secondBudgets,
		"caps count machines, and each has a cap of its own":       machines,
		"what came to nothing leaves room under the caps":          givenBack,
		"look-ups of an hour are counted for all instances":        lookups,
		"neighbours are counted where they are asked for":          neighbours,
		"a pause of an endpoint only ever grows":                   endpointPauses,
		"an event is told once and a claimed notice never grows":   tellings,
		"a notice is unsent until it is marked, and claims lapse":  claims,
		"what is held stays until it is removed, and only that":    heldSteps,
		"a pause has one owner, and each change a record":          pauses,
		"a cap that goes on to hold is told once":                  trips,
		"many tellers at once lose nothing":                        tellers,
		"an own change of an alert is no new version":              ownChanges,
		"marks are the newest":                                     marks,
		"runs of a day are listed newest first":                    index,
		"what is not over stays in the index of open runs":         openRuns,
		"the age of an unanswered run starts when it is observed":  unanswered,
		"old records go, those that are not over stay":             housekeeping,
		"where a hunt stands has one owner":                        huntStates,
		"a turn is recorded once, whole, whatever its size":        huntTurns,
		"rows are remembered, by hunt and time":                    huntRows,
		"a finding is one version for each time it is found":       findings,
		"old turns and rows go, where hunts stand stays":           huntsOld,
		"what decisions met is kept once, and little of it":        met,
	}
	for name, promise := range promises {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			promise(t, open(t, "tenant"))
		})
	}
	t.Run("tenants never meet", func(t *testing.T) {
		t.Parallel()
		one := open(t, "tenant")
		other, err := Open(Options{ConnectionString: connection, Prefix: fmt.Sprintf("t%d", prefixes.Load()), Tenant: "tenant2"})
		if err != nil {
			t.Fatal(err)
		}
		observe(t, one, sampleAlert(), noon)
		if record, err := other.Alert(t.Context(), "da1"); err != nil || record.Seen != nil {
			t.Errorf("another tenant sees %+v, %v", record, err)
		}
	})
}

func sampleAlert() alert.Alert {
	return alert.Alert{ID: "da1", Severity: alert.Medium, MachineID: "m1", Updated: noon, Title: "t"}
}

func observe(t *testing.T, s *Store, a alert.Alert, at time.Time) ObservedVersion {
	t.Helper()
	_, sha := alert.Snapshot(a)
	o, err := s.Observe(t.Context(), Observation{Alert: a, Hash: alert.DecisionHash(a), SnapshotSHA: sha, At: at})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func watermark(t *testing.T, s *Store) {
	w, err := s.Watermark(t.Context())
	if err != nil || !w.At.IsZero() {
		t.Fatalf("first watermark %+v, %v", w, err)
	}
	stale := w
	if w, err = s.Advance(t.Context(), w, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Advance(t.Context(), stale, noon.Add(time.Hour)); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a second owner moved it: %v", err)
	}
	if w, err = s.Advance(t.Context(), w, noon.Add(-time.Hour)); err != nil || !w.At.Equal(noon) {
		t.Errorf("moved back to %s, %v", w.At, err)
	}
	if w, err = s.Advance(t.Context(), w, noon.Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if again, err := s.Watermark(t.Context()); err != nil || !again.At.Equal(noon.Add(time.Minute)) {
		t.Errorf("read back %+v, %v", again, err)
	}
}

func versions(t *testing.T, s *Store) {
	a := sampleAlert()
	for i, severity := range []alert.Severity{alert.Medium, alert.High, alert.Medium, alert.High} {
		a.Severity, a.Updated = severity, noon.Add(time.Duration(i)*time.Minute)
		if o := observe(t, s, a, noon); !o.Changed || o.Run.Version != i+1 || o.Run.State != Observed {
			t.Errorf("observation %d: %+v", i, o)
		}
	}
	if o := observe(t, s, a, noon); o.Changed || o.Run.Version != 4 {
		t.Errorf("the same again: %+v", o)
	}
	old := a
	old.Severity, old.Updated = alert.Low, noon
	if o := observe(t, s, old, noon); o.Changed {
		t.Errorf("an older view made version %d", o.Run.Version)
	}
	single := a
	single.Severity = alert.Low
	o, err := s.Observe(t.Context(), Observation{Alert: single, Hash: alert.DecisionHash(single), At: noon, Single: true})
	if err != nil || o.Changed {
		t.Errorf("a single read of the same moment made version %d, %v", o.Run.Version, err)
	}
	record, err := s.Alert(t.Context(), "da1")
	if err != nil || len(record.Runs) != 4 || record.Seen.Version != 4 {
		t.Errorf("%d runs, %+v, %v", len(record.Runs), record.Seen, err)
	}
	if none, err := s.Alert(t.Context(), "da"); err != nil || none.Seen != nil || len(none.Runs) != 0 {
		t.Errorf("an alert with a shorter id: %+v, %v", none, err)
	}
}

func observersAtOnce(t *testing.T, s *Store) {
	var group sync.WaitGroup
	var made atomic.Int64
	for i := range 12 {
		group.Go(func() {
			a := sampleAlert()
			if i%2 == 0 {
				a.Severity, a.Updated = alert.High, noon.Add(time.Minute)
			}
			o, err := s.Observe(context.Background(), Observation{Alert: a, Hash: alert.DecisionHash(a), At: noon})
			if err != nil {
				t.Error(err)
			}
			if o.Changed {
				made.Add(1)
			}
		})
	}
	group.Wait()
	record, err := s.Alert(t.Context(), "da1")
	if err != nil || int64(len(record.Runs)) != made.Load() || made.Load() > 2 || record.Seen.Version != len(record.Runs) {
		t.Errorf("%d versions made, %d runs, %v", made.Load(), len(record.Runs), err)
	}
}

func lostRun(t *testing.T, s *Store) {
	o := observe(t, s, sampleAlert(), noon)
	if err := s.alerts.Remove(t.Context(), o.Run.Keys); err != nil {
		t.Fatal(err)
	}
	if o := observe(t, s, sampleAlert(), noon); !o.Changed || o.Run.Version != 1 {
		t.Errorf("after the loss: %+v", o)
	}
}

func asked(t *testing.T, s *Store) {
	for range 2 {
		run, err := s.Asked(t.Context(), "da1", noon)
		if err != nil || run.Version != 0 || run.State != Observed {
			t.Fatalf("%+v, %v", run, err)
		}
	}
	if o := observe(t, s, sampleAlert(), noon); o.Run.Version != 1 {
		t.Errorf("first version %d", o.Run.Version)
	}
}

func updates(t *testing.T, s *Store) {
	observe(t, s, sampleAlert(), noon)
	var group sync.WaitGroup
	var done atomic.Int64
	for range 6 {
		group.Go(func() {
			_, err := s.UpdateRun(context.Background(), "da1", 1, func(r *Run) error { r.Copies++; return nil })
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, rows.ErrConflict) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	run, err := s.UpdateRun(t.Context(), "da1", 1, func(*Run) error { return ErrUnchanged })
	if err != nil || int64(run.Copies) != done.Load() || done.Load() == 0 {
		t.Errorf("%d of %d updates are there, %v", run.Copies, done.Load(), err)
	}
	mine := errors.New("mine")
	if _, err := s.UpdateRun(t.Context(), "da1", 1, func(*Run) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("the function's error came back as %v", err)
	}
	if _, err := s.UpdateRun(t.Context(), "da1", 9, func(*Run) error { return nil }); !IsNotFound(err) {
		t.Errorf("a run that does not exist: %v", err)
	}
}

func plans(t *testing.T, s *Store) {
	observe(t, s, sampleAlert(), noon)
	var noise strings.Builder
	for i := range 40000 {
		noise.WriteString(alert.SHA256([]byte{byte(i), byte(i >> 8)}))
	}
	for want, full := range map[string]string{"plan": "plan", "short": noise.String()} {
		if _, err := s.UpdateRun(t.Context(), "da1", 1, func(r *Run) error { return r.SetPlan(full, "short") }); err != nil {
			t.Fatal(err)
		}
		record, err := s.Alert(t.Context(), "da1")
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if stored, err := record.Runs[0].ReadPlan(&got); !stored || err != nil || got != want {
			t.Errorf("plan = %.20q, %v, want %q", got, err, want)
		}
	}
}

func latches(t *testing.T, s *Store) {
	l, err := s.Latch(t.Context(), "m1", Isolation)
	if err != nil || l.Episode != 0 || l.State.Open() {
		t.Fatalf("%+v, %v", l, err)
	}
	mine, theirs := NextEpisode(l), NextEpisode(l)
	mine.Holder, mine.HeldUntil, mine.Desired = "me", noon.Add(time.Minute), machine.Isolate
	if err := s.SaveLatch(t.Context(), &mine); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveLatch(t.Context(), &theirs); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a second holder: %v", err)
	}
	if read, _ := s.Latch(t.Context(), "m1", Isolation); !read.Held("them", noon) || read.Held("me", noon) || read.Held("them", noon.Add(time.Minute)) {
		t.Errorf("held: %+v", read)
	}
	stale := mine
	mine.State, mine.ActionID = Acting, "x"
	if err := s.SaveLatch(t.Context(), &mine); err != nil {
		t.Fatal(err)
	}
	if err := s.Join(t.Context(), stale, Joiner{AlertID: "da1", Version: 1}); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("joined a latch that moved on: %v", err)
	}
	for range 2 {
		fresh, err := s.Latch(t.Context(), "m1", Isolation)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Join(t.Context(), fresh, Joiner{AlertID: "da1", Version: 1, Groups: "g"}); err != nil {
			t.Fatal(err)
		}
	}
	joined, err := s.Joiners(t.Context(), mine)
	if err != nil || len(joined) != 1 || joined[0].AlertID != "da1" || joined[0].Groups != "g" {
		t.Errorf("joiners %+v, %v", joined, err)
	}
	if later, err := s.Joiners(t.Context(), NextEpisode(mine)); err != nil || len(later) != 0 {
		t.Errorf("the next episode has joiners %+v, %v", later, err)
	}
}

func openIndex(t *testing.T, s *Store) {
	add := func() {
		if err := s.AddOpen(t.Context(), "m1", Isolation); err != nil {
			t.Fatal(err)
		}
	}
	add()
	listed, err := s.OpenEpisodes(t.Context())
	if err != nil || len(listed) != 1 || listed[0].MachineID != "m1" {
		t.Fatalf("%+v, %v", listed, err)
	}
	add()
	if err := s.RemoveOpen(t.Context(), listed[0]); err != nil {
		t.Fatal(err)
	}
	if listed, err = s.OpenEpisodes(t.Context()); err != nil || len(listed) != 1 {
		t.Fatalf("the entry that was added again is gone: %+v, %v", listed, err)
	}
	for range 2 {
		if err := s.RemoveOpen(t.Context(), listed[0]); err != nil {
			t.Fatal(err)
		}
	}
	if listed, _ = s.OpenEpisodes(t.Context()); len(listed) != 0 {
		t.Errorf("%+v is left", listed)
	}
}

func add(t *testing.T, s *Store, eventKey string) (notices.Notice, bool) {
	t.Helper()
	n, opened, err := s.AddNotice(t.Context(), "incident:1", eventKey, map[string]string{"k": eventKey}, noon, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return n, opened
}

func tellings(t *testing.T, s *Store) {
	first, opened := add(t, s, "a")
	if !opened || first.Seq != 1 {
		t.Fatalf("%+v, %v", first, opened)
	}
	for _, k := range []string{"a", "b", "b"} {
		if n, opened := add(t, s, k); opened || n.Seq != 1 {
			t.Errorf("%s: %+v, %v", k, n, opened)
		}
	}
	claimed, entries, err := s.ClaimNotice(t.Context(), "incident:1", 1, noon, time.Minute)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%+v, %v", entries, err)
	}
	if n, opened := add(t, s, "c"); !opened || n.Seq != 2 {
		t.Errorf("an entry joined a claimed notice: %+v, %v", n, opened)
	}
	if n, opened := add(t, s, "a"); opened || n.Seq != 1 {
		t.Errorf("an old event is new: %+v, %v", n, opened)
	}
	if err := s.NoticeDone(t.Context(), claimed, noon); err != nil {
		t.Fatal(err)
	}
	if _, entries, err = s.ClaimNotice(t.Context(), "incident:1", 2, noon, time.Minute); err != nil || len(entries) != 3 {
		t.Errorf("the second notice knows %d entries, %v", len(entries), err)
	}
}

func heldSteps(t *testing.T, s *Store) {
	m := machine.Machine{ID: "m1", ComputerDNSName: "dc01", Tags: []string{"Tier'0", "x|y"}}
	for version := 1; version <= 2; version++ {
		h := Held{AlertID: "da1", Version: version, MachineID: m.ID, At: noon, Steps: HeldSteps{{"isolate", "isolate Full", strings.Repeat("é", 2000)}, {"scan:Quick", "scan Quick", "why"}}}
		for range 2 {
			if err := s.AddHeld(t.Context(), h, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	h, found, err := s.HeldOf(t.Context(), "da1", 2)
	facts, factsErr := h.Facts()
	if err != nil || !found || factsErr != nil || facts.ComputerDNSName != "dc01" || len(facts.Tags) != 2 || facts.Tags[0] != "Tier'0" {
		t.Fatalf("%+v, %v, %v, %+v, %v", h, found, err, facts, factsErr)
	}
	if steps := h.Wanted(); len(steps) != 2 || steps[1] != (HeldStep{"scan:Quick", "scan Quick", "why"}) || !strings.HasPrefix(h.Reason, "isolate Full: é") {
		t.Errorf("steps %+v, reason %s", steps, h.Reason)
	}
	// A row from before there were steps, of a version that is newer than another alert's.
	old := Held{Keys: s.heldKeys("da2", 1), AlertID: "da2", Version: 1, MachineID: "m2", Reason: "protected", At: noon}
	if err := s.open.Put(t.Context(), &old); err != nil {
		t.Fatal(err)
	}
	all, err := s.AllHeld(t.Context())
	slices.SortFunc(all, func(a, b Held) int { return strings.Compare(a.AlertID, b.AlertID) })
	if err != nil || len(all) != 2 || all[0].Version != 2 || all[1].Wanted()[0] != (HeldStep{"isolate", "isolate", "protected"}) {
		t.Errorf("held: %+v, %v", all, err)
	}
	for range 2 {
		if err := errors.Join(s.RemoveHeld(t.Context(), "da1", 1), s.RemoveHeld(t.Context(), "da2", 1)); err != nil {
			t.Fatal(err)
		}
	}
	if all, err = s.AllHeld(t.Context()); err != nil || len(all) != 1 || all[0].Version != 2 {
		t.Errorf("left %+v, %v", all, err)
	}
	if err := s.RemoveHeld(t.Context(), "da1", 2); err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.HeldOf(t.Context(), "da1", 2); found || err != nil {
		t.Errorf("removed and found: %v, %v", found, err)
	}
	if open, err := s.OpenEpisodes(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("what is held counts as an episode: %+v, %v", open, err)
	}
}

func pauses(t *testing.T, s *Store) {
	if p, err := s.Pause(t.Context()); err != nil || p.Paused || p.Why() != "" {
		t.Fatalf("at the beginning: %+v, %v", p, err)
	}
	var group sync.WaitGroup
	var changed atomic.Int32
	for i := range 4 {
		group.Go(func() {
			was, err := s.SetPause(t.Context(), true, fmt.Sprint("person ", i), "maintenance", noon.Add(time.Duration(i)*time.Second))
			if err != nil {
				t.Error(err)
			} else if !was.Paused {
				changed.Add(1)
			}
		})
	}
	group.Wait()
	p, err := s.Pause(t.Context())
	if err != nil || !p.Paused || changed.Load() != 1 || !strings.Contains(p.Why(), "maintenance, by person ") {
		t.Errorf("%d changed it; %+v, %v", changed.Load(), p, err)
	}
	if was, err := s.SetPause(t.Context(), false, "eve", "", noon.Add(time.Hour)); err != nil || was.By != p.By {
		t.Errorf("%+v, %v", was, err)
	}
	if p, err := s.Pause(t.Context()); err != nil || p.Paused || p.By != "eve" {
		t.Errorf("at the end: %+v, %v", p, err)
	}
}

func trips(t *testing.T, s *Store) {
	trip := func(after time.Duration) (Trip, bool) {
		t.Helper()
		got, told, err := s.Trip(t.Context(), "isolate/an hour", "5 of at most 5", noon.Add(after), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return got, told
	}
	first, told := trip(0)
	if told {
		t.Error("the first was told before")
	}
	if again, told := trip(time.Second); told || !again.Since.Equal(first.Since) {
		t.Errorf("one that died before it told: told %v, since %s", told, again.Since)
	} else if err := s.TripTold(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{2 * time.Second, 50 * time.Minute, 100 * time.Minute, 159 * time.Minute} {
		if _, told := trip(after); !told {
			t.Errorf("after %s it is to be told again", after)
		}
	}
	if all, err := s.Trips(t.Context(), noon.Add(160*time.Minute)); err != nil || len(all) != 1 || all[0].Text != "5 of at most 5" {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := s.Trips(t.Context(), noon.Add(5*time.Hour)); err != nil || len(all) != 0 {
		t.Errorf("long after: %+v, %v", all, err)
	}
	if next, told := trip(5 * time.Hour); told || next.Since.Equal(first.Since) {
		t.Errorf("the next time: told %v, since %s", told, next.Since)
	}
}

func claims(t *testing.T, s *Store) {
	add(t, s, "a")
	unsent := func() int {
		list, err := s.UnsentNotices(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	n, _, err := s.ClaimNotice(t.Context(), "incident:1", 1, noon, time.Minute)
	if err != nil || unsent() != 1 {
		t.Fatalf("%v, %d unsent", err, unsent())
	}
	if _, _, err := s.ClaimNotice(t.Context(), "incident:1", 1, noon.Add(59*time.Second), time.Minute); !errors.Is(err, notices.ErrClaimed) {
		t.Errorf("a second claim: %v", err)
	}
	if err := s.NoticeFailed(t.Context(), n, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n, _, err = s.ClaimNotice(t.Context(), "incident:1", 1, noon.Add(2*time.Second), time.Minute); err != nil || n.Failures != 1 {
		t.Fatalf("after a failure: %+v, %v", n, err)
	}
	if _, _, err = s.ClaimNotice(t.Context(), "incident:1", 1, noon.Add(2*time.Minute), time.Minute); err != nil {
		t.Errorf("a lapsed claim: %v", err)
	}
	// The mail of the lapsed claim was accepted after all.
	if err := s.NoticeDone(t.Context(), n, noon); err != nil || unsent() != 0 {
		t.Errorf("done: %v, %d unsent", err, unsent())
	}
	if err := s.NoticeDone(t.Context(), n, noon); err != nil {
		t.Errorf("done again: %v", err)
	}
	if _, _, err := s.ClaimNotice(t.Context(), "incident:1", 1, noon.Add(time.Hour), time.Minute); !errors.Is(err, notices.ErrSent) {
		t.Errorf("a sent notice: %v", err)
	}
	if _, _, err := s.ClaimNotice(t.Context(), "nobody", 1, noon, time.Minute); !errors.Is(err, notices.ErrNone) {
		t.Errorf("no notice: %v", err)
	}
	table := s.Table(rows.Notices)
	ghost := notices.Notice{Keys: table.At(rows.Key("ghost", "1"), "due"), Group: "ghost", Seq: 1, DueAt: noon}
	if err := table.Put(t.Context(), &ghost); err != nil || unsent() != 1 {
		t.Fatalf("%v, %d unsent", err, unsent())
	}
	if dropped, err := s.DropUnwritten(t.Context(), ghost); !dropped || err != nil || unsent() != 0 {
		t.Errorf("%v, %v, %d unsent", dropped, err, unsent())
	}
}

func tellers(t *testing.T, s *Store) {
	var group sync.WaitGroup
	var opened atomic.Int64
	for i := range 5 {
		group.Go(func() {
			for {
				_, fresh, err := s.AddNotice(context.Background(), "g", fmt.Sprint(i), i, noon, noon)
				if errors.Is(err, rows.ErrConflict) {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				if fresh {
					opened.Add(1)
				}
				return
			}
		})
	}
	group.Wait()
	_, entries, err := s.ClaimNotice(t.Context(), "g", 1, noon, time.Minute)
	if err != nil || len(entries) != 5 || opened.Load() != 1 {
		t.Errorf("%d entries in a notice opened %d times, %v", len(entries), opened.Load(), err)
	}
}

func marks(t *testing.T, s *Store) {
	if m, err := s.Mark(t.Context(), "poll"); err != nil || !m.At.IsZero() {
		t.Errorf("%+v, %v", m, err)
	}
	for i := range 2 {
		if err := s.SetMark(t.Context(), "poll", noon.Add(time.Duration(i)*time.Minute), "n"); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := s.Mark(t.Context(), "poll"); err != nil || !m.At.Equal(noon.Add(time.Minute)) || m.Note != "n" {
		t.Errorf("%+v, %v", m, err)
	}
}

func index(t *testing.T, s *Store) {
	for i := range 5 {
		a := sampleAlert()
		a.ID = fmt.Sprintf("da%d", i)
		observe(t, s, a, noon.Add(time.Duration(i)*time.Second))
	}
	refs, err := s.Runs(t.Context(), noon)
	if err != nil || len(refs) != 5 || refs[0].AlertID != "da4" || refs[4].AlertID != "da0" {
		t.Errorf("%+v, %v", refs, err)
	}
	if refs, err := s.Runs(t.Context(), noon.Add(24*time.Hour)); err != nil || len(refs) != 0 {
		t.Errorf("the next day has %+v, %v", refs, err)
	}
}

// TestWriteWhoseAnswerWasLostIsNoConflict loses the answer of every kind of write once; the client repeats it and is
// answered that the row exists or has changed, by itself.
func TestWriteWhoseAnswerWasLostIsNoConflict(t *testing.T) {
	t.Parallel()
	var lose atomic.Bool
	server := tables.New(tables.Options{Fault: func(r *http.Request) *tables.Fault {
		if r.Method != http.MethodGet && lose.CompareAndSwap(true, false) {
			return &tables.Fault{Drop: true}
		}
		return nil
	}})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	s, err := Open(Options{ConnectionString: server.ConnectionString(web.URL), Prefix: "t", Tenant: "tenant"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost := func(what string, write func() error) {
		t.Helper()
		lose.Store(true)
		if err := write(); err != nil || lose.Load() {
			t.Errorf("%s: %v (lost: %v)", what, err, !lose.Load())
		}
	}
	l, _ := s.Latch(t.Context(), "m1", Isolation)
	l = NextEpisode(l)
	lost("insert", func() error { return s.SaveLatch(t.Context(), &l) })
	l.State = Acting
	lost("replace", func() error { return s.SaveLatch(t.Context(), &l) })
	l.State = Achieved
	lost("replace after a replace whose answer was lost", func() error { return s.SaveLatch(t.Context(), &l) })
	lost("transaction", func() error { return s.Join(t.Context(), l, Joiner{AlertID: "da1", Version: 1}) })
	lost("upsert", func() error { return s.AddOpen(t.Context(), "m1", Isolation) })
	lost("observe", func() error {
		a := sampleAlert()
		o, err := s.Observe(t.Context(), Observation{Alert: a, Hash: alert.DecisionHash(a), At: noon})
		if err == nil && o.Run.Version != 1 {
			err = fmt.Errorf("version %d", o.Run.Version)
		}
		return err
	})
	counts := 0
	lost("update", func() error {
		run, err := s.UpdateRun(t.Context(), "da1", 1, func(r *Run) error { counts++; r.Copies++; return nil })
		if err == nil && run.Copies != 1 {
			err = fmt.Errorf("counted %d times", run.Copies)
		}
		return err
	})
	if record, err := s.Alert(t.Context(), "da1"); err != nil || record.Runs[0].Copies != 1 {
		t.Errorf("%+v, %v", record.Runs, err)
	}
	lost("notice", func() error { _, _, err := s.AddNotice(t.Context(), "g", "k", 1, noon, noon); return err })
}
