package playbook

import (
	"fmt"
	"strings"

	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/condition/syntax"
)

// Explain prints the plan for people: the reason, every rule with its clauses and the values seen, the rails and the
// steps. The same plan gives the same text.
func (p Plan) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nmode %s\n\nrules:\n", p.Reason, Lower(p.Mode, Enforce))
	for i, r := range p.Rules {
		explainRule(&b, i+1, r)
	}
	b.WriteString("\nrails:\n")
	for _, r := range p.Rails {
		rail := r.Rail
		if of := r.of(); of != "" {
			rail += " (" + of + ")"
		}
		explainLine(&b, "  ", passes(r.Verdict), rail, r.Why)
	}
	if len(p.Rails) == 0 {
		b.WriteString("  not asked: no step acts\n")
	}
	b.WriteString("\nsteps:\n")
	for _, s := range p.Steps {
		explainStep(&b, s)
	}
	if len(p.Steps) == 0 {
		b.WriteString("  none\n")
	}
	return b.String()
}

func explainRule(b *strings.Builder, number int, r RuleTrace) {
	fmt.Fprintf(b, "  %d. %s: %s", number, r.Rule, r.Outcome)
	if r.Error != "" {
		fmt.Fprintf(b, ": %s", r.Error)
	}
	b.WriteByte('\n')
	explainClauses(b, r.Join, r.Clauses)
	if r.Unless != nil {
		b.WriteString("     unless\n")
		explainClauses(b, r.Unless.Join, r.Unless.Clauses)
	}
}

func explainClauses(b *strings.Builder, join syntax.Join, clauses []*condition.Trace) {
	for i, c := range clauses {
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

// of says which steps a rail is about, empty for all.
func (r RailTrace) of() string {
	var parts []string
	if r.Rule != "" {
		parts = append(parts, "rule "+r.Rule)
	}
	if r.Step != "" {
		parts = append(parts, r.Step)
	}
	return strings.Join(parts, ": ")
}

func explainStep(b *strings.Builder, s Step) {
	what := s.String()
	if s.Kind == Mail && len(s.To) == 0 {
		what += " to the configured recipients"
	}
	if s.Rule != "" {
		what += " (rule " + s.Rule + ")"
	}
	explainLine(b, "  ", string(s.Verdict), what, s.Why)
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

func explainLine(b *strings.Builder, indent, verdict, what, why string) {
	fmt.Fprintf(b, "%s%-8s  %s", indent, verdict, what)
	if why != "" {
		b.WriteString(": " + why)
	}
	b.WriteByte('\n')
}

// passes words a rail's verdict: a rail lets pass or does not, it does nothing itself.
func passes(v Verdict) string {
	if v == Do {
		return "passed"
	}
	return string(v)
}
