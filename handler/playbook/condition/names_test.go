package condition

import (
	"fmt"
	"strings"
	"testing"

	"cordon/handler/playbook/condition/functions"
	"cordon/handler/playbook/facts"
)

func TestEveryFactCanBeReadByItsName(t *testing.T) {
	t.Parallel()
	for _, f := range facts.Environment() {
		value := map[string]string{"text": `len(%s) == 1`, "number": "%s == 1", "true/false": "%s",
			"time": "%s.IsZero()", "duration": `%s < duration("1h")`,
			"list of texts": `"x" in %s`, "list": "len(%s) == 1"}[f.Type]
		list, entry, inList := strings.Cut(f.Name, "[]")
		switch {
		case inList:
			value = fmt.Sprintf("any(%s, %s)", list, fmt.Sprintf(value, entry))
		case value == "":
			continue // a fact with fields of its own
		default:
			value = fmt.Sprintf(value, f.Name)
		}
		if _, problems := NewCompiler().Compile(value); len(problems) > 0 {
			t.Errorf("%s: %+v", value, problems)
		}
	}
}

func TestTheExamplesOfHelpersWork(t *testing.T) {
	t.Parallel()
	for _, h := range functions.All() {
		if _, problems := NewCompiler().Compile(h.Example); len(problems) > 0 {
			t.Errorf("%s: %+v", h.Example, problems)
		}
		if !strings.HasPrefix(h.Signature(), h.Name+"(") {
			t.Errorf("%s is written %s", h.Name, h.Signature())
		}
	}
}
