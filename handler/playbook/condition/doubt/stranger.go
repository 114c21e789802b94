package doubt

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
)

// Strangers finds the texts in a checked expression that a fact is not known to have: a rule that asks for one never
// does what it says.
func Strangers(node ast.Node) []syntax.Problem {
	s := &stranger{}
	ast.Walk(&node, s)
	return s.found
}

// stranger is the visitor behind strangers.
type stranger struct{ found []syntax.Problem }

// Visit implements ast.Visitor.
func (s *stranger) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "!=":
			s.compare(n.Left, n.Right)
			s.compare(n.Right, n.Left)
		case "in":
			if list, ok := n.Right.(*ast.ArrayNode); ok {
				for _, one := range list.Nodes {
					s.compare(n.Left, one)
				}
			}
		}
	case *ast.CallNode:
		if n.Callee.String() == "glob" && len(n.Arguments) > 1 {
			for _, pattern := range n.Arguments[1:] {
				s.hold(n.Arguments[0], pattern, facts.Values.StrangePattern)
			}
		}
	}
}

func (s *stranger) compare(fact, literal ast.Node) { s.hold(fact, literal, facts.Values.Strange) }

// hold holds a written text against what a fact is known to be.
func (s *stranger) hold(fact, literal ast.Node, strange func(facts.Values, string) string) {
	text, ok := literal.(*ast.StringNode)
	set, known := facts.Usual(syntax.Name(fact))
	if !ok || !known {
		return
	}
	if hint := strange(set, text.Value); hint != "" {
		s.found = append(s.found, syntax.Wrong(text, fmt.Sprintf("%s is not known to be %q", syntax.Name(fact), text.Value), hint))
	}
}
