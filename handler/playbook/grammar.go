package playbook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/alert"
)

// The parts of the expression language that playbooks use. What is left out is left out because it makes a condition
// true or false in a way that nobody expects, because its cost grows faster than the alert, or because it reads a clock.
func allowedBuiltins() []string {
	return []string{"all", "any", "count", "duration", "len", "lower", "none", "one", "trim", "upper"}
}

func allowedMethods() []string {
	return []string{"After", "Before", "Hour", "Hours", "IsZero", "Minute", "Minutes", "Sub", "Unix"}
}

func allowedOperators() []string {
	return []string{"and", "&&", "or", "||", "not", "!", "==", "!=", "<", ">", "<=", ">=", "in", "contains", "startsWith", "endsWith",
		"matches", "+", "-", "*", "/", "%"}
}

// knownValues are the values that the vendor documents for a fact that has few; nil for one that may hold anything.
func knownValues(fact string) []string {
	switch fact {
	case "alert.severity":
		return []string{string(alert.High), string(alert.Medium), string(alert.Low), string(alert.Informational), string(alert.UnSpecified)}
	case "alert.status":
		return []string{string(alert.StatusNew), string(alert.StatusInProgress), string(alert.StatusResolved), string(alert.StatusUnknown)}
	case "hunt.severity":
		return rankedSeverities()
	}
	return nil
}

// refusals lists what a parsed expression uses that playbooks do not have.
func refusals(root *ast.Node, h *helpers) []conditionProblem {
	g := &grammar{helpers: h}
	ast.Walk(root, g)
	return g.problems
}

// grammar is the visitor behind refusals.
type grammar struct {
	helpers  *helpers
	problems []conditionProblem
}

func (g *grammar) refuse(n ast.Node, message, hint string) {
	g.problems = append(g.problems, conditionProblem{n.Location().From, message, hint})
}

// Visit implements ast.Visitor.
func (g *grammar) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BuiltinNode:
		g.builtin(n)
	case *ast.CallNode:
		g.call(n)
	case *ast.PredicateNode:
		if within[*ast.PredicateNode](n.Node) {
			g.refuse(n, "a loop inside a loop", "look through one list at a time; two rules do what two loops would")
		}
	case *ast.BinaryNode:
		g.binary(n)
	case *ast.UnaryNode:
		if !slices.Contains(allowedOperators(), n.Operator) && n.Operator != "-" {
			g.refuse(n, fmt.Sprintf("playbooks have no operator %s", n.Operator), "operators: "+strings.Join(allowedOperators(), " "))
		}
	case *ast.IdentifierNode:
		if n.Value == "$env" {
			g.refuse(n, "playbooks have no $env", "write alert, machine or now")
		}
	case *ast.MemberNode:
		g.member(n)
	case *ast.ChainNode:
		g.refuse(n, "playbooks have no ?.", "ask first: machine != nil && …")
	case *ast.VariableDeclaratorNode, *ast.SequenceNode, *ast.MapNode, *ast.ConditionalNode:
		g.refuse(n, "a condition has no variables, statements, maps or if/else", "write one expression, or several rules: the first that matches wins")
	}
}

func (g *grammar) builtin(n *ast.BuiltinNode) {
	if !slices.Contains(allowedBuiltins(), n.Name) {
		g.refuse(n, fmt.Sprintf("playbooks have no function %s()", n.Name), suggest(n.Name, slices.Concat(allowedBuiltins(), helperNames())))
		return
	}
	if n.Name != "duration" || len(n.Arguments) != 1 {
		return
	}
	text, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		g.refuse(n, "duration() takes a written text", `such as duration("90m")`)
	} else if _, err := time.ParseDuration(text.Value); err != nil {
		g.refuse(text, fmt.Sprintf("%q is no duration", text.Value), `such as "30s", "90m" or "24h"; a day is "24h"`)
	}
}

func (g *grammar) call(n *ast.CallNode) {
	member, ok := n.Callee.(*ast.MemberNode)
	if !ok {
		g.helper(n)
		return
	}
	name, ok := member.Property.(*ast.StringNode)
	if !ok || !slices.Contains(allowedMethods(), name.Value) {
		g.refuse(n, fmt.Sprintf("playbooks have no method %s", member.Property), "of times and durations there are: "+strings.Join(allowedMethods(), ", "))
	}
}

// helper checks a call of a function by its name.
func (g *grammar) helper(n *ast.CallNode) {
	name := n.Callee.String()
	if !slices.Contains(helperNames(), name) {
		g.refuse(n, fmt.Sprintf("playbooks have no function %s()", name), suggest(name, slices.Concat(allowedBuiltins(), helperNames())))
		return
	}
	if at, message, hint := g.helpers.mistake(name, n.Arguments); message != "" {
		g.refuse(at, message, hint)
	}
}

