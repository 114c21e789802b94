package budget

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
)

// reach asks for an episode of a machine under a cap of three machines an hour and two times a day for any one of them.
func reach(machine string, episode int, at time.Time) Reservation {
	return Reservation{
		Action:     "isolate",
		Key:        fmt.Sprintf("%s:e%d", machine, episode),
		Request:    "first",
		At:         at,
		Machine:    machine,
		MachineCap: Rate{PerDay: 2},
		Cap:        Rate{PerHour: 3, PerDay: 9},
		Rule:       "contain",
		RuleCap:    Rate{PerHour: 3},
		Group:      "g",
		GroupCap:   Rate{PerHour: 3},
	}
}

// machines is a promise: machines are counted, not what was asked for.
func machines(t *testing.T, s *Store) {
	at := noon
	for _, step := range []struct {
		machine string
		episode int
		after   time.Duration
		cap     string // empty: it gets its slot
	}{
		{"m1", 1, 0, ""},
		{"m1", 2, time.Minute, ""}, // the same machine
		{"m1", 3, 2 * time.Minute, "isolate/machine/a day"},
		{"m2", 1, 3 * time.Minute, ""},
		{"m3", 1, 4 * time.Minute, ""},
		{"m4", 1, 5 * time.Minute, "isolate/rule contain/an hour"},
		{"m3", 2, 6 * time.Minute, ""},
		{"m1", 3, 23 * time.Hour, "isolate/machine/a day"},
		{"m1", 3, 24*time.Hour + writing, ""}, // the first of two is a day old, however slowly it was written
	} {
		if slot := reserve(t, s, reach(step.machine, step.episode, at.Add(step.after))); slot.Cap != step.cap {
			t.Errorf("%s for the %d. time after %s: %+v", step.machine, step.episode, step.after, slot)
		}
	}
}

// givenBack is a promise: what came to nothing leaves room, however often that is said.
func givenBack(t *testing.T, s *Store) {
	for i := range 7 {
		r := reach("m1", i+1, noon.Add(time.Duration(i)*time.Minute))
		if slot := reserve(t, s, r); slot != (Slot{}) {
			t.Errorf("try %d: %+v", i, slot)
		}
		for range 2 {
			if err := s.GiveBack(t.Context(), r.Action, r.Key); err != nil {
				t.Error(err)
			}
		}
	}
	later := noon.Add(10 * time.Minute)
	for i := range 3 {
		if slot := reserve(t, s, reach(fmt.Sprint("n", i), 1, later)); slot != (Slot{}) {
			t.Errorf("machine %d: %+v", i, slot)
		}
	}
	if slot := reserve(t, s, reach("n3", 1, later)); !strings.Contains(slot.CapReached, "3 of at most 3 an hour") {
		t.Errorf("a fourth machine: %+v", slot)
	}
	if err := s.GiveBack(t.Context(), "scan", "nobody"); err != nil {
		t.Errorf("of an action that nobody asked for: %v", err)
	}
}

