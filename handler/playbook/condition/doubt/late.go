package doubt

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
)

// Unasked finds the late times in an expression that does not ask whether they are there: without one it has no
// answer, and what the alert would have got is held.
func Unasked(root ast.Node) []syntax.Problem {
	var read []*ast.MemberNode
	asked := map[string]bool{} // by the names of facts
	syntax.Each(root, func(node ast.Node) {
		switch n := node.(type) {
		case *ast.MemberNode:
			if late()[syntax.Called(n)] != "" && syntax.Property(n) != "IsZero" {
				read = append(read, n)
			}
		case *ast.CallNode:
			asks, ok := n.Callee.(*ast.MemberNode)
			if ok && syntax.Property(asks) == "IsZero" {
				of, ok := asks.Node.(*ast.MemberNode)
				if ok {
					asked[syntax.Called(of)] = true
				}
			}
		}
	})
	var found []syntax.Problem
	for _, n := range read {
		name := syntax.Called(n)
		if asked[name] {
			continue
		}
		asked[name] = true // said once
		said := fmt.Sprintf("an alert has no %s until %s: till then this has no answer, and the alert is held",
			name, late()[name])
		found = append(found,
			syntax.At(n, said, fmt.Sprintf("ask first: !%s.IsZero() && …", name)))
	}
	return found
}

// late are the times that an alert does not have from its beginning, and when it gets them. Every alert has the others.
func late() map[string]string {
	return map[string]string{"alert.resolvedTime": "it is resolved"}
}
