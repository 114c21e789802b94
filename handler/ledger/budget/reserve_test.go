package budget

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestBudgetsHold holds what is promised of slots and caps.
func TestBudgetsHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"caps hold with many at once and a slot is found again":   budgets,
		"64 writers at once all get an answer":                    writers,
		"the quota holds across stores and says when it has room": quotas,
		"a day of 10,000 slots is counted":                        largeDay,
		"a budget row of the first version is read":               firstBudgets,
		"a budget row of the second version is read":              secondBudgets,
		"caps count machines, and each has a cap of its own":      machines,
		"what came to nothing leaves room under the caps":         givenBack,
		"a cap that goes on to hold is told once":                 trips,
	})
}

// isolation asks for a slot under caps of 3 an hour and 4 a day, and no quota.
func isolation(key string, at time.Time) Reservation {
	return Reservation{
		Action:   "isolate",
		Key:      key,
		Request:  "first",
		Severity: alert.High,
		At:       at,
		Cap:      Rate{PerHour: 3, PerDay: 4},
	}
}

func reserve(t *testing.T, s *Store, r Reservation) Slot {
	t.Helper()
	slot, err := s.Reserve(context.Background(), r)
	if err != nil {
		t.Errorf("reserve %s: %v", r.Key, err)
	}
	return slot
}

func budgets(t *testing.T, s *Store) {
	var taken atomic.Int64
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if reserve(t, s, isolation(fmt.Sprintf("m%d:e1", i), noon)) == (Slot{}) {
				taken.Add(1)
			}
		})
	}
	group.Wait()
	if taken.Load() != 3 {
		t.Errorf("%d slots taken, the cap is 3", taken.Load())
	}
	later := noon.Add(61 * time.Minute)
	for range 2 {
		if slot := reserve(t, s, isolation("n:e1", later)); slot != (Slot{}) {
			t.Errorf("after an hour: %+v", slot)
		}
	}
	if slot := reserve(t, s, isolation("o:e1", later)); !strings.Contains(slot.CapReached, "a day") {
		t.Errorf("beyond the day: %+v", slot)
	}
	again := isolation("n:e1", later.Add(time.Hour))
	again.Request = "second"
	if slot := reserve(t, s, again); slot != (Slot{}) {
		t.Errorf("a request that is sent again is counted again: %+v", slot)
	}
	if slot := reserve(t, s, isolation("o:e1", noon.Add(25*time.Hour+time.Minute))); slot != (Slot{}) {
		t.Errorf("a day later: %+v", slot)
	}
}

func writers(t *testing.T, s *Store) {
	const n = 64
	var group sync.WaitGroup
	var taken atomic.Int64
	for i := range n {
		process := In(s.Tables)
		group.Go(func() {
			r := Reservation{
				Action: "isolate",
				Key:    fmt.Sprintf("m%d:e1", i),
				At:     noon,
				Cap:    Rate{PerHour: n - 4, PerDay: 1000},
			}
			if reserve(t, process, r) == (Slot{}) {
				taken.Add(1)
			}
		})
	}
	group.Wait()
	if taken.Load() != n-4 {
		t.Errorf("%d slots taken, the cap is %d", taken.Load(), n-4)
	}
}

// writing is more than the requests of a test take, which a reservation counts as time that has gone by.
const writing = 30 * time.Second

func isAbout(got, want time.Time) bool { return !got.Before(want) && got.Sub(want) < writing }

// quotas spends a quota of 10 a minute from two stores, with more High requests than fit and Low ones beside them.
func quotas(t *testing.T, s *Store) {
	at := noon
	ask := func(key string, severity alert.Severity) Slot {
		r := Reservation{
			Action:   "isolate",
			Key:      key,
			Severity: severity,
			At:       at,
			Quota:    Quota{PerMinute: 10, PerHour: 15},
		}
		return reserve(t, In(s.Tables), r)
	}
	for i := range 8 {
		if slot := ask(fmt.Sprintf("low%d", i), alert.Low); slot != (Slot{}) {
			t.Fatalf("low %d of 8: %+v", i, slot)
		}
	}
	if slot := ask("low8", alert.Low); !isAbout(slot.FreeAt, noon.Add(61*time.Second)) {
		t.Errorf("beyond four fifths: %+v", slot)
	}
	for i := range 2 {
		if slot := ask(fmt.Sprintf("high%d", i), alert.High); slot != (Slot{}) {
			t.Errorf("the last fifth is not there for High: %+v", slot)
		}
	}
	for i := range 4 { // as many as the hour has left, but for one
		if slot := ask(fmt.Sprintf("wait%d", i), alert.High); !isAbout(slot.FreeAt, noon.Add(61*time.Second)) {
			t.Errorf("beyond the minute: %+v", slot)
		}
	}
	at = noon.Add(61*time.Second + writing)
	for i := range 4 {
		if slot := ask(fmt.Sprintf("wait%d", i), alert.High); slot != (Slot{}) {
			t.Errorf("at the time that was named: %+v", slot)
		}
	}
	if slot := ask("low8", alert.Low); !isAbout(slot.FreeAt, noon.Add(time.Hour+time.Second)) {
		t.Errorf("beyond four fifths of the hour: %+v", slot)
	}
}

