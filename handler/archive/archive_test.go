package archive_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/archive"
	"cordon/handler/decided"
	"cordon/handler/ledger/decisions"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
	"cordon/local/tables"
)

func open(t *testing.T) *archive.Archive {
	t.Helper()
	server := tables.New(tables.Options{})
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
	return &archive.Archive{Decisions: decisions.In(made), Version: "v1"}
}

func made(t *testing.T, id string, change func(*archive.Made)) archive.Made {
	t.Helper()
	book := playbooktest.Load(t, playbooktest.OneRule(`alert.severity == "High"`, ""))
	in := playbooktest.Input()
	plan := book.Decide(in)
	m := archive.Made{
		Run: runs.Run{
			AlertID:    id,
			Version:    2,
			ObservedAt: playbooktest.Now(),
			Rule:       plan.Rule,
			Mode:       string(plan.Mode),
			Book:       book.Hash(),
		},
		Input:     in,
		Plan:      plan,
		Continued: []string{"isolate"},
		Playbook:  book.Hash(),
	}
	change(&m)
	return m
}

func TestADecisionIsReadAsItWasMade(t *testing.T) {
	t.Parallel()
	a := open(t)
	m := made(t, "da1", func(*archive.Made) {})
	for range 2 {
		if err := a.Keep(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	d, found, err := a.Read(t.Context(), m.Run)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	want := decided.Of(m.Input, m.Plan)
	want.Run, want.AlertID, want.Version, want.ObservedAt = "da1:v2", "da1", 2, m.Run.ObservedAt
	want.Playbook, want.Cordon, want.Continued = m.Playbook, "v1", []string{"isolate"}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	page, next, err := a.Page(t.Context(), decisions.Query{Limit: 10})
	if err != nil || next != "" || cmp.Diff([]decided.Decision{want}, page) != "" {
		t.Errorf("%+v, %q, %v", page, next, err)
	}
	if _, found, err := a.Read(t.Context(), runs.Run{AlertID: "da2", Version: 1}); found || err != nil {
		t.Errorf("a run that was not decided: %v, %v", found, err)
	}
}

// TestPagesStaySmallWhateverIsInThem keeps alerts that were blown up so that they pack well.
func TestPagesStaySmallWhateverIsInThem(t *testing.T) {
	t.Parallel()
	a := open(t)
	const count = 40
	for i := range count {
		m := made(t, fmt.Sprintf("da%02d", i), func(m *archive.Made) {
			for j := range 1000 {
				m.Input.Alert.Evidence = append(m.Input.Alert.Evidence, alert.Evidence{
					Kind:        "Process",
					AccountName: strings.Repeat("a", 3000),
					CommandLine: strings.Repeat("x", 30_000) + fmt.Sprint(j),
				})
			}
		})
		if err := a.Keep(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	q := decisions.Query{Limit: archive.MostOnPage}
	for range count + 1 {
		page, next, err := a.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, d := range page {
			seen[d.Run] = true
			for _, text := range d.Texts() {
				size += len(text.Get())
			}
			if d.Whole() {
				t.Errorf("%s is said to be whole", d.Run)
			}
		}
		if size > 6<<20 {
			t.Errorf("a page of %d decisions has %d bytes of text", len(page), size)
		}
		if q.After = next; next == "" {
			break
		}
	}
	if len(seen) != count {
		t.Errorf("%d of %d decisions were seen", len(seen), count)
	}
}

func TestOneThatCannotBeReadHidesNoOther(t *testing.T) {
	t.Parallel()
	a := open(t)
	err := a.Decisions.Put(context.Background(), decisions.Record{
		AlertID:    "da1",
		Version:    1,
		ObservedAt: playbooktest.Now().Add(time.Minute),
		Body:       []byte("torn"),
	})
	if err == nil {
		err = a.Keep(t.Context(), made(t, "da2", func(*archive.Made) {}))
	}
	if err != nil {
		t.Fatal(err)
	}
	page, _, err := a.Page(t.Context(), decisions.Query{Limit: 10})
	if err != nil || len(page) != 2 || page[0].Run != "da1:v1" || page[0].Whole() || !page[1].Whole() {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestAnEarlierDecisionNeverStandsForOneThatIsTooLarge decides a run again on facts of which nothing fits.
func TestAnEarlierDecisionNeverStandsForOneThatIsTooLarge(t *testing.T) {
	t.Parallel()
	a := open(t)
	m := made(t, "da1", func(*archive.Made) {})
	if err := a.Keep(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	row := map[string]string{}
	for i := range 3_000 {
		row[alert.SHA256([]byte{byte(i), byte(i >> 8)})] = "x"
	}
	m.Input.Hunt = &playbook.Hunt{Name: "wide", Row: row}
	m.Plan.Rule = "another"
	if err := a.Keep(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	d, found, err := a.Read(t.Context(), m.Run)
	if err != nil || !found || d.Run != "da1:v2" || d.Rule != "" || d.Whole() || d.Facts.Alert.ID != "" {
		t.Errorf("kept is %+v, %v, %v", d, found, err)
	}
}

// TestAnEarlierDecisionIsNotShownForTheOneInTheRun has a process die, or come late, between the run and what it was
// decided on.
func TestAnEarlierDecisionIsNotShownForTheOneInTheRun(t *testing.T) {
	t.Parallel()
	a := open(t)
	m := made(t, "da1", func(*archive.Made) {})
	if err := a.Keep(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*runs.Run){
		"playbook": func(run *runs.Run) { run.Book = "another" },
		"rule":     func(run *runs.Run) { run.Rule = "another" },
		"mode":     func(run *runs.Run) { run.Mode = "observe" },
	} {
		run := m.Run
		change(&run)
		d, found, err := a.Read(t.Context(), run)
		if err != nil || !found || d.Whole() || d.Facts.Alert.ID != "" {
			t.Errorf("another %s: %+v, %v, %v", name, d, found, err)
		}
	}
}

// TestFactsThatCannotBeWrittenHinderNothing has a time that no JSON holds.
func TestFactsThatCannotBeWrittenHinderNothing(t *testing.T) {
	t.Parallel()
	a := open(t)
	m := made(t, "da1", func(m *archive.Made) {
		m.Input.Alert.LastEvent = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	})
	if err := a.Keep(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	d, found, err := a.Read(t.Context(), m.Run)
	if err != nil || !found || d.Whole() || !strings.Contains(d.Left[0], "cannot be written") {
		t.Errorf("%+v, %v, %v", d, found, err)
	}
}
