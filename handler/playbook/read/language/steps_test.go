package language_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/playbook/read/language"
)

func TestTheExamplesOfStepsWork(t *testing.T) {
	t.Parallel()
	var kinds []playbook.StepKind
	for _, h := range language.Steps() {
		kinds = append(kinds, h.Kind)
		b := playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", do: [`+h.Example+`]}`))
		if p := b.Decide(playbooktest.Input()); p.Steps[0].Kind != h.Kind || p.Steps[0].Verdict != playbook.Do {
			t.Errorf("%s: %s", h.Example, explain.Plan(p))
		}
	}
	if diff := cmp.Diff(playbook.StepKinds(), kinds); diff != "" {
		t.Error(diff)
	}
}
