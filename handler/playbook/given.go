package playbook

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
)

// The functions that stand around a fact which the API may not have sent. They are put in when a condition is
// compiled; no playbook can name them.
const (
	givenTime  = "givenTime"
	givenAge   = "givenAge"
	givenCount = "givenCount"
	givenTexts = "givenTexts"
)

// noReport is machine.lastSeenAge of a machine without a last report.
const noReport = time.Duration(math.MaxInt64)

func givenOptions() []expr.Option {
	return []expr.Option{
		expr.Function(givenTime, given(func(v any) bool { t, _ := v.(time.Time); return !t.IsZero() }),
			new(func(time.Time, string) time.Time)),
		expr.Function(givenAge, given(func(v any) bool { return v != noReport }),
			new(func(time.Duration, string) time.Duration)),
		expr.Function(givenCount, given(func(v any) bool { return v != int64(0) }), new(func(int64, string) int64)),
		expr.Function(givenTexts, given(func(v any) bool { list, _ := v.([]string); return list != nil }),
			new(func([]string, string) []string)),
	}
}

// given answers with its first argument if that is there. Else the condition has no answer.
func given(is func(any) bool) func(...any) (any, error) {
	return func(p ...any) (any, error) {
		if !is(p[0]) {
			return nil, fmt.Errorf("%v is not given", p[1])
		}
		return p[0], nil
	}
}

// guarded puts a guard around every fact in a checked expression that may be absent, so that nothing is true or false
// on a guess: times, the age of the last report, the build, the list of tags. What asks whether a fact is there has no
// guard: .IsZero() and a comparison with 0.
func guarded(node ast.Node) ast.Node {
	ast.Walk(&node, &guard{})
	return node
}

// guard is the visitor behind guarded. It meets the parts of an expression before the whole.
type guard struct{}

// Visit implements ast.Visitor.
func (*guard) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.MemberNode:
		if by := guardOf(n); by != "" {
			ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: by},
				Arguments: []ast.Node{n, &ast.StringNode{Value: factName(n)}}})
		}
	case *ast.CallNode:
		if asked, ok := n.Callee.(*ast.MemberNode); ok && propertyOf(asked) == "IsZero" {
			asked.Node = unguarded(asked.Node)
		}
	case *ast.BinaryNode:
		if isZero(n.Right) {
			n.Left = unguarded(n.Left)
		}
		if isZero(n.Left) {
			n.Right = unguarded(n.Right)
		}
	}
}

// guardOf is the guard that a fact needs, empty for one that is always there or of which an empty text tells that it
// is not.
func guardOf(n *ast.MemberNode) string {
	name := strings.Join(pathOf(n), ".")
	switch {
	case name == "machine.lastSeenAge":
		return givenAge
	case name == "machine.osBuild":
		return givenCount
	case name == "machine.machineTags" && n.Type() == reflect.TypeFor[[]string]():
		return givenTexts
	case n.Type() == reflect.TypeFor[time.Time]():
		return givenTime
	}
	return ""
}

// factName is what people call the fact that n reads.
func factName(n *ast.MemberNode) string {
	if path := pathOf(n); path != nil {
		return strings.Join(path, ".")
	}
	return "an entry's " + propertyOf(n)
}

func propertyOf(n *ast.MemberNode) string {
	name, _ := n.Property.(*ast.StringNode)
	if name == nil {
		return ""
	}
	return name.Value
}

func isZero(n ast.Node) bool {
	number, ok := n.(*ast.IntegerNode)
	return ok && number.Value == 0
}

// unguarded takes the guard off a fact again.
func unguarded(n ast.Node) ast.Node {
	call, ok := n.(*ast.CallNode)
	if !ok {
		return n
	}
	by, ok := call.Callee.(*ast.IdentifierNode)
	if !ok || len(call.Arguments) != 2 || !strings.HasPrefix(by.Value, "given") {
		return n
	}
	return call.Arguments[0]
}

// lateTimes are the times that an alert does not have from its beginning, and when it gets them. Every alert has the others.
func lateTimes() map[string]string {
	return map[string]string{"alert.resolvedTime": "it is resolved"}
}

// unasked finds the late times in an expression that does not ask whether they are there: without one it has no answer, and
// what the alert would have got is held.
func unasked(root ast.Node) []conditionProblem {
	t := &lateReading{asked: map[string]bool{}}
	ast.Walk(&root, t)
	var found []conditionProblem
	for _, n := range t.read {
		if name := factName(n); !t.asked[name] {
			t.asked[name] = true // said once
			found = append(found, conditionProblem{n.Location().From,
				fmt.Sprintf("an alert has no %s until %s: till then this has no answer, and the alert is held", name, lateTimes()[name]),
				fmt.Sprintf("ask first: !%s.IsZero() && …", name)})
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
		if lateTimes()[factName(n)] != "" && propertyOf(n) != "IsZero" {
			t.read = append(t.read, n)
		}
	case *ast.CallNode:
		if asks, ok := n.Callee.(*ast.MemberNode); ok && propertyOf(asks) == "IsZero" {
			if of, ok := asks.Node.(*ast.MemberNode); ok {
				t.asked[factName(of)] = true
			}
		}
	}
}