func largeDay(t *testing.T, s *Store) {
	const n = 10000 // the most that a playbook allows
	row := row{Keys: s.budgets.At("isolate")}
	taken := &slots{}
	for i := range n {
		taken.entries = append(taken.entries, stamp{
			ID:      idOf(fmt.Sprint(i)),
			At:      noon.Add(time.Duration(i) * time.Second).UnixMilli(),
			Machine: uint64(i + 1),
		})
		taken.calls = append(taken.calls, stamp{ID: idOf(fmt.Sprint(i), "first"), At: noon.UnixMilli()})
		taken.waiting = append(taken.waiting, waiter{ID: uint64(i)})
	}
	taken.waiting = taken.waiting[:maxWaiting]
	row.write(taken)
	if err := s.budgets.Save(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	at := noon.Add(n * time.Second)
	ask := func(key string) Slot {
		return reserve(t, s, Reservation{Action: "isolate", Key: key, At: at, Cap: Rate{PerHour: n, PerDay: n}})
	}
	if slot := ask("0"); slot != (Slot{}) {
		t.Errorf("the first of the day is not found: %+v", slot)
	}
	if slot := ask("another"); !strings.Contains(slot.CapReached, "10000 of at most 10000 a day") {
		t.Errorf("beyond the day: %+v", slot)
	}
}

func firstBudgets(t *testing.T, s *Store) {
	type entry struct {
		Key string    `json:"k"`
		At  time.Time `json:"t"`
	}
	packed, err := rows.Pack([]entry{{"m1:e1", noon}, {"m2:e1", noon}, {"m3:e1", noon}})
	if err != nil {
		t.Fatal(err)
	}
	row := row{Keys: s.budgets.At("isolate"), Entries: packed, EntriesType: "Edm.Binary"}
	if err := s.budgets.Save(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	if slot := reserve(t, s,
		isolation("m4:e1", noon.Add(time.Minute))); !strings.Contains(slot.CapReached, "3 of at most 3 an hour") {
		t.Errorf("a fourth: %+v", slot)
	}
	for range 2 {
		if slot := reserve(t, s, isolation("m1:e1", noon.Add(time.Minute))); slot != (Slot{}) {
			t.Errorf("the first again: %+v", slot)
		}
	}
	row.Entries = []byte{budgetFormat + 1}
	row.ETag = ""
	if err := s.budgets.Put(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reserve(t.Context(), isolation("m1:e1", noon)); err == nil {
		t.Error("a slot was given by a row that cannot be read")
	}
}

// TestQuotaHoldsWhoeverAsksAndWhenever draws requests of all severities that ask when they like or when they were told
// to, some of which never come again, and holds every window against the quota.
func TestQuotaHoldsWhoeverAsksAndWhenever(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		quota := Quota{
			PerMinute: rapid.IntRange(1, 12).Draw(t, "perMinute"),
			PerHour:   rapid.IntRange(5, 60).Draw(t, "perHour"),
		}
		severities := []alert.Severity{alert.High, alert.Medium, alert.Low}
		b, now := &slots{}, noon
		var sent []grant
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30_000).Draw(t, "pause")) * time.Millisecond)
			n := rapid.IntRange(0, 40).Draw(t, "request")
			r := Reservation{
				Key:      fmt.Sprint(n),
				Request:  fmt.Sprint(i / 60),
				Severity: severities[n%3],
				At:       now,
				Quota:    quota,
			}
			known := hasID(b.calls, idOf(r.Key, r.Request))
			slot, _ := b.reserve(r)
			if slot == (Slot{}) && !(known && len(sent) > 0 && sentLately(sent, r, now)) {
				sent = append(sent, grant{r, now})
			}
			if slot != (Slot{}) && !slot.FreeAt.After(now) {
				t.Fatalf("told at %s to ask again at %s", now, slot.FreeAt)
			}
			b = reread(t, b)
		}
		checkWindows(t, sent, quota)
	})
}

type grant struct {
	Reservation
	at time.Time
}

func sentLately(sent []grant, r Reservation, now time.Time) bool {
	for _, g := range sent {
		if g.Key == r.Key && g.Request == r.Request && now.Sub(g.at) < slotGoodFor*time.Millisecond {
			return true
		}
	}
	return false
}

