package doubt

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
)

// Unasked finds the late times in an expression that does not ask whether they are there: without one it has no answer, and
// what the alert would have got is held.
func Unasked(root ast.Node) []syntax.Problem {
	t := &lateReading{asked: map[string]bool{}}
	ast.Walk(&root, t)
	var found []syntax.Problem
	for _, n := range t.read {
		if name := syntax.FactName(n); !t.asked[name] {
			t.asked[name] = true // said once
			found = append(found, syntax.Wrong(n, fmt.Sprintf("an alert has no %s until %s: till then this has no answer, and the alert is held", name, lateTimes()[name]),
				fmt.Sprintf("ask first: !%s.IsZero() && …", name)))
		}
	}
	return found
}

// lateReading is the visitor behind unasked.
type lateReading struct {
	read  []*ast.MemberNode
	asked map[string]bool // by the names of facts
}

// Visit implements ast.Visitor.
func (t *lateReading) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.MemberNode:
		if lateTimes()[syntax.FactName(n)] != "" && syntax.Property(n) != "IsZero" {
			t.read = append(t.read, n)
		}
	case *ast.CallNode:
		if asks, ok := n.Callee.(*ast.MemberNode); ok && syntax.Property(asks) == "IsZero" {
			if of, ok := asks.Node.(*ast.MemberNode); ok {
				t.asked[syntax.FactName(of)] = true
			}
		}
	}
}

// lateTimes are the times that an alert does not have from its beginning, and when it gets them. Every alert has the others.
func lateTimes() map[string]string {
	return map[string]string{"alert.resolvedTime": "it is resolved"}
}
