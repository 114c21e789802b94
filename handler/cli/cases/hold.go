package cases

import (
	"fmt"
	"strings"

	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
)

// hold compares a plan with what is wanted.
func (c testCase) hold(path string, plan playbook.Plan) Result {
	want := []string{"rule: " + c.Want.Rule}
	for _, step := range c.Want.Steps {
		for name, verdict := range step {
			want = append(want, name+": "+verdict)
		}
	}
	got := []string{"rule: " + plan.Rule}
	for _, s := range plan.Steps {
		got = append(got, fmt.Sprintf("%s: %s", s, s.Verdict))
	}
	lines := difference(want, got)
	if c.Want.Why != "" && !strings.Contains(explain.Plan(plan), c.Want.Why) {
		lines = append(lines, "- why: "+c.Want.Why)
		for _, s := range plan.Steps {
			if s.Why != "" {
				lines = append(lines, "+ why: "+s.Why)
			}
		}
	}
	return Result{
		File: path,
		Name: c.Name,
		OK:   len(lines) == 0,
		Diff: strings.Join(lines, "\n"),
		plan: plan,
	}
}

// difference shows two short lists one above the other, nil if they are the same.
func difference(want, got []string) []string {
	var lines []string
	same := len(want) == len(got)
	for i := range max(len(want), len(got)) {
		switch {
		case i < len(want) &&
			i < len(got) &&
			want[i] == got[i]:
			lines = append(lines, "  "+want[i])
			continue
		case i < len(want):
			lines = append(lines, "- "+want[i])
		}
		if i < len(got) {
			lines = append(lines, "+ "+got[i])
		}
		same = false
	}
	if same {
		return nil
	}
	return lines
}
