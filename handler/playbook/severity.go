package playbook

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"

	"cordon/handler/alert"
)

// severityAtLeast is the function that compares severities: as texts they would be compared by their letters.
const severityAtLeast = "severityAtLeast"

// rankedSeverities are the severities that have an order, the highest first.
func rankedSeverities() []string {
	return []string{string(alert.High), string(alert.Medium), string(alert.Low), string(alert.Informational)}
}

func severityOption() expr.Option {
	return expr.Function(severityAtLeast, func(p ...any) (any, error) { return atLeast(texted(p)) },
		new(func(string, string) bool))
}

// atLeast compares a severity with a written one. UnSpecified is below all; what nobody knows has no answer.
func atLeast(args []string) (bool, error) {
	is, least := alert.Severity(args[0]), alert.Severity(args[1])
	if is != alert.UnSpecified && is.Rank() == 0 {
		return false, fmt.Errorf("the severity %s is not known", quoted(args[0]))
	}
	return is.Rank() >= least.Rank(), nil
}

// severityMistake checks a call of severityAtLeast as it is written.
func severityMistake(args []ast.Node) (at ast.Node, message, hint string) {
	if len(args) != 2 {
		return nil, "", "" // the checker says so
	}
	if of, ok := args[0].(*ast.IdentifierNode); !ok || !slices.Contains(subjects(), of.Value) {
		return args[0], severityAtLeast + "() is asked about alert or hunt", "write " + example(severityAtLeast)
	}
	if level, ok := args[1].(*ast.StringNode); ok && !slices.Contains(rankedSeverities(), level.Value) {
		return args[1], fmt.Sprintf("%q is no severity that others can be compared with", level.Value),
			suggest(level.Value, rankedSeverities())
	}
	return nil, "", ""
}

// withSeverities has severityAtLeast read the severity of what it is asked about.
func withSeverities(node ast.Node) ast.Node {
	ast.Walk(&node, &severities{})
	return node
}

// severities is the visitor behind withSeverities.
type severities struct{}

// Visit implements ast.Visitor.
func (*severities) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.CallNode)
	if !ok || len(n.Arguments) != 2 || n.Callee.String() != severityAtLeast {
		return
	}
	if of, ok := n.Arguments[0].(*ast.IdentifierNode); ok {
		ast.Patch(&n.Arguments[0], &ast.MemberNode{Node: of, Property: &ast.StringNode{Value: "severity"}})
	}
}

// orders finds the comparisons of a checked expression that go by the letters of texts. No order of texts is meant so.
func orders(node ast.Node) []conditionProblem {
	o := &ordering{}
	ast.Walk(&node, o)
	return o.problems
}

// ordering is the visitor behind orders.
type ordering struct{ problems []conditionProblem }

// Visit implements ast.Visitor.
func (o *ordering) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.BinaryNode)
	if !ok || !slices.Contains([]string{"<", ">", "<=", ">="}, n.Operator) || !isText(n.Left) && !isText(n.Right) {
		return
	}
	o.problems = append(o.problems, conditionProblem{n.Location().From,
		fmt.Sprintf("%s compares texts by their letters", n.Operator), orderHint(n)})
}

// orderHint words a comparison of texts as it was meant: of the same value, in the same direction.
func orderHint(n *ast.BinaryNode) string {
	fact, other, operator := n.Left, n.Right, n.Operator
	if ordered(fact) == "" {
		fact, other, operator = n.Right, n.Left, mirrored(n.Operator)
	}
	text, written := other.(*ast.StringNode)
	switch name := ordered(fact); {
	case name == "":
		return `== and in compare texts`
	case name != "machine.version":
		of, _, _ := strings.Cut(name, ".")
		level := ""
		if written {
			level = text.Value
		}
		return severityHint(of, operator, level)
	case written && strings.TrimSpace(text.Value) == "":
		return "write " + example("compareVersion")
	}
	return cut(fmt.Sprintf("write compareVersion(%s, %s) %s 0", plainText(fact.String()), plainText(other.String()), operator), 300)
}

// ordered is the fact that a node reads, if it is a text that has an order of its own.
func ordered(node ast.Node) string {
	name := strings.Join(pathOf(node), ".")
	if slices.Contains([]string{"alert.severity", "hunt.severity", "machine.version"}, name) {
		return name
	}
	return ""
}

// severityHint says how a comparison of the severity of alert or hunt with a level is written.
func severityHint(of, operator, level string) string {
	levels := rankedSeverities()
	at := slices.Index(levels, level)
	if at < 0 {
		return fmt.Sprintf("%s compares with a level: %s", severityAtLeast, suggest(level, levels))
	}
	if operator == ">" || operator == "<=" {
		at--
	}
	not := map[string]string{"<": "!", "<=": "!"}[operator]
	switch {
	case at < 0 && not == "":
		return fmt.Sprintf(`nothing is above %s: %s.severity == %q is the highest`, level, of, level)
	case at < 0:
		return fmt.Sprintf("nothing is above %s, so this is always true: take it out", level)
	}
	return fmt.Sprintf("write %s%s(%s, %q)", not, severityAtLeast, of, levels[at])
}

func isText(n ast.Node) bool { return n.Type() != nil && n.Type().Kind() == reflect.String }
