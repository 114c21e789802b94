package condition

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
)

// The functions that stand around a fact which the API may not have sent. They are put in when a condition is
// compiled; no playbook can name them.
const (
	givenTime  = "givenTime"
	givenAge   = "givenAge"
	givenCount = "givenCount"
	givenTexts = "givenTexts"
)

func givenOptions() []expr.Option {
	isTime := func(v any) bool {
		t, _ := v.(time.Time)
		return !t.IsZero()
	}
	isAge := func(v any) bool { return v != facts.NoReport }
	isCount := func(v any) bool { return v != int64(0) }
	areTexts := func(v any) bool {
		list, _ := v.([]string)
		return list != nil
	}
	return []expr.Option{
		expr.Function(givenTime, given(isTime), new(func(time.Time, string) time.Time)),
		expr.Function(givenAge, given(isAge), new(func(time.Duration, string) time.Duration)),
		expr.Function(givenCount, given(isCount), new(func(int64, string) int64)),
		expr.Function(givenTexts, given(areTexts), new(func([]string, string) []string)),
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

// guard puts a guard around every fact in a checked expression that may be absent, so that nothing is true or false on
// a guess: times, the age of the last report, the build, the list of tags. What asks whether a fact is there has no
// guard: .IsZero() and a comparison with 0.
type guard struct{}

// Visit implements ast.Visitor. It meets the parts of an expression before the whole.
func (guard) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.MemberNode:
		if by := guardOf(n); by != "" {
			name := &ast.StringNode{Value: syntax.Called(n)}
			ast.Patch(node, &ast.CallNode{
				Callee:    &ast.IdentifierNode{Value: by},
				Arguments: []ast.Node{n, name},
			})
		}
	case *ast.CallNode:
		asked, ok := n.Callee.(*ast.MemberNode)
		if ok && syntax.Property(asked) == "IsZero" {
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
	name := strings.Join(syntax.Path(n), ".")
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
