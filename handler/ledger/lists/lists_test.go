package lists

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/ledger/rows/rowstest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestListsHold holds what is promised of the lists.
func TestListsHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"every question finds just what it asks for":  asked,
		"a run leaves the lists that it is not on":    left,
		"what is hostile is on its own lists only":    hostile,
		"a place that is none gives nothing away":     strange,
		"a run with many rules and outcomes is found": many,
		"what is very long is on its own lists only":  tooLong,
		"what is said twice is listed once":           twice,
		"times that no run has are no error":          far,
	})
}

func enter(t *testing.T, s *Store, e Entry, off string) {
	t.Helper()
	if err := s.Enter(t.Context(), e, off); err != nil {
		t.Fatal(err)
	}
}

// read reads all pages of a question.
func read(t *testing.T, s *Store, q Query) (ids []string, pages int) {
	t.Helper()
	for {
		found, next, err := s.Page(t.Context(), q)
		if err != nil || len(found) > q.Limit {
			t.Fatalf("%+v: %d runs, %v", q, len(found), err)
		}
		for _, e := range found {
			ids = append(ids, e.ID())
		}
		pages++
		if q.After = next; next == "" {
			return ids, pages
		}
	}
}

// asked holds every combination of what can be asked for against going through all runs.
func asked(t *testing.T, s *Store) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	var all []Entry
	for i := range 40 {
		e := Entry{
			AlertID:    fmt.Sprintf("da%d", i),
			Version:    1 + random.IntN(3),
			ObservedAt: noon.Add(time.Duration(random.IntN(50)) * time.Minute),
			MachineID:  pick("", "m1", "M1", "m11"),

			MachineName: pick("", "pc1.contoso.com", "PC1", "pc11"),
			Incident:    int64(random.IntN(3)),
			Severity:    pick("High", "Medium", "high"),
			Rule:        pick("", "contain", "contain, tell", "tell"),
			Outcome:     pick("", "held", "isolated, held", "no rule"),
		}
		enter(t, s, e, "")
		enter(t, s, e, "")
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.place(), b.place()) })
	for range 60 {
		q := Query{
			Machine:  pick("", "", "m1", "m11", "m2"),
			Name:     pick("", "", "", "pc1", "Pc1.contoso.com"),
			Incident: int64(random.IntN(3)),
			Severity: pick("", "", "High", "Low"),
			Rule:     pick("", "", "contain", "tell"),
			Outcome:  pick("", "", "held", "isolated"),
			Limit:    1 + random.IntN(5),
		}
		if random.IntN(2) == 0 {
			q.Since = noon.Add(20 * time.Minute)
		}
		if random.IntN(2) == 0 {
			q.Until = noon.Add(30 * time.Minute)
		}
		var want []string
		for _, e := range all {
			if naive(q, e) {
				want = append(want, e.ID())
			}
		}
		if got, _ := read(t, s, q); !slices.Equal(got, want) {
			t.Errorf("%+v:\n got %v\nwant %v", q, got, want)
		}
	}
}

// naive says again, without lists, which runs are wanted.
func naive(q Query, e Entry) bool {
	has := func(joined, one string) bool {
		return one == "" || slices.Contains(strings.Split(joined, ", "), one)
	}
	host, _, _ := strings.Cut(e.MachineName, ".")
	return (q.Machine == "" || strings.EqualFold(q.Machine, e.MachineID)) &&
		(q.Name == "" || strings.EqualFold(q.Name, e.MachineName) || strings.EqualFold(q.Name, host)) &&
		(q.Incident == 0 || q.Incident == e.Incident) &&
		(q.Severity == "" || strings.EqualFold(q.Severity, e.Severity)) &&
		has(e.Rule, q.Rule) && has(e.Outcome, q.Outcome) &&
		!e.ObservedAt.Before(q.Since) && (q.Until.IsZero() || e.ObservedAt.Before(q.Until))
}

func left(t *testing.T, s *Store) {
	e := Entry{
		AlertID:    "da1",
		Version:    1,
		ObservedAt: noon,
		Rule:       "contain",
		Outcome:    "held",
	}
	enter(t, s, e, "")
	on, off := e.Move("", "")
	if off != "" {
		t.Errorf("what was on no list is off %s", off)
	}
	e.Outcome = "isolated"
	_, off = e.Move(on, "")
	for range 2 {
		enter(t, s, e, off)
		held, _ := read(t, s, Query{Outcome: "held", Limit: 5})
		both, _ := read(t, s, Query{Rule: "contain", Outcome: "held", Limit: 5})
		now, _ := read(t, s, Query{Rule: "contain", Outcome: "isolated", Limit: 5})
		whole, _ := read(t, s, Query{Limit: 5})
		if len(held) != 0 || len(both) != 0 || len(now) != 1 || len(whole) != 1 {
			t.Errorf("%v, %v, %v, %v", held, both, now, whole)
		}
	}
}