// reread passes the slots through the row.
func reread(t *rapid.T, b *slots) *slots {
	var row row
	row.write(b)
	again, err := row.read()
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func checkWindows(t *rapid.T, sent []grant, quota Quota) {
	for _, w := range []struct {
		length time.Duration
		limit  int
	}{{time.Minute, quota.PerMinute}, {time.Hour, quota.PerHour}} {
		for i, g := range sent {
			inWindow := 0
			for _, earlier := range sent[:i+1] {
				if g.at.Sub(earlier.at) < w.length {
					inWindow++
				}
			}
			if inWindow > share(w.limit, int64(g.Severity.Rank())) {
				t.Fatalf("%s at %s is number %d of at most %d in %s", g.Severity, g.at, inWindow,
					share(w.limit, int64(g.Severity.Rank())), w.length)
			}
		}
	}
}

// TestThoseWhoWaitComeInOrderAtTheTimesTheyWereTold lets a burst ask and come again as told: High ones first, none more
// than a few times, and all of them as fast as the quota lets them.
func TestThoseWhoWaitComeInOrderAtTheTimesTheyWereTold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		high, low := rapid.IntRange(0, 40).Draw(t, "high"), rapid.IntRange(0, 40).Draw(t, "low")
		quota := Quota{PerMinute: 10, PerHour: 1000}
		b := &slots{}
		var queue []grant // in order of time
		for i := range high + low {
			r := Reservation{Key: fmt.Sprint(i), Severity: alert.High, Quota: quota}
			if i >= high {
				r.Severity = alert.Medium
			}
			queue = append(queue, grant{r, noon.Add(time.Duration(i/4) * time.Millisecond)})
		}
		var sent []grant
		asked := 0
		for ; len(queue) > 0; asked++ {
			first := 0
			for i := range queue {
				if queue[i].at.Before(queue[first].at) {
					first = i
				}
			}
			g := queue[first]
			queue = append(queue[:first], queue[first+1:]...)
			g.At = g.at
			if slot, _ := b.reserve(g.Reservation); slot != (Slot{}) {
				g.at = slot.FreeAt
				queue = append(queue, g)
				continue
			}
			sent = append(sent, g)
		}
		checkWindows(t, sent, quota)
		for i, g := range sent {
			if (i < high) != (g.Severity == alert.High) {
				t.Fatalf("number %d of %d is %s, %d are High", i, len(sent), g.Severity, high)
			}
		}
		if asked > 3*(high+low) {
			t.Fatalf("%d requests asked %d times", high+low, asked)
		}
		if high > 0 {
			floor := time.Duration((high-1)/quota.PerMinute) * time.Minute
			if last := sent[high-1].at.Sub(noon); last > floor+floor/10+time.Second {
				t.Fatalf("the last of %d High was sent after %s, the quota's floor is %s", high, last, floor)
			}
		}
	})
}

// TestCapsOfRuleAndGroupHoldBesideThoseOfAll has two rules and two groups under caps of their own.
func TestCapsOfRuleAndGroupHoldBesideThoseOfAll(t *testing.T) {
	t.Parallel()
	taken := &slots{}
	ask := func(key, rule, group string, at time.Time) Slot {
		slot, _ := taken.reserve(Reservation{
			Action:   "isolate",
			Key:      key,
			At:       at,
			Cap:      Rate{PerMinute: 3, PerHour: 5, PerDay: 9},
			Rule:     rule,
			RuleCap:  Rate{PerHour: 3},
			Group:    group,
			GroupCap: Rate{PerMinute: 2},
		})
		return slot
	}
	for _, step := range []struct {
		key, rule, group string
		after            time.Duration
		cap, why         string // empty: it gets its slot
	}{
		{"m1", "a", "g", 0, "", ""},
		{"m2", "a", "g", 0, "", ""},
		{"m3", "a", "g", time.Second, "isolate/group g/a minute", "2 of at most 2 a minute are taken for group g"},
		{"m2", "a", "g", time.Second, "", ""}, // counted before
		{"m3", "a", "h", time.Second, "", ""},
		{"m4", "a", "h", 2 * time.Second, "isolate/rule a/an hour", "3 of at most 3 an hour are taken for rule a"},
		{"m4", "b", "h", 2 * time.Second, "isolate/a minute", "3 of at most 3 a minute are taken"},
		{"m4", "b", "h", time.Minute + time.Second, "", ""},
		{"m5", "b", "g", time.Minute + time.Second, "", ""},
		{"m6", "b", "g", 3 * time.Minute, "isolate/an hour", "5 of at most 5 an hour are taken"},
		{"m6", "a", "g", time.Hour + 2*time.Second, "", ""},
	} {
		if slot := ask(step.key, step.rule, step.group, noon.Add(step.after)); slot.Cap != step.cap ||
			slot.CapReached != step.why || (slot.CapWindow > 0) != (step.cap != "") {
			t.Errorf("%s of rule %s and group %s after %s: %+v", step.key, step.rule, step.group, step.after, slot)
		}
	}
	row := &row{}
	row.write(taken)
	if back, err := row.read(); err != nil || fmt.Sprint(back.entries) != fmt.Sprint(taken.entries) {
		t.Errorf("the row is not read as it was written: %v", err)
	}
}
