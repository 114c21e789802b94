package condition

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/functions"
	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/spelling"
)

// refusals lists what a parsed expression uses that playbooks do not have.
func refusals(root ast.Node, called *functions.Set) []syntax.Problem {
	g := &grammar{functions: called}
	syntax.Each(root, g.node)
	return g.problems
}

// grammar gathers refusals.
type grammar struct {
	functions *functions.Set
	problems  []syntax.Problem
}

func (g *grammar) refuse(n ast.Node, message, hint string) {
	g.problems = append(g.problems, syntax.At(n, message, hint))
}

func (g *grammar) node(node ast.Node) {
	switch n := node.(type) {
	case *ast.BuiltinNode:
		g.builtin(n)
	case *ast.CallNode:
		g.call(n)
	case *ast.PredicateNode:
		if syntax.Contains[*ast.PredicateNode](n.Node) {
			g.refuse(n, "a loop inside a loop", "look through one list at a time; two rules do what two loops would")
		}
	case *ast.BinaryNode:
		g.binary(n)
	case *ast.UnaryNode:
		if n.Operator != "-" {
			g.operator(n, n.Operator)
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
		g.refuse(n, "a condition has no variables, statements, maps or if/else",
			"write one expression, or several rules: the first that matches wins")
	}
}

func (g *grammar) builtin(n *ast.BuiltinNode) {
	if !slices.Contains(builtins(), n.Name) {
		g.noFunction(n, n.Name)
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
	if ok {
		if !slices.Contains(methods(), syntax.Property(member)) {
			g.refuse(n, fmt.Sprintf("playbooks have no method %s", member.Property),
				"of times and durations there are: "+strings.Join(methods(), ", "))
		}
		return
	}
	name := n.Callee.String()
	if !slices.Contains(functions.Names(), name) {
		g.noFunction(n, name)
		return
	}
	p, wrong := g.functions.Mistake(name, n.Arguments)
	if wrong {
		g.problems = append(g.problems, p)
	}
}

func (g *grammar) noFunction(n ast.Node, name string) {
	g.refuse(n, fmt.Sprintf("playbooks have no function %s()", name),
		spelling.Suggest(name, slices.Concat(builtins(), functions.Names())))
}

// operator refuses an operator that playbooks do not have. False: it is refused.
func (g *grammar) operator(n ast.Node, operator string) bool {
	if slices.Contains(operators(), operator) {
		return true
	}
	hint := "operators: " + strings.Join(operators(), " ")
	if operator == ".." {
		hint = "write x >= 1 && x <= 9"
	}
	g.refuse(n, fmt.Sprintf("playbooks have no operator %s", operator), hint)
	return false
}

func (g *grammar) member(n *ast.MemberNode) {
	if n.Optional {
		return // its ChainNode is refused
	}
	// alert[x] with a computed name would be checked only when it runs.
	switch n.Property.(type) {
	case *ast.StringNode, *ast.IntegerNode:
	default:
		g.refuse(n, "an index has to be a written number",
			"such as alert.mitreTechniques[0]; any(list, …) looks at every entry")
	}
}

func (g *grammar) binary(n *ast.BinaryNode) {
	if !g.operator(n, n.Operator) {
		return
	}
	switch n.Operator {
	case "matches":
		// A pattern out of an alert would be an attacker's.
		_, ok := n.Right.(*ast.StringNode)
		if !ok {
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
		id, ok := a.(*ast.IdentifierNode)
		if !ok || id.Value != "machine" {
			g.refuse(n, "only machine can be nil",
				`a text that the API did not send is empty: == ""; a time: .IsZero()`)
		}
	}
	text, ok := b.(*ast.StringNode)
	if ok {
		if list := textsOf(a); list != "" {
			in := map[string]string{"==": "in", "!=": "not in"}[n.Operator]
			way := fmt.Sprintf("write %q %s %s", text.Value, in, list)
			g.refuse(n, "a list is never equal to a text", spelling.Cut(way, 300))
		}
	}
	g.value(a, b)
}

// value refuses a text that a fact with few values never has: such a comparison is a rule that never does what it says.
func (g *grammar) value(fact, literal ast.Node) {
	text, ok := literal.(*ast.StringNode)
	if !ok {
		return
	}
	name := strings.Join(syntax.Path(fact), ".")
	values, _ := facts.Known(name)
	hint := values.Never(text.Value)
	if hint != "" {
		g.refuse(text, fmt.Sprintf("%s is never %q", name, text.Value), hint)
	}
}

// textsOf is the list of texts that a node reads, also where alert or machine was left out before it; empty: it reads
// none.
func textsOf(node ast.Node) string {
	path := syntax.Path(node)
	if path == nil || syntax.Contains[*ast.IntegerNode](node) {
		return ""
	}
	for _, of := range [][]string{nil, {"machine"}, {"alert"}} {
		whole := slices.Concat(of, path)
		f, ok := facts.Resolve(whole)
		if ok && len(f.Index) == len(whole) && f.Texts {
			return f.Name
		}
	}
	return ""
}

// The parts of the expression language that playbooks use. What is left out is left out because it makes a condition
// true or false in a way that nobody expects, because its cost grows faster than the alert, or because it reads a
// clock.

func builtins() []string {
	return []string{"all", "any", "count", "duration", "len", "lower", "none", "one", "trim", "upper"}
}

func methods() []string {
	return []string{"After", "Before", "Hour", "Hours", "IsZero", "Minute", "Minutes", "Sub", "Unix"}
}

func operators() []string {
	return []string{"and", "&&", "or", "||", "not", "!", "==", "!=", "<", ">", "<=", ">=", "in", "contains",
		"startsWith", "endsWith", "matches", "+", "-", "*", "/", "%"}
}
