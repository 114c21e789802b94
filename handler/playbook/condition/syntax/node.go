package syntax

import (
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/facts"
)

// Fields lists the facts that an expression reads, each once, in the order of the text.
func Fields(root ast.Node) []facts.Field {
	var nodes []ast.Node
	inner := map[ast.Node]bool{} // those that are part of a longer chain
	Each(root, func(node ast.Node) {
		switch n := node.(type) {
		case *ast.IdentifierNode:
			nodes = append(nodes, n)
		case *ast.MemberNode:
			nodes = append(nodes, n)
			inner[n.Node] = true
		}
	})
	var fields []facts.Field
	for _, n := range nodes {
		f, ok := facts.Resolve(Path(n))
		known := slices.ContainsFunc(fields, func(x facts.Field) bool {
			return x.Name == f.Name
		})
		if ok && !inner[n] && !known {
			fields = append(fields, f)
		}
	}
	return fields
}

// Fact is the name of the fact that a node of a checked expression reads, as facts.Environment has it; empty if it
// reads none.
func Fact(node ast.Node) string {
	n, ok := node.(*ast.MemberNode)
	if !ok {
		return ""
	}
	_, entry := n.Node.(*ast.PointerNode)
	if !entry {
		return strings.Join(Path(n), ".")
	}
	list, _, ok := facts.PartOf(n.Node.Type().String())
	if ok {
		return list + "." + Property(n)
	}
	return ""
}

// Called is what people call the fact that n reads.
func Called(n *ast.MemberNode) string {
	if path := Path(n); path != nil {
		return strings.Join(path, ".")
	}
	return "an entry's " + Property(n)
}

// Path is the chain of names that a node reads, such as alert, severity; nil when it is no such chain.
func Path(node ast.Node) []string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return []string{n.Value}
	case *ast.MemberNode:
		base := Path(n.Node)
		name := Property(n)
		if name != "" && base != nil {
			return append(base, name)
		}
		return base
	}
	return nil
}

// Property is the name after the dot; empty for an index.
func Property(n *ast.MemberNode) string { return Text(n.Property) }

// Text is a written text; empty for anything else.
func Text(node ast.Node) string {
	text, ok := node.(*ast.StringNode)
	if ok {
		return text.Value
	}
	return ""
}

// IsText reports whether a node of a checked expression is a text.
func IsText(n ast.Node) bool {
	return n.Type() != nil && n.Type().Kind() == reflect.String
}

// Contains reports whether root is or contains a node of type T.
func Contains[T ast.Node](root ast.Node) bool {
	return ast.Find(root, func(n ast.Node) bool { _, is := n.(T); return is }) != nil
}

// Mirrored is the operator of a comparison whose sides are changed; empty for one that compares nothing.
func Mirrored(operator string) string {
	return map[string]string{
		"==": "==",
		"!=": "!=",
		"<":  ">",
		">":  "<",
		"<=": ">=",
		">=": "<=",
	}[operator]
}
