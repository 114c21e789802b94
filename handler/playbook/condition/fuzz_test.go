package condition_test

import (
	"testing"

	"github.com/expr-lang/expr"

	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/playbooktest"
)

func FuzzCondition(f *testing.F) {
	for _, src := range playbooktest.Conditions() {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		b := condition.NewCompiler()
		c, problems := b.Compile(src)
		if len(problems) > 0 {
			return
		}
		seen := playbooktest.Facts()
		e := condition.NewLook(b.Sizes(), &seen, func(string) string { return "" })
		got, _ := e.Condition(c)
		// What decides, clause by clause, has to agree with the expression language about the whole.
		program, err := condition.CompileWhole(b, src)
		if err != nil {
			t.Fatalf("%s: its clauses compile, the whole does not: %v", src, err)
		}
		whole, err := expr.Run(program, &seen)
		if (err != nil) != (got.Err != nil) || err == nil && whole != got.Is {
			t.Errorf("%s is %v, %v; its clauses say %+v", src, whole, err, got)
		}
	})
}
