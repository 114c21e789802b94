package condition

import (
	"reflect"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
)

// equality is the clause that most rules are made of, a text field held against a written text, which needs no program.
type equality struct {
	field facts.Field
	text  string
	want  bool // false: it has to be another text
}

// equalityOf is what a node of a checked expression compares, nil if it is anything else than a field and a text.
func equalityOf(node ast.Node) *equality {
	b, ok := node.(*ast.BinaryNode)
	if !ok || b.Operator != "==" && b.Operator != "!=" {
		return nil
	}
	text, ok := b.Right.(*ast.StringNode)
	path := syntax.Path(b.Left)
	f, known := facts.Resolve(path)
	whole := known &&
		len(f.Index) == len(path) &&
		!syntax.Contains[*ast.IntegerNode](b.Left)
	if !ok || !whole || f.Kind != reflect.String {
		return nil
	}
	return &equality{
		field: f,
		text:  text.Value,
		want:  b.Operator == "==",
	}
}
