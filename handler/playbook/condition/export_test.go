package condition

import (
	"github.com/expr-lang/expr/checker"
	expcompiler "github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// CompileWhole compiles a condition without taking it apart.
func CompileWhole(c *Compiler, src string) (*vm.Program, error) {
	tree, err := parser.ParseWithConfig(src, c.config)
	if err != nil {
		return nil, err
	}
	tree.Node = withSeverities(tree.Node)
	if _, err := checker.Check(tree, c.config); err != nil {
		return nil, err
	}
	tree.Node = guarded(tree.Node)
	if _, err := checker.Check(tree, c.config); err != nil {
		return nil, err
	}
	return expcompiler.Compile(tree, c.config)
}
