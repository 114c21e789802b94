package history_test

import (
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/runs"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// TestARunIsShownAsItWasDecided reads runs by their ids and by the alert's, with the plan of then.
func TestARunIsShownAsItWasDecided(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	d, _ := w.Desk()
	h := w.History(p)
	for _, which := range []string{"da1", "da1:v1"} {
		is, err := h.Show(t.Context(), which)
		if err != nil || is.Run.ID() != "da1:v1" || is.Plan == nil || is.Plan.Rule != "contain-high-severity" ||
			len(is.Plan.Rules) != 1 || len(is.Plan.Rules[0].Clauses) == 0 || len(is.Plan.Rails) == 0 ||
			len(is.Versions) != 1 {
			t.Fatalf("%s: %+v, %v", which, is, err)
		}
		if is.Decision == nil || is.Decision.Facts.Machine == nil || len(is.Plan.Rules[0].Clauses[0].Values) == 0 ||
			is.Today == nil || !is.Today.Same || is.Today.Differs || is.Run.MachineName == "" ||
			is.Run.Steps[0].Action == "" {
			t.Errorf("%s: facts %+v, today %+v, run %+v", which, is.Decision, is.Today, is.Run)
		}
	}
	w.Edited(p, "da1", func(a *alert.Alert) { a.Status = "Resolved" })
	is, err := h.Show(t.Context(), "da1")
	if err != nil || is.Run.Version != 2 || len(is.Versions) != 2 || is.Versions[0].Version != 2 {
		t.Errorf("after a change: %+v, %v", is.Run, err)
	}
	c := desk.Command{
		ID:     "c-0000001",
		Reason: "no need",
		By:     journal.Author{Name: "operator@contoso.com"},
	}
	if _, err := d.Drops(t.Context(), c, []string{"da1"}); err != nil {
		t.Fatal(err)
	}
	is, err = h.Show(t.Context(), "da1:v1")
	if err != nil || len(is.Commands) != 1 || is.Commands[0].Verb != desk.VerbDrop {
		t.Errorf("by hand: %+v, %v", is.Commands, err)
	}
	for _, which := range []string{"da1:v9", "da2", "", "../x", "da1:v1:v1"} {
		if _, err := h.Show(t.Context(), which); !desk.IsRefusal(err) {
			t.Errorf("%q: %v", which, err)
		}
	}
}

// TestTodayIsWhatAnotherPlaybookWouldDo shows a run beside playbooks that decide the same, and otherwise.
func TestTodayIsWhatAnotherPlaybookWouldDo(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	h := w.History(p)
	for text, differs := range map[string]bool{
		world.IsolateHigh + "# a comment\n":                                     false,
		strings.Replace(world.IsolateHigh, `== "High"`, `== "Low"`, 1):          true,
		strings.Replace(world.IsolateHigh, "mode: enforce", "mode: observe", 1): true,
	} {
		h.Book = playbooktest.Load(t, text)
		is, err := h.Show(t.Context(), "da1")
		if err != nil || is.Today == nil || is.Today.Same || is.Today.Differs != differs ||
			is.Today.Playbook != h.Book.Hash() {
			t.Errorf("%v: %+v\n%s", err, is.Today, text)
		}
	}
}

// TestARunWhosePlanIsNotKeptIsShownAllTheSame reads runs from before plans were kept, and one whose plan was too large.
func TestARunWhosePlanIsNotKeptIsShownAllTheSame(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	h := w.History(p)
	keep := func(change func(run *runs.Run) error) {
		t.Helper()
		_, err := p.Ledger.Runs.Update(t.Context(), "da1", 1, func(run *runs.Run) (bool, error) {
			return true, change(run)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r, _, err := p.Ledger.Decisions.Read(t.Context(), "da1", 1, w.Run("da1", 1).ObservedAt)
	if err == nil {
		r.Body = []byte("torn")
		err = p.Ledger.Decisions.Put(t.Context(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
	is, err := h.Show(t.Context(), "da1")
	if err != nil || is.Decision == nil || is.Decision.Whole() || is.Today != nil || is.Plan.Rule == "" ||
		len(is.Plan.Rules) != 1 || len(is.Plan.Rails) == 0 || len(is.Plan.Steps) == 0 {
		t.Errorf("with facts that cannot be read: %+v, %v", is.Plan, err)
	}
	if err := p.Ledger.Decisions.Remove(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	is, err = h.Show(t.Context(), "da1")
	if err != nil || is.Decision != nil || is.Today != nil || len(is.Plan.Rules) != 1 ||
		len(is.Plan.Rules[0].Clauses) != 2 || is.Plan.Rules[0].Clauses[0].Values != nil {
		t.Errorf("without the facts: %+v, %v", is.Plan, err)
	}
	keep(func(run *runs.Run) error {
		run.Plan, run.PlanType = nil, ""
		return nil
	})
	if is, err := h.Show(t.Context(), "da1"); err != nil || is.Plan != nil || is.Run.Outcome != "isolated" {
		t.Errorf("without a plan: %+v, %v", is, err)
	}
	steps := []playbook.Step{{Kind: playbook.Isolate}}
	keep(func(run *runs.Run) error { return run.SetPlan(steps, steps) })
	is, err = h.Show(t.Context(), "da1")
	if err != nil || is.Plan == nil || len(is.Plan.Steps) != 1 || is.Plan.Rule != "contain-high-severity" {
		t.Errorf("with its steps alone: %+v, %v", is.Plan, err)
	}
}
