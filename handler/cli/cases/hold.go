package cases

import (
	"fmt"
	"strings"
)

// hold compares a plan with what is wanted, and shows what differs.
func (g given) hold(r Result) []string {
	var w wanted
	if g.Want != nil {
		w = *g.Want
	}
	got := []string{"rule: " + r.plan.Rule}
	for _, s := range r.plan.Steps {
		got = append(got, fmt.Sprintf("%s: %s", s, s.Verdict))
	}
	lines := difference(append([]string{"rule: " + w.Rule}, entries("", w.Steps)...), got)
	if w.ComesTo != nil {
		var came []string
		for _, o := range r.came {
			came = append(came, fmt.Sprintf("comes to: %s: %s", o.Step, o.Word))
		}
		lines = append(lines, difference(entries("comes to: ", w.ComesTo), came)...)
	}
	if w.Why != "" && !strings.Contains(r.Explain(), w.Why) {
		lines = append(lines, "- why: "+w.Why)
		for _, s := range r.plan.Steps {
			if s.Why != "" {
				lines = append(lines, "+ why: "+s.Why)
			}
		}
		for _, o := range r.came {
			if o.Why != "" {
				lines = append(lines, "+ why: "+o.Why)
			}
		}
	}
	return lines
}

// entries are the lines of a list of what is wanted.
func entries(before string, list []map[string]string) []string {
	var lines []string
	for _, one := range list {
		for name, value := range one {
			lines = append(lines, before+name+": "+value)
		}
	}
	return lines
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
