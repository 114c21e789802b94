package condition

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"cordon/handler/playbook/condition/doubt"
	"cordon/handler/playbook/condition/functions"
	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/spelling"
)

// The bounds of one condition. Together with the refusals in grammar.go they make the cost of a decision linear in the
// size of the alert: no loops within loops, no ranges, no growing values.
const (
	MaxLength    = 2000 // characters
	maxNodes     = 400
	memoryBudget = 200_000 // elements that one evaluation may produce
)

// Compiler compiles the conditions of one playbook.
type Compiler struct {
	functions *functions.Set
	options   []expr.Option
	clauses   map[string]*Clause // by their syntax trees
	reads     map[string]int     // sets of fields, by their names
	places    int                // clauses of all rules, the same ones counted again
}

// NewCompiler is a compiler that has seen no condition yet.
func NewCompiler() *Compiler {
	c := &Compiler{
		functions: functions.New(),
		clauses:   map[string]*Clause{},
		reads:     map[string]int{},
	}
	c.options = slices.Concat(c.functions.Options(), givenOptions(), []expr.Option{
		expr.Env(facts.Facts{}),
		expr.AsBool(),
		expr.WarnOnAny(),
		expr.MaxNodes(maxNodes),
		expr.Patch(severities{}),
	})
	return c
}

// Compile checks and compiles src. The problems are in no particular order; with any, the condition is unusable.
func (c *Compiler) Compile(src string) (Condition, []syntax.Problem) {
	if n := utf8.RuneCountInString(src); n > MaxLength {
		return Condition{}, []syntax.Problem{{
			Message: fmt.Sprintf("the condition is %d characters long, the limit is %d", n, MaxLength),
			Hint:    "split it into several rules: the first that matches wins",
		}}
	}
	if strings.TrimSpace(src) == "" {
		return Condition{}, []syntax.Problem{{
			Message: "the condition is empty",
			Hint:    `write one, such as alert.severity == "High"`,
		}}
	}
	tree, err := parser.Parse(src)
	if err != nil {
		return Condition{}, []syntax.Problem{explained(err)}
	}
	found := refusals(tree.Node, c.functions)
	if len(found) > 0 {
		return Condition{}, found
	}
	// The whole is compiled for its mistakes, whose places are those in src, and for the types of its parts.
	whole, err := expr.Compile(src, append(slices.Clone(c.options), expr.Optimize(false))...)
	if err != nil {
		return Condition{}, []syntax.Problem{explained(err)}
	}
	found = orders(whole.Node())
	if len(found) > 0 {
		return Condition{}, found
	}
	return c.split(src, tree.Node, whole.Node())
}

// split compiles the clauses of a condition without mistakes, each by itself.
func (c *Compiler) split(src string, written, checked ast.Node) (Condition, []syntax.Problem) {
	join, texts := syntax.Split(written)
	_, nodes := syntax.Split(checked)
	made := Condition{
		Join: join,
		Warnings: slices.Concat(
			doubt.Contradictions(written),
			doubt.Strangers(checked),
			doubt.Unasked(checked),
		),
	}
	size := 0
	syntax.Each(written, func(ast.Node) { size++ })
	for i, node := range texts {
		key := ast.Dump(node)
		if c.clauses[key] == nil {
			program, err := expr.Compile(src, slices.Concat([]expr.Option{expr.Patch(&taken{i, size})}, c.options,
				[]expr.Option{expr.Patch(guard{})})...)
			if err != nil {
				return Condition{}, []syntax.Problem{explained(err)}
			}
			c.clauses[key] = c.clause(node, nodes[i], program)
		}
		one := c.clauses[key]
		if !made.has(one) {
			made.Clauses = append(made.Clauses, one)
		}
	}
	c.places += len(made.Clauses)
	return made, nil
}

// taken is a clause that is taken out of a condition: it is put in the place of the whole, which is visited last.
type taken struct {
	number int
	left   int // how many nodes of the condition have not been visited
}

// Visit implements ast.Visitor.
func (t *taken) Visit(node *ast.Node) {
	if t.left--; t.left == 0 {
		_, clauses := syntax.Split(*node)
		*node = clauses[t.number]
	}
}

// clause is a clause that no condition had before.
func (c *Compiler) clause(written, checked ast.Node, program *vm.Program) *Clause {
	one := &Clause{
		Fields:  syntax.Fields(checked),
		text:    spelling.Plain(written.String()),
		number:  len(c.clauses),
		program: program,
		equals:  equalityOf(checked),
	}
	names := ""
	for _, f := range one.Fields {
		names += f.Name + " "
	}
	if _, known := c.reads[names]; !known {
		c.reads[names] = len(c.reads)
	}
	one.reads = c.reads[names]
	return one
}

// Sizes are how much a decision has to remember.
type Sizes struct{ clauses, reads, places int }

// Sizes are those of the conditions so far.
func (c *Compiler) Sizes() Sizes {
	return Sizes{
		clauses: len(c.clauses),
		reads:   len(c.reads),
		places:  c.places,
	}
}
