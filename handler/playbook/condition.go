package playbook

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	expcompiler "github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/optimizer"
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

// condition is a compiled when or unless: how its clauses hang together, and which they are.
type condition struct {
	join     Join
	clauses  []*clause
	warnings []conditionProblem // what is probably not meant
}

// clause is one operand of a condition's outermost and/or, or the whole of it. Clauses that say the same are one: a
// decision evaluates each once, however many rules have it.
type clause struct {
	number  int // among the clauses of the book
	text    string
	program *vm.Program
	fields  []field
	reads   int // number of the set of fields that it reads
	equals  *equality
}

// equality is the clause that most rules are made of, a text field held against a written text, which needs no program.
type equality struct {
	field field
	text  string
	want  bool // false: it has to be another text
}

// equalityOf is what node compares, nil if it is anything else than a field and a text.
func equalityOf(node ast.Node) *equality {
	b, ok := node.(*ast.BinaryNode)
	if !ok || b.Operator != "==" && b.Operator != "!=" {
		return nil
	}
	text, ok := b.Right.(*ast.StringNode)
	path := pathOf(b.Left)
	f, known := resolve(path)
	if !ok || !known || len(f.index) != len(path) || f.kind != reflect.String || within[*ast.IntegerNode](b.Left) {
		return nil
	}
	return &equality{field: f, text: text.Value, want: b.Operator == "=="}
}

// compiler compiles the conditions of one playbook.
type compiler struct {
	helpers *helpers
	config  *conf.Config
	clauses map[string]*clause // by their syntax tree
	reads   map[string]int     // sets of fields, by their names
	places  int                // clauses of all rules, the same ones counted again
}

func newCompiler() *compiler {
	c := &compiler{helpers: newHelpers(), config: conf.CreateNew(), clauses: map[string]*clause{}, reads: map[string]int{}}
	options := slices.Concat(c.helpers.options(), givenOptions(), []expr.Option{expr.Env(Facts{}), expr.AsBool(), expr.WarnOnAny(), expr.MaxNodes(maxConditionNodes)})
	for _, o := range options {
		o(c.config)
	}
	return c
}

// conditionProblem is a mistake in an expression, offset characters into it.
type conditionProblem struct {
	offset  int
	message string
	hint    string
}

// compile checks and compiles src. The problems are in no particular order; with any, the condition is unusable.
func (c *compiler) compile(src string) (condition, []conditionProblem) {
	if n := utf8.RuneCountInString(src); n > maxConditionLength {
		return condition{}, []conditionProblem{{0, fmt.Sprintf("the condition is %d characters long, the limit is %d", n, maxConditionLength),
			"split it into several rules: the first that matches wins"}}
	}
	if strings.TrimSpace(src) == "" {
		return condition{}, []conditionProblem{{0, "the condition is empty", `write one, such as alert.severity == "High"`}}
	}
	tree, err := parser.ParseWithConfig(src, c.config)
	if err != nil {
		return condition{}, []conditionProblem{explainError(err)}
	}
	if found := refusals(&tree.Node, c.helpers); len(found) > 0 {
		return condition{}, found
	}
	unlikely := pairs(tree.Node)
	join, operands := split(tree.Node)
	keys := make([]string, len(operands))
	for i, node := range operands {
		keys[i] = ast.Dump(node) // before the checker and the optimizer change it
	}
	texts := make([]string, len(operands))
	for i, node := range operands {
		texts[i] = plainText(node.String())
	}
	for i := range operands {
		operands[i] = withSeverities(operands[i])
	}
	if _, err := checker.Check(tree, c.config); err != nil {
		return condition{}, []conditionProblem{explainError(err)}
	}
	if found := orders(tree.Node); len(found) > 0 {
		return condition{}, found
	}
	made := condition{join: join, warnings: slices.Concat(unlikely, strangers(tree.Node), unasked(tree.Node))}
	for i, node := range operands {
		one, err := c.clause(keys[i], texts[i], &parser.Tree{Node: guarded(node), Source: tree.Source})
		if err != nil {
			return condition{}, []conditionProblem{explainError(err)}
		}
		if !slices.Contains(made.clauses, one) {
			made.clauses = append(made.clauses, one)
		}
	}
	c.places += len(made.clauses)
	return made, nil
}

// sizes are how much a decision has to remember.
func (c *compiler) sizes() sizes {
	return sizes{clauses: len(c.clauses), reads: len(c.reads), places: c.places}
}

type sizes struct{ clauses, reads, places int }

