package backtest_test

import (
	"os"
	"testing"

	"cordon/handler/backtest"
	"cordon/handler/playbook/playbooktest"
)

// TestTheSamePlaybookDiffersInNothing decides runs of all kinds, and once more from what was kept of them.
func TestTheSamePlaybookDiffersInNothing(t *testing.T) {
	t.Parallel()
	for file, runs := range map[string]int{"graduated": 10_000, "workstations": 3_000} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("../../playbooks/" + file + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			book := playbooktest.Load(t, string(text))
			trial := backtest.New(backtest.Options{Book: book})
			c := newChance(20261128)
			for i := range runs {
				trial.Add(decide(t, book, c.input(i)))
			}
			r := trial.Report()
			if r.Runs != runs || r.Same != runs || r.Differ+r.UnknownRuns+len(r.Changes)+len(r.Effects) != 0 {
				t.Errorf("of %d runs %d are the same, %d differ, %d are not known: %+v", r.Runs, r.Same, r.Differ,
					r.UnknownRuns, r.Changes)
			}
			if len(r.Then) != 1 || r.Then[0].Name != r.Playbook {
				t.Errorf("decided then by %v, now by %s", r.Then, r.Playbook)
			}
			if r.Total.Then != r.Total.Now || r.Total.Now.Runs == 0 || r.Total.Now.Runs > r.Runs {
				t.Errorf("together %+v", r.Total)
			}
			acts := 0
			for _, rule := range r.Rules {
				if rule.Then != rule.Now {
					t.Errorf("%s counts %+v then, %+v now", rule.Rule, rule.Then, rule.Now)
				}
				acts += rule.Now.Done * rule.Now.Held * rule.Now.Observed
			}
			if acts == 0 || len(r.Reach) == 0 || len(r.Observe) == 0 {
				t.Errorf("the runs are not of all kinds: %+v", r.Rules)
			}
		})
	}
}
