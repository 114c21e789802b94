package erasure_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/desk/erasure"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/rows"
	"cordon/handler/machine"
)

const title = "Credentials of Alice were read"

// answered is a world in which two alerts are answered, of which one names a person.
func answered(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.High)
	w.AlertOn("da2", "m2", alert.High)
	p := w.Start(-1, false)
	w.Edited(p, "da1", func(a *alert.Alert) {
		a.Title = title
		a.RelatedUser.Name = "ALICE"
		a.Evidence = []alert.Evidence{{Kind: "Process", CommandLine: `C:\Users\alice\x.exe`}}
	})
	w.Drain(p, 5)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Drain(p, 5)
	return w
}

func order(id string) desk.Command {
	return desk.Command{
		ID:     id,
		Reason: "request 17",
		By:     journal.Author{Name: "operator@contoso.com"},
	}
}

// facts says of each alert whether it is kept what its newest run was decided on, and what its run and the list of all
// runs call it.
func facts(t *testing.T, w *world.World) (kept map[string]bool, titles string) {
	t.Helper()
	p := w.Start(-1, false)
	kept = map[string]bool{}
	for _, id := range []string{"da1", "da2"} {
		is, err := w.History(p).Show(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		kept[id] = is.Decision != nil
		titles += is.Run.Title
	}
	listed, _, err := p.Ledger.Lists.Page(t.Context(), lists.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range listed {
		titles += e.Title
	}
	return kept, titles
}

func TestFactsOfAPersonGoAndOthersStay(t *testing.T) {
	t.Parallel()
	w := answered(t)
	if kept, titles := facts(t, w); !kept["da1"] || !kept["da2"] || strings.Count(titles, title) < 2 {
		t.Fatalf("%v, %s", kept, titles)
	}
	e := w.Eraser(w.Start(-1, false))
	done, err := e.Erase(t.Context(), order("c-0000001"), erasure.Subject{User: `c:\users\ALICE`}, "")
	if err != nil || done.State != journal.Done || done.Erased != 1 || done.Looked < 2 || done.Next != "" {
		t.Fatalf("%+v, %v", done, err)
	}
	kept, titles := facts(t, w)
	if kept["da1"] || !kept["da2"] || strings.Contains(titles, title) {
		t.Errorf("%v, %s", kept, titles)
	}
	entries, _, err := e.Desk.Journal.Page(t.Context(), 10, "")
	if err != nil || len(entries) != 1 || entries[0].Verb != desk.VerbErase || entries[0].Reason != "request 17" {
		t.Fatalf("%+v, %v", entries, err)
	}
	if said := fmt.Sprintf("%+v", entries[0]); strings.Contains(strings.ToLower(said), "alice") {
		t.Errorf("the journal keeps the name: %s", said)
	}
	if run := w.Run("da1", 2); run.Outcome != "isolated" || run.Rule == "" {
		t.Errorf("the run itself is %+v", run)
	}
}

func TestFactsOfAMachineGoAndOthersStay(t *testing.T) {
	t.Parallel()
	w := answered(t)
	e := w.Eraser(w.Start(-1, false))
	done, err := e.Erase(t.Context(), order("c-0000001"), erasure.Subject{Machine: "M2"}, "")
	if err != nil || done.Erased != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if kept, _ := facts(t, w); !kept["da1"] || kept["da2"] {
		t.Errorf("%v", kept)
	}
	named, _, err := e.Lists.Page(t.Context(), lists.Query{Name: "m2", Limit: 10})
	if err != nil || len(named) != 0 {
		t.Errorf("it is still found by its name: %+v, %v", named, err)
	}
	byID, _, err := e.Lists.Page(t.Context(), lists.Query{Machine: "m2", Limit: 10})
	if err != nil || len(byID) != 1 || byID[0].MachineName != "" {
		t.Errorf("by its id: %+v, %v", byID, err)
	}
}

// rest looks for texts in the rows of the tables that hold runs, their lists and their facts.
func rest(t *testing.T, e *erasure.Eraser, texts ...string) (found []string) {
	t.Helper()
	for _, name := range []string{rows.Alerts, rows.RunIndex, rows.Decisions} {
		table := e.Desk.Runs.Table(name)
		all, err := rows.List[json.RawMessage](t.Context(), table, table.Whole())
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range all {
			for _, text := range texts {
				at := strings.Index(strings.ToLower(string(row)), text)
				if at >= 0 {
					found = append(found, name+": "+string(row[max(0, at-40):at+len(text)]))
				}
			}
		}
	}
	return found
}

// TestNoRowOfRunsNamesWhatWasErased has versions of alerts that were decided and ones that a newer took the place of.
func TestNoRowOfRunsNamesWhatWasErased(t *testing.T) {
	t.Parallel()
	for _, s := range []erasure.Subject{{User: "alice"}, {Machine: "m2"}} {
		w := answered(t)
		p := w.Start(-1, false)
		for _, id := range []string{"da1", "da2"} {
			for _, severity := range []alert.Severity{alert.Medium, alert.High} {
				w.EditAlert(id, func(a *alert.Alert) {
					a.Severity = severity
					a.Title = title
					a.ComputerDNSName = a.MachineID + ".corp.contoso.com"
				})
			}
		}
		w.Drain(p, 9)
		e := w.Eraser(p)
		name := "alice"
		if s.Machine != "" {
			name = "m2.corp"
		}
		before := rest(t, e, name)
		done, err := e.Erase(t.Context(), order("c-0000001"), s, "")
		if err != nil || done.State != journal.Done || len(before) == 0 {
			t.Fatalf("%+v: %+v, %v, %d rows name it", s, done, err, len(before))
		}
		if left := rest(t, e, name); len(left) > 0 {
			t.Errorf("%+v: %d of %d rows still name it: %s", s, len(left), len(before), strings.Join(left, "\n"))
		}
	}
}

func TestWhatIsNotOverKeepsItsFacts(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.High)
	w.AlertOn("da2", "m2", alert.Low)
	w.Drain(w.Start(-1, false), 5)
	e := w.Eraser(w.Start(-1, false))
	done, err := e.Erase(t.Context(), order("c-0000001"), erasure.Subject{Machine: "m1"}, "")
	if err != nil || done.Erased != 0 || done.Open != 1 || !strings.Contains(done.Result, "1 are not over") {
		t.Errorf("%+v, %v", done, err)
	}
	if kept, _ := facts(t, w); !kept["da1"] {
		t.Error("they are gone")
	}
}

// TestKilledAtAnyCallFactsAreErasedAtTheLatestWhenItIsOrderedAgain kills the process at every call of an order. The
// journal never says done of what is left, and what was erased halfway is erased whole by the next order.
func TestKilledAtAnyCallFactsAreErasedAtTheLatestWhenItIsOrderedAgain(t *testing.T) {
	t.Parallel()
	for _, s := range []erasure.Subject{{User: "alice"}, {Machine: "m1"}} {
		for _, mute := range []bool{false, true} {
			points := 0
			for killed(t, s, points, mute) {
				points++
			}
			if points < 8 {
				t.Errorf("only %d kill points", points)
			}
		}
	}
}

func killed(t *testing.T, s erasure.Subject, breaths int, mute bool) (died bool) {
	t.Helper()
	w := answered(t)
	dying := w.Start(breaths, mute)
	_, _ = w.Eraser(dying).Erase(context.Background(), order("c-0000001"), s, "")
	w.Advance(2 * time.Hour)
	d, _ := w.Desk()
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, _ := facts(t, w)
	entries, _, err := d.Journal.Page(t.Context(), 10, "")
	if err != nil || len(entries) > 1 {
		t.Fatalf("%+v, %v", entries, err)
	}
	if len(entries) == 1 && entries[0].State == journal.Done && kept["da1"] {
		t.Errorf("killed after %d calls (answer lost: %v): the journal says done, and the facts are there", breaths, mute)
	}
	done, err := w.Eraser(w.Start(-1, false)).Erase(t.Context(), order("c-0000002"), s, "")
	if err != nil || done.State != journal.Done {
		t.Fatalf("ordered again: %+v, %v", done, err)
	}
	kept, titles := facts(t, w)
	if kept["da1"] || !kept["da2"] || s.User != "" && strings.Contains(titles, title) {
		t.Errorf("killed after %d calls (answer lost: %v), then ordered again: %v, %s", breaths, mute, kept, titles)
	}
	if s.Machine != "" {
		left := rest(t, w.Eraser(w.Start(-1, false)), "m1.corp")
		if len(left) > 0 {
			t.Errorf("killed after %d calls (answer lost: %v), then ordered again, rows name it: %v", breaths, mute, left)
		}
	}
	return dying.Died()
}
