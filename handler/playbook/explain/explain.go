// Package explain prints plans for people.
package explain

import (
	"fmt"
	"strings"

	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/condition/syntax"
)

// Plan prints a plan: the reason, every rule with its clauses and the values seen, the rails and the steps. The same
// plan gives the same text.
func Plan(p playbook.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nmode %s\n\nrules:\n", p.Reason,
		playbook.Lower(p.Mode, playbook.Enforce))
	for i, r := range p.Rules {
		rule(&b, i+1, r)
	}
	b.WriteString("\nrails:\n")
	for _, r := range p.Rails {
		rail(&b, r)
	}
	if len(p.Rails) == 0 {
		b.WriteString("  not asked: no step acts\n")
	}
	b.WriteString("\nsteps:\n")
	for _, s := range p.Steps {
		step(&b, s)
	}
	if len(p.Steps) == 0 {
		b.WriteString("  none\n")
	}
	return b.String()
}

func rule(b *strings.Builder, number int, r playbook.RuleTrace) {
	fmt.Fprintf(b, "  %d. %s: %s", number, r.Rule, r.Outcome)
	if r.Error != "" {
		fmt.Fprintf(b, ": %s", r.Error)
	}
	b.WriteByte('\n')
	clauses(b, r.Join, r.Clauses)
	if r.Unless != nil {
		b.WriteString("     unless\n")
		clauses(b, r.Unless.Join, r.Unless.Clauses)
	}
}

func clauses(b *strings.Builder, join syntax.Join, list []*condition.Trace) {
	for i, c := range list {
		before := ""
		if i > 0 {
			before = string(join) + " "
		}
		fmt.Fprintf(b, "       %-5s  %s%s\n", c.Result, before, c.Text)
		for _, v := range c.Values {
			fmt.Fprintf(b, "              %s = %s\n", v.Name, v.Value)
		}
	}
}

func rail(b *strings.Builder, r playbook.RailTrace) {
	what := r.Rail
	switch {
	case r.Rule != "" && r.Step != "":
		what += " (rule " + r.Rule + ": " + r.Step + ")"
	case r.Rule != "":
		what += " (rule " + r.Rule + ")"
	case r.Step != "":
		what += " (" + r.Step + ")"
	}
	verdict := string(r.Verdict)
	if r.Verdict == playbook.Do {
		verdict = "passed" // a rail does nothing itself
	}
	line(b, verdict, what, r.Why)
}

// Step names a step, with whom a mail goes to.
func Step(s playbook.Step) string {
	if s.Kind == playbook.Mail && len(s.To) == 0 {
		return s.String() + " to the configured recipients"
	}
	return s.String()
}

func step(b *strings.Builder, s playbook.Step) {
	what := Step(s)
	if s.Rule != "" {
		what += " (rule " + s.Rule + ")"
	}
	line(b, string(s.Verdict), what, s.Why)
	comment := s.Comment
	if s.Update != nil {
		comment = s.Update.Comment
	}
	for _, part := range []struct{ name, text string }{{"comment", comment}, {"text", s.Text}} {
		if part.text != "" {
			fmt.Fprintf(b, "            %s: %s\n", part.name, part.text)
		}
	}
}

func line(b *strings.Builder, verdict, what, why string) {
	fmt.Fprintf(b, "  %-8s  %s", verdict, what)
	if why != "" {
		b.WriteString(": " + why)
	}
	b.WriteByte('\n')
}
