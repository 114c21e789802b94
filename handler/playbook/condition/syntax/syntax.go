// Package syntax takes conditions apart: their clauses, the facts that a part of one reads, and where it stands.
package syntax

import "github.com/expr-lang/expr/ast"

// Problem is a mistake in an expression, or what is probably not meant in one.
type Problem struct {
	Offset  int // of characters into the expression
	Message string
	Hint    string
}

// At is a problem at a node of an expression.
func At(n ast.Node, message, hint string) Problem {
	return Problem{
		Offset:  n.Location().From,
		Message: message,
		Hint:    hint,
	}
}

// Each calls do for every node of an expression, the parts of one before the whole.
func Each(root ast.Node, do func(ast.Node)) {
	ast.Walk(&root, visitor(do))
}

type visitor func(ast.Node)

// Visit implements ast.Visitor.
func (v visitor) Visit(n *ast.Node) { v(*n) }

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
	return join, operands(node, join)
}

func operands(node ast.Node, join Join) []ast.Node {
	b, ok := node.(*ast.BinaryNode)
	if !ok || join == Single || JoinOf(node) != join {
		return []ast.Node{node}
	}
	return append(operands(b.Left, join), operands(b.Right, join)...)
}

// JoinOf is how the operands of a node hang together; Single for one that is neither and nor or.
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
