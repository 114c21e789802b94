package condition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/functions"
	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/spelling"
)

// severities has severityAtLeast read the severity of what it is asked about.
type severities struct{}

// Visit implements ast.Visitor.
func (severities) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.CallNode)
	if !ok || len(n.Arguments) != 2 || n.Callee.String() != functions.SeverityAtLeast {
		return
	}
	of, ok := n.Arguments[0].(*ast.IdentifierNode)
	if ok {
		ast.Patch(&n.Arguments[0], &ast.MemberNode{
			Node:     of,
			Property: &ast.StringNode{Value: "severity"},
		})
	}
}

// orders finds the comparisons of a checked expression that go by the letters of texts. No order of texts is meant so.
func orders(root ast.Node) []syntax.Problem {
	var found []syntax.Problem
	syntax.Each(root, func(node ast.Node) {
		n, ok := node.(*ast.BinaryNode)
		if !ok || !slices.Contains([]string{"<", ">", "<=", ">="}, n.Operator) {
			return
		}
		if syntax.IsText(n.Left) || syntax.IsText(n.Right) {
			found = append(found,
				syntax.At(n, n.Operator+" compares texts by their letters", orderHint(n)))
		}
	})
	return found
}

// orderHint words a comparison of texts as it was meant: of the same value, in the same direction.
func orderHint(n *ast.BinaryNode) string {
	fact := n.Left
	other := n.Right
	operator := n.Operator
	if ordered(fact) == "" {
		fact = n.Right
		other = n.Left
		operator = syntax.Mirrored(n.Operator)
	}
	text, written := other.(*ast.StringNode)
	switch name := ordered(fact); {
	case name == "":
		return "== and in compare texts"
	case name != "machine.version":
		of, _, _ := strings.Cut(name, ".")
		return severityHint(of, operator, syntax.Text(other))
	case written && strings.TrimSpace(text.Value) == "":
		return "write " + functions.Example(functions.CompareVersion)
	}
	call := fmt.Sprintf("%s(%s, %s)", functions.CompareVersion, fact, other)
	return spelling.Cut(spelling.Plain("write "+call+" "+operator+" 0"), 300)
}

// ordered is the fact that a node reads, if it is a text that has an order of its own.
func ordered(node ast.Node) string {
	switch name := strings.Join(syntax.Path(node), "."); name {
	case "alert.severity", "hunt.severity", "machine.version":
		return name
	}
	return ""
}

// severityHint says how a comparison of the severity of alert or hunt with a level is written.
func severityHint(of, operator, level string) string {
	levels := facts.Severities()
	at := slices.Index(levels, level)
	if at < 0 {
		return fmt.Sprintf("%s compares with a level: %s", functions.SeverityAtLeast, spelling.Suggest(level, levels))
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
	return fmt.Sprintf("write %s%s(%s, %q)", not, functions.SeverityAtLeast, of, levels[at])
}
