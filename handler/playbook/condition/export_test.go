package condition

import (
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// CompileWhole compiles a condition without taking it apart.
func CompileWhole(c *Compiler, src string) (*vm.Program, error) {
	return expr.Compile(src, append(slices.Clone(c.options), expr.Patch(guard{}))...)
}
