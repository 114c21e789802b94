package doubt

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
)

// Strangers finds the texts in a checked expression that a fact is not known to have: a rule that asks for one never
// does what it says.
func Strangers(root ast.Node) []syntax.Problem {
	var found []syntax.Problem
	hold := func(fact, literal ast.Node, strange func(facts.Values, string) string) {
		text, ok := literal.(*ast.StringNode)
		name := syntax.Fact(fact)
		values, known := facts.Known(name)
		if !ok || !known {
			return
		}
		hint := strange(values, text.Value)
		if hint != "" {
			found = append(found,
				syntax.At(text, fmt.Sprintf("%s is not known to be %q", name, text.Value), hint))
		}
	}
	syntax.Each(root, func(node ast.Node) {
		switch n := node.(type) {
		case *ast.BinaryNode:
			list, isList := n.Right.(*ast.ArrayNode)
			switch {
			case n.Operator == "==", n.Operator == "!=":
				hold(n.Left, n.Right, facts.Values.Strange)
				hold(n.Right, n.Left, facts.Values.Strange)
			case n.Operator == "in" && isList:
				for _, one := range list.Nodes {
					hold(n.Left, one, facts.Values.Strange)
				}
			}
		case *ast.CallNode:
			if n.Callee.String() == "glob" && len(n.Arguments) > 1 {
				for _, pattern := range n.Arguments[1:] {
					hold(n.Arguments[0], pattern, facts.Values.StrangePattern)
				}
			}
		}
	})
	return found
}
