package respond_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/internal/world"
	"cordon/handler/ledger/lists"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/respond"
)

// canaries is an enforced playbook with rules that only observe: one alone, one beside a rule that acts, and one that
// wants what such a rule does.
const canaries = `version: 1
mode: enforce
rules:
  - {name: alone, on: alert, when: alert.category == "alone", mode: observe, do: [isolate: {type: Full}, mail: {}]}
  - {name: beside, on: alert, when: alert.category == "beside", mode: observe, continue: true, do: [scan: {type: Quick}]}
  - {name: same, on: alert, when: alert.category == "same", mode: observe, continue: true, do: [isolate: {type: Full}]}
  - {name: act, on: alert, when: 'alert.category in ["beside", "same"]', do: [isolate: {type: Full}, mail: {}]}
protect: {tags: [never-isolate]}
`

// TestARunSaysWhatARuleThatObservesWouldHaveDone looks at the outcomes that lists and people see.
func TestARunSaysWhatARuleThatObservesWouldHaveDone(t *testing.T) {
	t.Parallel()
	for category, want := range map[string]struct{ rule, mode, outcome string }{
		"alone":  {"alone", "observe", "would isolate"},
		"beside": {"beside,act", "enforce", "would scan, isolated"},
		"same":   {"same,act", "enforce", "isolated"},
	} {
		w := world.NewWorldWith(t, canaries)
		p := w.Start(-1, false)
		w.CategoryOn("da1", "m1", category)
		w.Drain(p, 5)
		w.FinishAll(machine.Succeeded)
		w.Follow(p)
		run := w.Run("da1", 1)
		if run.Rule != want.rule || run.Mode != want.mode || run.Outcome != want.outcome {
			t.Errorf("%s: rule %s, mode %s, outcome %q", category, run.Rule, run.Mode, run.Outcome)
		}
		outcome, _, _ := strings.Cut(want.outcome, ",")
		listed, _, err := p.Ledger.Lists.Page(t.Context(), lists.Query{
			Rule:    category,
			Outcome: outcome,
			Limit:   10,
		})
		if err != nil || len(listed) != 1 || listed[0].Outcome != want.outcome {
			t.Errorf("%s: listed %+v, %v", category, listed, err)
		}
	}
}

// TestARunOfARuleThatObservesIsKeptWithTheCeilingThatWasSet decides twice about an alert, because what was read of it is
// old. That the run is observed already is no reason to keep that nothing could have acted: with the rule promoted, it
// would have been acted on.
func TestARunOfARuleThatObservesIsKeptWithTheCeilingThatWasSet(t *testing.T) {
	t.Parallel()
	for _, ceiling := range []playbook.Mode{playbook.Enforce, playbook.Observe} {
		w := world.NewWorldWith(t, canaries)
		p := w.Start(-1, false)
		p.Change(func(o *respond.Options) { o.Ceiling = ceiling })
		w.CategoryOn("da1", "m1", "alone")
		w.Advance(time.Hour)
		w.Drain(p, 5)
		run := w.Run("da1", 1)
		d, kept, err := p.Options.Archive.Read(t.Context(), run)
		if err != nil || !kept || run.Mode != "observe" || run.Outcome != "would isolate" {
			t.Fatalf("%v, kept: %v, %+v", err, kept, run)
		}
		if d.Facts.Ceiling != ceiling || !d.Facts.Now.Equal(w.Clock()) || d.Steps[0].Verdict != playbook.WouldDo {
			t.Errorf("ceiling %s: kept as %+v", ceiling, d)
		}
	}
}
