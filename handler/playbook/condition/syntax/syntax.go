// Package syntax takes conditions apart: their clauses, the facts that a part of one reads, and where it stands.
package syntax

import (
	"github.com/expr-lang/expr/ast"
)

// Problem is a mistake in an expression, offset characters into it.
type Problem struct {
	Offset  int
	Message string
	Hint    string
}

// Wrong is a mistake at a node of an expression.
func Wrong(n ast.Node, message, hint string) Problem {
	return Problem{Offset: n.Location().From, Message: message, Hint: hint}
}

// Join says how the clauses of a condition hang together.
type Join string

// The joins.
const (
	Single Join = "" // one clause
	AllOf  Join = "and"
	AnyOf  Join = "or"
)

// Split takes the outermost chain of "and" or of "or" apart.
func Split(node ast.Node) (Join, []ast.Node) {
	join := JoinOf(node)
	if join == Single {
		return Single, []ast.Node{node}
	}
	var operands []ast.Node
	var flatten func(n ast.Node)
	flatten = func(n ast.Node) {
		if JoinOf(n) != join {
			operands = append(operands, n)
			return
		}
		b := n.(*ast.BinaryNode)
		flatten(b.Left)
		flatten(b.Right)
	}
	flatten(node)
	return join, operands
}

func JoinOf(node ast.Node) Join {
	b, ok := node.(*ast.BinaryNode)
	if !ok {
		return Single
	}
	switch b.Operator {
	case "&&", "and":
		return AllOf
	case "||", "or":
		return AnyOf
	}
	return Single
}
