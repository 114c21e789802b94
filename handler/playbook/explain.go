package playbook

import (
	"fmt"
	"strings"
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
		if r.Rule != "" {
			rail += " (rule " + r.Rule + ")"
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

func explainClauses(b *strings.Builder, join Join, clauses []ClauseTrace) {
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

// String names the step, without what becomes of it: isolate Full, mail, mail to soc@example.com.
func (s Step) String() string {
	switch {
	case s.Kind == Isolate:
		return string(s.Kind) + " " + string(s.Scope)
	case len(s.To) == 0:
		return string(s.Kind)
	}
	return string(s.Kind) + " to " + strings.Join(s.To, ", ")
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
	if s.Comment != "" {
		fmt.Fprintf(b, "            comment: %s\n", s.Comment)
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