func hostile(t *testing.T, s *Store) {
	texts := []string{"a|b", "a", "b", "a'", "a|b|c", "é\u202e", "a/b#?%", " ", "~"}
	for i, text := range texts {
		enter(t, s, Entry{
			AlertID:    fmt.Sprintf("da%d", i),
			Version:    1,
			ObservedAt: noon,
			MachineID:  text,
			Severity:   text,
			Rule:       text,
			Outcome:    text,
		}, "")
	}
	for i, text := range texts {
		want := []string{fmt.Sprintf("da%d:v1", i)}
		for _, q := range []Query{{Machine: text}, {Severity: text}, {Rule: text}, {Outcome: text}, {Rule: text, Outcome: text}} {
			q.Limit = 5
			got, _ := read(t, s, q)
			blank := text == " " && (q.Rule != "" || q.Outcome != "")
			if !slices.Equal(got, want) && !blank {
				t.Errorf("%+v: %v, want %v", q, got, want)
			}
		}
	}
}

func strange(t *testing.T, s *Store) {
	enter(t, s, Entry{AlertID: "da1", Version: 1, ObservedAt: noon, MachineID: "m1"}, "")
	enter(t, s, Entry{AlertID: "da2", Version: 1, ObservedAt: noon, MachineID: "m2"}, "")
	for _, place := range []string{"' or RowKey gt '", "~", "\x00", strings.Repeat("9", 4000), "%27", "0"} {
		found, _, err := s.Page(t.Context(), Query{Machine: "m1", Limit: 2, After: place})
		if err != nil || len(found) > 1 || len(found) == 1 && found[0].AlertID != "da1" {
			t.Errorf("%.20q: %+v, %v", place, found, err)
		}
	}
}

func many(t *testing.T, s *Store) {
	var rules []string
	for i := range 200 {
		rules = append(rules, fmt.Sprintf("rule%d", i))
	}
	enter(t, s, Entry{
		AlertID:    "da1",
		Version:    1,
		ObservedAt: noon,
		Rule:       strings.Join(rules, ", "),
		Outcome:    "isolated, scanned, tagged",
	}, "")
	for _, q := range []Query{{}, {Rule: "rule3"}} {
		q.Limit = 2
		if got, _ := read(t, s, q); len(got) != 1 {
			t.Errorf("%+v: %v", q, got)
		}
	}
}

// long has two runs whose every text differs in its last character only.
func tooLong(t *testing.T, s *Store) {
	text := func(end string) string { return strings.Repeat("/", 4000) + end }
	for _, end := range []string{"a", "b"} {
		enter(t, s, Entry{
			AlertID:     "da" + end,
			Version:     1,
			ObservedAt:  noon,
			MachineID:   text(end),
			MachineName: text(end),
			Severity:    text(end),
			Rule:        text(end),
			Outcome:     text(end),
		}, "")
	}
	for _, q := range []Query{
		{Machine: text("a")},
		{Name: text("a")},
		{Severity: text("a")},
		{Rule: text("a")},
		{Outcome: text("a")},
		{Rule: text("a"), Outcome: text("a")},
	} {
		q.Limit = 10
		if got, _ := read(t, s, q); !slices.Equal(got, []string{"daa:v1"}) {
			t.Errorf("found %v", got)
		}
	}
}

// twice has a run that says a rule and an outcome twice: a write with the same row twice would be refused.
func twice(t *testing.T, s *Store) {
	e := Entry{
		AlertID:    "da1",
		Version:    1,
		ObservedAt: noon,
		Rule:       "contain, contain",
		Outcome:    "held, held",
	}
	enter(t, s, e, "")
	if ids, _ := read(t, s, Query{Rule: "contain", Outcome: "held", Limit: 5}); len(ids) != 1 {
		t.Errorf("found are %v", ids)
	}
}

// far asks from and until times that cannot be counted in nanoseconds.
func far(t *testing.T, s *Store) {
	enter(t, s, Entry{AlertID: "da1", Version: 1, ObservedAt: noon}, "")
	early, late := time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	for want, queries := range [][]Query{
		{{Since: late}, {Until: early}, {Since: late, Until: late}, {After: strings.Repeat("9", 100_000)}},
		{{Since: early}, {Until: late}, {Since: early, Until: late}, {After: strings.Repeat("0", 100_000)}},
	} {
		for _, q := range queries {
			q.Limit = 5
			if ids, _ := read(t, s, q); len(ids) != want {
				t.Errorf("since %s until %s after %.3s: %v", q.Since, q.Until, q.After, ids)
			}
		}
	}
}