// secondBudgets is a promise: a row of the second version, without machines, is read; each key stands for
// one.
func secondBudgets(t *testing.T, s *Store) {
	type old struct {
		ID          uint64
		At          int64
		Rule, Group uint32
	}
	stamps := []old{{idOf("m1:e1"), noon.UnixMilli(), nameOf("contain"), 0}, {idOf("m1:e2"), noon.UnixMilli(), 0, 0}}
	row := row{
		Keys:        s.budgets.At("isolate"),
		EntriesType: "Edm.Binary",
		CallsType:   "Edm.Binary",
		Entries:     append([]byte{noMachines}, bytesOf(stamps)...),
		Calls:       bytesOf([]old{{idOf("m1:e1", "first"), noon.UnixMilli(), 0, 0}}),
	}
	if err := s.budgets.Save(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	at := noon.Add(time.Second)
	if slot := reserve(t, s, reach("m1", 1, at)); slot != (Slot{}) {
		t.Errorf("what was counted is not found again: %+v", slot)
	}
	if slot := reserve(t, s, reach("m2", 1, at)); slot != (Slot{}) {
		t.Errorf("a third: %+v", slot)
	}
	if slot := reserve(t, s, reach("m3", 1, at)); slot.Cap != "isolate/an hour" {
		t.Errorf("a fourth: %+v", slot)
	}
}

// TestCapsHoldForMachinesInEveryWindow draws episodes of machines, some of which are given back, and holds every
// window.
func TestCapsHoldForMachinesInEveryWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit, each := rapid.IntRange(1, 5).Draw(t, "machines"), rapid.IntRange(1, 4).Draw(t, "each")
		b, now := &slots{}, noon
		type hit struct {
			machine string
			at      time.Time
		}
		counted := map[string]hit{}
		for i := range rapid.IntRange(1, 120).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1200).Draw(t, "pause")) * time.Second)
			m := fmt.Sprint("m", rapid.IntRange(0, 8).Draw(t, "machine"))
			r := Reservation{
				Action:     "isolate",
				Key:        fmt.Sprint(m, ":e", i),
				Machine:    m,
				At:         now,
				Cap:        Rate{PerHour: limit},
				MachineCap: Rate{PerDay: each},
			}
			others, own := map[string]bool{}, 0
			for _, h := range counted {
				if now.Sub(h.at) < time.Hour && h.machine != m {
					others[h.machine] = true
				}
				if now.Sub(h.at) < 24*time.Hour && h.machine == m {
					own++
				}
			}
			already := false
			for _, h := range counted {
				already = already || h.machine == m && now.Sub(h.at) < time.Hour
			}
			room := own < each && (already || len(others) < limit)
			if slot, _ := b.reserve(r); (slot == Slot{}) != room {
				t.Fatalf("%s: %+v, with %d others in the hour and %d times in the day", r.Key, slot, len(others), own)
			}
			if room {
				counted[r.Key] = hit{m, now}
				if rapid.Bool().Draw(t, "failed") {
					delete(counted, r.Key)
					b.entries = b.entries[:len(b.entries)-1]
				}
			}
			b = reread(t, b)
		}
	})
}

func TestAGiveBackThatEndsInTimeSaysSo(t *testing.T) {
	t.Parallel()
	s := &Store{budgets: &rows.Table{}, reserving: rows.NewTurn()}
	s.reserving <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.GiveBack(ctx, "isolate", "m1:e1"); err == nil ||
		!strings.Contains(err.Error(), "give back a place for isolate") {
		t.Error(err)
	}
}

// TestNobodyOvertakesAHigherSeverityThatWaits draws requests that come back when they like, later than they were told
// or never, and lets none get a slot while one of a higher severity waits for its own, or has just got it.
func TestNobodyOvertakesAHigherSeverityThatWaits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		quota := Quota{PerMinute: rapid.IntRange(1, 8).Draw(t, "perMinute"), PerHour: 1000}
		severities := []alert.Severity{alert.High, alert.Medium, alert.Low}
		b, now := &slots{}, noon
		type wait struct {
			severity alert.Severity
			until    time.Time // its place is kept
		}
		waiting, granted, done := map[int]wait{}, map[alert.Severity]time.Time{}, map[int]bool{}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 9_000).Draw(t, "pause")) * time.Millisecond)
			n := rapid.IntRange(0, 40).Draw(t, "request")
			if done[n] {
				continue
			}
			severity := severities[n%3]
			slot, _ := b.reserve(Reservation{Key: fmt.Sprint(n), Severity: severity, At: now, Quota: quota})
			b = reread(t, b)
			if slot != (Slot{}) {
				waiting[n] = wait{severity, slot.FreeAt.Add(placeGoodFor * time.Millisecond)}
				continue
			}
			for other, w := range waiting {
				if other != n && w.severity.Rank() > severity.Rank() && w.until.After(now) {
					t.Fatalf("%s (%d) has a slot at %s while %s (%d) waits", severity, n, now, w.severity, other)
				}
			}
			for higher, at := range granted {
				if higher.Rank() > severity.Rank() && now.Sub(at) < headStart*time.Millisecond {
					t.Fatalf("%s (%d) has a slot %s after %s", severity, n, now.Sub(at), higher)
				}
			}
			if w, waited := waiting[n]; waited && w.until.After(now) {
				granted[severity] = now
			}
			delete(waiting, n)
			done[n] = true
		}
	})
}