// clause compiles one operand from its syntax tree, or finds the one that says the same.
func (c *compiler) clause(key, text string, tree *parser.Tree) (*clause, error) {
	if known := c.clauses[key]; known != nil {
		return known, nil
	}
	one := &clause{number: len(c.clauses), text: text, fields: fieldsOf(tree.Node), equals: equalityOf(tree.Node)}
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
	for _, f := range one.fields {
		names += f.name + " "
	}
	if _, known := c.reads[names]; !known {
		c.reads[names] = len(c.reads)
	}
	one.reads = c.reads[names]
	c.clauses[key] = one
	return one, nil
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

// truth is what a clause or a condition came to: true, false, or no answer with the reason.
type truth struct {
	is  bool
	err error
}

// evaluation is one look at the facts. A clause is evaluated when it is first asked for, and once.
type evaluation struct {
	facts  *Facts
	in     *Input
	vm     vm.VM
	truths []truth        // by the clauses' numbers
	traces []ClauseTrace  // by the clauses' numbers; without a text: not evaluated yet
	values [][]ValueSeen  // by the sets of fields
	texts  []*string      // of the sets that are one text field; nil: not read yet, or not there
	room   []*ClauseTrace // for what the rules point at
}

func newEvaluation(of sizes, in *Input) *evaluation {
	facts := factsOf(*in)
	return &evaluation{facts: &facts, in: in, vm: vm.VM{MemoryBudget: memoryBudget}, truths: make([]truth, of.clauses), traces: make([]ClauseTrace, of.clauses),
		values: make([][]ValueSeen, of.reads), texts: make([]*string, of.reads), room: make([]*ClauseTrace, of.places)}
}

// clause evaluates c and explains it. Rules with the same clause share the explanation.
func (e *evaluation) clause(c *clause) (truth, *ClauseTrace) {
	trace := &e.traces[c.number]
	if trace.Text != "" {
		return e.truths[c.number], trace
	}
	t := e.run(c)
	trace.Text, trace.Result = c.text, strconv.FormatBool(t.is)
	if t.err != nil {
		trace.Result = "no answer: " + t.err.Error()
	}
	if e.values[c.reads] == nil && len(c.fields) > 0 {
		seen := make([]ValueSeen, len(c.fields))
		for i, f := range c.fields {
			seen[i] = ValueSeen{Name: f.name, Value: shown(f.read(e.facts))}
		}
		e.values[c.reads] = seen
	}
	trace.Values = e.values[c.reads]
	e.truths[c.number] = t
	return t, trace
}

// run evaluates c over the facts. An error means that the facts have not the shape that the clause takes for granted,
// such as a machine that could not be read; its text is fit for people.
func (e *evaluation) run(c *clause) truth {
	if c.equals != nil {
		if e.texts[c.reads] == nil {
			if v, ok := c.equals.field.read(e.facts); ok {
				text := v.String()
				e.texts[c.reads] = &text
			}
		}
		if text := e.texts[c.reads]; text != nil {
			return truth{is: (*text == c.equals.text) == c.equals.want}
		}
	}
	out, err := e.vm.Run(c.program, e.facts)
	if err != nil {
		for _, f := range c.fields {
			if missing := e.in.notRead(f.name); missing != "" {
				return truth{err: errors.New(missing)}
			}
		}
		return truth{err: errors.New(runtimeMessage(err))}
	}
	is, ok := out.(bool)
	if !ok {
		return truth{err: fmt.Errorf("the condition gave %T instead of true or false", out)}
	}
	return truth{is: is}
}

// condition is what c comes to: its clauses in order, up to the one that settles it. The ones behind it are evaluated for
// the explanation alone.
func (e *evaluation) condition(c condition) (truth, []*ClauseTrace) {
	result := truth{is: c.join != AnyOf}
	settled := false
	traces := e.room[:len(c.clauses):len(c.clauses)]
	e.room = e.room[len(c.clauses):]
	for i, one := range c.clauses {
		var t truth
		t, traces[i] = e.clause(one)
		if !settled && (t.err != nil || t.is == (c.join == AnyOf)) {
			result, settled = t, true
		}
	}
	return result, traces
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
		if strings.EqualFold(m[1], "null") {
			p.hint = `write nil, or "" for a text`
		}
	}
	if m := regexp.MustCompile(unknownFieldPattern).FindStringSubmatch(p.message); m != nil {
		if t, ok := factTypes()[m[1]]; ok {
			p.message, p.hint = fmt.Sprintf("%s has no field %q", t.called, m[2]), suggest(m[2], t.fields)
			if why, not := unreadableFacts()[t.called+"."+m[2]]; not {
				p.message = fmt.Sprintf("rules cannot read %s.%s: %s", t.called, m[2], why)
			}
		}
	}
	if m := regexp.MustCompile(wrongResultPattern).FindStringSubmatch(p.message); m != nil {
		p.message = fmt.Sprintf("the condition gives %s, it has to give true or false", m[1])
		p.hint = `compare it with something, such as alert.severity == "High"`
	}
	switch {
	case strings.Contains(p.message, "mismatched type"):
		p.hint = "compare text with text, number with number, time with time, an age with duration(\"72h\"); \"x\" in list looks into a list, text contains \"x\" into a text"
	case strings.HasPrefix(p.message, `unexpected token Operator("=")`):
		p.hint = "two values are compared with =="
	case strings.Contains(p.message, "exceeds maximum"):
		p.message = fmt.Sprintf("the condition has more than %d parts", maxConditionNodes)
		p.hint = "split it into several rules: the first that matches wins"
	case strings.HasPrefix(p.message, "invalid number of arguments"), strings.HasPrefix(p.message, "too many arguments"), strings.HasPrefix(p.message, "not enough arguments"), strings.HasPrefix(p.message, "cannot use"):
		p.hint = helperHint(p.message)
	case strings.HasPrefix(p.message, "error parsing regexp"):
		p.hint = "the pattern is a regular expression of Go (RE2)"
	}
	return p
}
