package source

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook/spelling"
)

// Place is where a node begins; mappings begin at their first key.
func Place(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			return Place(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return Place(m.Key)
	}
	at := n.GetToken().Position
	return at.Line, at.Column
}

// described is a node for people: what it is, and its value if that is short.
func described(n ast.Node) string {
	written := spelling.Cut(n.GetToken().Value, 40)
	switch n.(type) {
	case *ast.StringNode:
		return fmt.Sprintf("the text %q", written)
	case *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + written
	case *ast.BoolNode:
		return written
	case *ast.NullNode:
		return "empty"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "something else"
}
