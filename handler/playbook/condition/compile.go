// Package condition compiles conditions and evaluates them. What it compiles cannot read a clock, loop within a loop or cost
// more than the alert is large; what it evaluates is true, false, or has no answer, and says what it saw.
package condition

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	expcompiler "github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/optimizer"
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
	MaxConditionLength = 2000 // characters
	maxConditionNodes  = 400
	memoryBudget       = 200_000 // elements that one evaluation may produce
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
	number  int // among the clauses of the book
	Text    string
	program *vm.Program
	Fields  []facts.Field
	reads   int // number of the set of fields that it reads
	equals  *equality
}

// Compiler compiles the conditions of one playbook.
type Compiler struct {
	helpers *functions.Set
	config  *conf.Config
	clauses map[string]*Clause // by their syntax tree
	reads   map[string]int     // sets of fields, by their names
	places  int                // clauses of all rules, the same ones counted again
}

func NewCompiler() *Compiler {
	c := &Compiler{helpers: functions.New(), config: conf.CreateNew(), clauses: map[string]*Clause{}, reads: map[string]int{}}
	options := slices.Concat(c.helpers.Options(), givenOptions(), []expr.Option{expr.Env(facts.Facts{}), expr.AsBool(), expr.WarnOnAny(), expr.MaxNodes(maxConditionNodes)})
	for _, o := range options {
		o(c.config)
	}
	return c
}

// Compile checks and compiles src. The problems are in no particular order; with any, the condition is unusable.
func (c *Compiler) Compile(src string) (Condition, []syntax.Problem) {
	if n := utf8.RuneCountInString(src); n > MaxConditionLength {
		return Condition{}, whole(fmt.Sprintf("the condition is %d characters long, the limit is %d", n, MaxConditionLength),
			"split it into several rules: the first that matches wins")
	}
	if strings.TrimSpace(src) == "" {
		return Condition{}, whole("the condition is empty", `write one, such as alert.severity == "High"`)
	}
	tree, err := parser.ParseWithConfig(src, c.config)
	if err != nil {
		return Condition{}, []syntax.Problem{explainError(err)}
	}
	if found := refusals(&tree.Node, c.helpers); len(found) > 0 {
		return Condition{}, found
	}
	unlikely := doubt.Contradictions(tree.Node)
	join, operands := syntax.Split(tree.Node)
	keys := make([]string, len(operands))
	for i, node := range operands {
		keys[i] = ast.Dump(node) // before the checker and the optimizer change it
	}
	texts := make([]string, len(operands))
	for i, node := range operands {
		texts[i] = spelling.Plain(node.String())
	}
	for i := range operands {
		operands[i] = withSeverities(operands[i])
	}
	if _, err := checker.Check(tree, c.config); err != nil {
		return Condition{}, []syntax.Problem{explainError(err)}
	}
	if found := orders(tree.Node); len(found) > 0 {
		return Condition{}, found
	}
	made := Condition{Join: join, Warnings: slices.Concat(unlikely, doubt.Strangers(tree.Node), doubt.Unasked(tree.Node))}
	for i, node := range operands {
		one, err := c.clause(keys[i], texts[i], &parser.Tree{Node: guarded(node), Source: tree.Source})
		if err != nil {
			return Condition{}, []syntax.Problem{explainError(err)}
		}
		if !slices.Contains(made.Clauses, one) {
			made.Clauses = append(made.Clauses, one)
		}
	}
	c.places += len(made.Clauses)
	return made, nil
}

// whole is a mistake of a whole condition.
func whole(message, hint string) []syntax.Problem {
	return []syntax.Problem{{Message: message, Hint: hint}}
}

// clause compiles one operand from its syntax tree, or finds the one that says the same.
func (c *Compiler) clause(key, text string, tree *parser.Tree) (*Clause, error) {
	if known := c.clauses[key]; known != nil {
		return known, nil
	}
	one := &Clause{number: len(c.clauses), Text: text, Fields: syntax.Fields(tree.Node), equals: equalityOf(tree.Node)}
	if _, err := checker.Check(tree, c.config); err != nil {
		return nil, err
	}
	if err := optimizer.Optimize(&tree.Node, c.config); err != nil {
		return nil, err
	}
	var err error
	if one.program, err = expcompiler.Compile(tree, c.config); err != nil {
		return nil, err
	}
	names := ""
	for _, f := range one.Fields {
		names += f.Name + " "
	}
	if _, known := c.reads[names]; !known {
		c.reads[names] = len(c.reads)
	}
	one.reads = c.reads[names]
	c.clauses[key] = one
	return one, nil
}

// Sizes are how much a decision has to remember.
func (c *Compiler) Sizes() Sizes {
	return Sizes{clauses: len(c.clauses), reads: len(c.reads), places: c.places}
}

type Sizes struct{ clauses, reads, places int }
