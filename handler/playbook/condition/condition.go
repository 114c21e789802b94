// Package condition compiles conditions and evaluates them. What it compiles cannot read a clock, loop within a loop
// or cost more than the alert is large; what it evaluates is true, false, or has no answer, and says what it saw.
package condition

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
)

// Condition is a compiled when or unless: how its clauses hang together, and which they are.
type Condition struct {
	Join     syntax.Join
	Clauses  []*Clause
	Warnings []syntax.Problem // what is probably not meant
}

// Clause is one operand of a condition's outermost and/or, or the whole of it. Clauses that say the same are one: a
// decision evaluates each once, however many rules have it.
type Clause struct {
	Fields  []facts.Field // that it reads
	text    string
	number  int // among the clauses of the book
	reads   int // number of the set of fields that it reads
	program *vm.Program
	equals  *equality
}

// Lines are the clauses as people read them, a line each. All but the first begin with what joins them.
func (c Condition) Lines() []string {
	lines := make([]string, len(c.Clauses))
	for i, one := range c.Clauses {
		lines[i] = one.text
		if i > 0 {
			lines[i] = string(c.Join) + " " + one.text
		}
	}
	return lines
}

// Reads reports whether the condition reads a fact, or a part of it.
func (c Condition) Reads(fact string) bool {
	return slices.ContainsFunc(c.Clauses, func(one *Clause) bool {
		return slices.ContainsFunc(one.Fields, func(f facts.Field) bool {
			return f.Name == fact || strings.HasPrefix(f.Name, fact+".")
		})
	})
}

// Same reports whether two conditions have the same clauses.
func (c Condition) Same(d Condition) bool {
	return c.Join == d.Join && slices.Equal(c.Clauses, d.Clauses)
}

// Implies reports whether d is surely true, or has no answer, whenever c is true. It knows that a and b implies a, and
// a implies a or b; what needs more thought than that is not found.
func (c Condition) Implies(d Condition) bool {
	switch {
	case len(d.Clauses) == 1 && d.Clauses[0].text == "true":
		return true
	case d.Join == syntax.AnyOf && c.Join == syntax.AllOf:
		return slices.ContainsFunc(c.Clauses, d.has)
	case d.Join == syntax.AnyOf:
		return d.hasAll(c)
	case c.Join == syntax.AnyOf:
		return len(c.Clauses) == 1 &&
			len(d.Clauses) == 1 &&
			c.Clauses[0] == d.Clauses[0]
	}
	return c.hasAll(d)
}

func (c Condition) has(one *Clause) bool {
	return slices.Contains(c.Clauses, one)
}

func (c Condition) hasAll(d Condition) bool {
	return !slices.ContainsFunc(d.Clauses, func(one *Clause) bool {
		return !c.has(one)
	})
}