func (g *grammar) member(n *ast.MemberNode) {
	if n.Optional {
		return // its ChainNode is refused
	}
	// alert[x] with a computed name would be checked only when it runs.
	switch n.Property.(type) {
	case *ast.StringNode, *ast.IntegerNode:
	default:
		g.refuse(n, "an index has to be a written number", "such as alert.mitreTechniques[0]; any(list, …) looks at every entry")
	}
}

func (g *grammar) binary(n *ast.BinaryNode) {
	if !slices.Contains(allowedOperators(), n.Operator) {
		hint := "operators: " + strings.Join(allowedOperators(), " ")
		if n.Operator == ".." {
			hint = "write x >= 1 && x <= 9"
		}
		g.refuse(n, fmt.Sprintf("playbooks have no operator %s", n.Operator), hint)
		return
	}
	switch n.Operator {
	case "matches":
		// A pattern out of an alert would be an attacker's.
		if _, ok := n.Right.(*ast.StringNode); !ok {
			g.refuse(n, "the pattern after matches has to be written out", `such as alert.title matches "(?i)ransom"`)
		}
	case "==", "!=":
		g.equality(n, n.Left, n.Right)
		g.equality(n, n.Right, n.Left)
	case "in":
		list, ok := n.Right.(*ast.ArrayNode)
		if !ok {
			return
		}
		for _, entry := range list.Nodes {
			g.value(n.Left, entry)
		}
	}
}

// equality checks one direction of a == b.
func (g *grammar) equality(n *ast.BinaryNode, a, b ast.Node) {
	switch b.(type) {
	case *ast.ArrayNode:
		g.refuse(n, "lists are never equal", `write "x" in list, or all(list, # in ["x", "y"])`)
	case *ast.NilNode:
		if id, ok := a.(*ast.IdentifierNode); !ok || id.Value != "machine" {
			g.refuse(n, "only machine can be nil", `a text that the API did not send is empty: == ""; a time: .IsZero()`)
		}
	}
	if text, ok := b.(*ast.StringNode); ok {
		if list := textsOf(a); list != "" {
			not := map[string]string{"!=": "not "}[n.Operator]
			g.refuse(n, "a list is never equal to a text", cut(fmt.Sprintf("write %q %sin %s", text.Value, not, list), 300))
		}
	}
	g.value(a, b)
}

// textsOf is the list of texts that a node reads, also where alert or machine was left out before it; empty: it reads none.
func textsOf(node ast.Node) string {
	path := pathOf(node)
	if path == nil || within[*ast.IntegerNode](node) {
		return ""
	}
	for _, of := range [][]string{nil, {"machine"}, {"alert"}} {
		whole := slices.Concat(of, path)
		if f, ok := resolve(whole); ok && len(f.index) == len(whole) && f.texts {
			return f.name
		}
	}
	return ""
}

// value refuses a text that a fact with few values never has: such a comparison is a rule that never does what it says.
func (g *grammar) value(fact, literal ast.Node) {
	text, ok := literal.(*ast.StringNode)
	if !ok {
		return
	}
	path := pathOf(fact)
	known := knownValues(strings.Join(path, "."))
	if known != nil && !slices.Contains(known, text.Value) {
		g.refuse(text, fmt.Sprintf("%s is never %q", strings.Join(path, "."), text.Value), suggest(text.Value, known))
	}
}

// within reports whether root is or contains a node of type T.
func within[T ast.Node](root ast.Node) bool {
	f := &finder[T]{}
	ast.Walk(&root, f)
	return f.found
}

type finder[T ast.Node] struct{ found bool }

// Visit implements ast.Visitor.
func (f *finder[T]) Visit(node *ast.Node) {
	if _, ok := (*node).(T); ok {
		f.found = true
	}
}

// pathOf is the chain of names that node reads, such as alert, severity; nil when it is no such chain.
func pathOf(node ast.Node) []string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return []string{n.Value}
	case *ast.MemberNode:
		name, ok := n.Property.(*ast.StringNode)
		base := pathOf(n.Node)
		if ok && base != nil {
			return append(base, name.Value)
		}
		return base
	}
	return nil
}

// fieldsOf lists the facts that an expression reads, each once, in the order of the text.
func fieldsOf(root ast.Node) []field {
	c := &collector{inner: map[ast.Node]bool{}}
	ast.Walk(&root, c)
	var fields []field
	for _, n := range c.nodes {
		if c.inner[n] {
			continue
		}
		f, ok := resolve(pathOf(n))
		if ok && !slices.ContainsFunc(fields, func(x field) bool { return x.name == f.name }) {
			fields = append(fields, f)
		}
	}
	return fields
}

// collector gathers the nodes that read facts; inner ones are part of a longer chain.
type collector struct {
	nodes []ast.Node
	inner map[ast.Node]bool
}

// Visit implements ast.Visitor.
func (c *collector) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		c.nodes = append(c.nodes, n)
	case *ast.MemberNode:
		c.nodes = append(c.nodes, n)
		c.inner[n.Node] = true
	}
}
