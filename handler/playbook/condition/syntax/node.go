package syntax

import (
	"reflect"
	"slices"
	"strings"
	_ "time/tzdata"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/alert"
	"cordon/handler/playbook/facts"
)

// Name is the name of the fact that node reads, as Environment has it; empty if it reads none.
func Name(node ast.Node) string {
	n, ok := node.(*ast.MemberNode)
	if !ok {
		return ""
	}
	if _, entry := n.Node.(*ast.PointerNode); !entry {
		return strings.Join(Path(n), ".")
	}
	switch n.Node.Type() {
	case reflect.TypeFor[alert.Evidence]():
		return "alert.evidence[]." + Property(n)
	case reflect.TypeFor[facts.Action]():
		return "machine.openActions[]." + Property(n)
	}
	return ""
}

// FactName is what people call the fact that n reads.
func FactName(n *ast.MemberNode) string {
	if path := Path(n); path != nil {
		return strings.Join(path, ".")
	}
	return "an entry's " + Property(n)
}

// Path is the chain of names that node reads, such as alert, severity; nil when it is no such chain.
func Path(node ast.Node) []string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return []string{n.Value}
	case *ast.MemberNode:
		name, ok := n.Property.(*ast.StringNode)
		base := Path(n.Node)
		if ok && base != nil {
			return append(base, name.Value)
		}
		return base
	}
	return nil
}

func Property(n *ast.MemberNode) string {
	name, _ := n.Property.(*ast.StringNode)
	if name == nil {
		return ""
	}
	return name.Value
}

// Fields lists the facts that an expression reads, each once, in the order of the text.
func Fields(root ast.Node) []facts.Field {
	c := &collector{inner: map[ast.Node]bool{}}
	ast.Walk(&root, c)
	var fields []facts.Field
	for _, n := range c.nodes {
		if c.inner[n] {
			continue
		}
		f, ok := facts.Resolve(Path(n))
		if ok && !slices.ContainsFunc(fields, func(x facts.Field) bool { return x.Name == f.Name }) {
			fields = append(fields, f)
		}
	}
	return fields
}

// collector gathers the nodes that read facts; inner ones are part of a longer chain.
type collector struct {
	nodes []ast.Node
	inner map[ast.Node]bool
}

// Visit implements ast.Visitor.
func (c *collector) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		c.nodes = append(c.nodes, n)
	case *ast.MemberNode:
		c.nodes = append(c.nodes, n)
		c.inner[n.Node] = true
	}
}

// Contains reports whether root is or contains a node of type T.
func Contains[T ast.Node](root ast.Node) bool {
	f := &finder[T]{}
	ast.Walk(&root, f)
	return f.found
}

type finder[T ast.Node] struct{ found bool }

// Visit implements ast.Visitor.
func (f *finder[T]) Visit(node *ast.Node) {
	if _, ok := (*node).(T); ok {
		f.found = true
	}
}

func Written(args []ast.Node, i int) string {
	if i < len(args) {
		if text, ok := args[i].(*ast.StringNode); ok {
			return text.Value
		}
	}
	return ""
}

// Mirrored is the operator of a comparison whose sides are changed; empty for one that compares nothing.
func Mirrored(operator string) string {
	return map[string]string{"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}[operator]
}

func IsText(n ast.Node) bool { return n.Type() != nil && n.Type().Kind() == reflect.String }
