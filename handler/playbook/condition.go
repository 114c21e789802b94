package playbook

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// The bounds of one condition. Together with the refusals in grammar.go they make the cost of a decision linear in the
// size of the alert: no loops within loops, no ranges, no growing values.
const (
	maxConditionLength = 2000 // characters
	maxConditionNodes  = 400
	memoryBudget       = 200_000 // elements that one evaluation may produce
)

// condition is a compiled when: the program that decides, and its parts for the explanation.
type condition struct {
	program *vm.Program
	join    Join
	clauses []clause
}

// clause is one operand of a condition's outermost and/or, or the whole of it.
type clause struct {
	text    string
	program *vm.Program
	fields  []field
}

// conditionProblem is a mistake in an expression, offset characters into it.
type conditionProblem struct {
	offset  int
	message string
	hint    string
}

func options() []expr.Option {
	return []expr.Option{expr.Env(Facts{}), expr.AsBool(), expr.WarnOnAny(), expr.MaxNodes(maxConditionNodes)}
}

// compileCondition checks and compiles src. The problems are in no particular order; with any, the condition is unusable.
func compileCondition(src string) (condition, []conditionProblem) {
	if n := utf8.RuneCountInString(src); n > maxConditionLength {
		return condition{}, []conditionProblem{{0, fmt.Sprintf("the condition is %d characters long, the limit is %d", n, maxConditionLength),
			"split it into several rules: the first that matches wins"}}
	}
	if strings.TrimSpace(src) == "" {
		return condition{}, []conditionProblem{{0, "the condition is empty", `write one, such as alert.severity == "High"`}}
	}
	config := conf.New(Facts{})
	config.MaxNodes = maxConditionNodes
	tree, err := parser.ParseWithConfig(src, config)
	if err != nil {
		return condition{}, []conditionProblem{explainError(err)}
	}
	if found := refusals(&tree.Node); len(found) > 0 {
		return condition{}, found
	}
	program, err := expr.Compile(src, options()...)
	if err != nil {
		return condition{}, []conditionProblem{explainError(err)}
	}
	join, operands := split(tree.Node)
	c := condition{program: program, join: join}
	for _, node := range operands {
		part, err := compileClause(node)
		if err != nil {
			// The printed form of a clause is only for the explanation; the whole condition explains itself too.
			return condition{program: program, clauses: []clause{{text: src, program: program, fields: fieldsOf(tree.Node)}}}, nil
		}
		c.clauses = append(c.clauses, part)
	}
	return c, nil
}

func compileClause(node ast.Node) (clause, error) {
	text := node.String()
	program, err := expr.Compile(text, options()...)
	return clause{text: text, program: program, fields: fieldsOf(node)}, err
}

// split takes the outermost chain of "and" or of "or" apart.
func split(node ast.Node) (Join, []ast.Node) {
	join := joinOf(node)
	if join == Single {
		return Single, []ast.Node{node}
	}
	var operands []ast.Node
	var flatten func(n ast.Node)
	flatten = func(n ast.Node) {
		if joinOf(n) != join {
			operands = append(operands, n)
			return
		}
		b := n.(*ast.BinaryNode)
		flatten(b.Left)
		flatten(b.Right)
	}
	flatten(node)
	return join, operands
}

func joinOf(node ast.Node) Join {
	b, ok := node.(*ast.BinaryNode)
	if !ok {
		return Single
	}
	switch b.Operator {
	case "&&", "and":
		return AllOf
	case "||", "or":
		return AnyOf
	}
	return Single
}

// evaluate runs a program over the facts. An error means that the facts have not the shape that the condition takes for
// granted, such as a machine that could not be read; its text is fit for people.
func evaluate(program *vm.Program, facts *Facts) (bool, error) {
	machine := vm.VM{MemoryBudget: memoryBudget}
	out, err := machine.Run(program, facts)
	if err != nil {
		return false, errors.New(runtimeMessage(err))
	}
	matched, ok := out.(bool)
	if !ok {
		return false, fmt.Errorf("the condition gave %T instead of true or false", out)
	}
	return matched, nil
}

func runtimeMessage(err error) string {
	message := err.Error()
	var fe *file.Error
	if errors.As(err, &fe) {
		message = fe.Message
	}
	return cut(plainText(message), 300)
}

// The messages of the expression checker that are worded again, with the names that people know.
const (
	unknownNamePattern  = `^unknown name (\S+)$`
	unknownFieldPattern = `^type (\S+) has no (?:field|method) (\S+)$`
	wrongResultPattern  = `^expected bool, but got (.+)$`
)

// explainError words an error of the expression parser or checker for the people who write playbooks.
func explainError(err error) conditionProblem {
	p := conditionProblem{message: err.Error(), hint: "the language is described at https://expr-lang.org/docs/language-definition"}
	var fe *file.Error
	if errors.As(err, &fe) {
		p.offset, p.message = fe.From, fe.Message
	}
	p.message = cut(plainText(p.message), 300)
	if m := regexp.MustCompile(unknownNamePattern).FindStringSubmatch(p.message); m != nil {
		p.message, p.hint = fmt.Sprintf("there is no %q", m[1]), suggest(m[1], fieldNames(reflect.TypeFor[Facts]()))
	}
	if m := regexp.MustCompile(unknownFieldPattern).FindStringSubmatch(p.message); m != nil {
		if t, ok := factTypes()[m[1]]; ok {
			p.message, p.hint = fmt.Sprintf("%s has no field %q", t.called, m[2]), suggest(m[2], t.fields)
		}
	}
	if m := regexp.MustCompile(wrongResultPattern).FindStringSubmatch(p.message); m != nil {
		p.message = fmt.Sprintf("the condition gives %s, it has to give true or false", m[1])
		p.hint = `compare it with something, such as alert.severity == "High"`
	}
	switch {
	case strings.Contains(p.message, "mismatched type"):
		p.hint = "compare text with text, number with number, time with time; \"x\" in list looks into a list, text contains \"x\" into a text"
	case strings.HasPrefix(p.message, `unexpected token Operator("=")`):
		p.hint = "two values are compared with =="
	case strings.Contains(p.message, "exceeds maximum"):
		p.message = fmt.Sprintf("the condition has more than %d parts", maxConditionNodes)
		p.hint = "split it into several rules: the first that matches wins"
	case strings.HasPrefix(p.message, "error parsing regexp"):
		p.hint = "the pattern is a regular expression of Go (RE2)"
	}
	return p
}
