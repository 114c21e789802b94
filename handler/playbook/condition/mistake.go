package condition

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/file"

	"cordon/handler/playbook/condition/functions"
	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/spelling"
)

// The messages of the expression checker that are worded again, with the names that people know.
const (
	unknownNamePattern  = `^unknown name (\S+)$`
	unknownFieldPattern = `^type (\S+) has no (?:field|method) (\S+)$`
	wrongResultPattern  = `^expected bool, but got (.+)$`
)

// explainError words an error of the expression parser or checker for the people who write playbooks.
func explainError(err error) syntax.Problem {
	p := syntax.Problem{Message: err.Error(), Hint: "the language is described at https://expr-lang.org/docs/language-definition"}
	var fe *file.Error
	if errors.As(err, &fe) {
		p.Offset, p.Message = fe.From, fe.Message
	}
	p.Message = spelling.Cut(spelling.Plain(p.Message), 300)
	if m := regexp.MustCompile(unknownNamePattern).FindStringSubmatch(p.Message); m != nil {
		p.Message, p.Hint = fmt.Sprintf("there is no %q", m[1]), spelling.Suggest(m[1], facts.Names(reflect.TypeFor[facts.Facts]()))
		if strings.EqualFold(m[1], "null") {
			p.Hint = `write nil, or "" for a text`
		}
	}
	if m := regexp.MustCompile(unknownFieldPattern).FindStringSubmatch(p.Message); m != nil {
		if t, ok := facts.Types()[m[1]]; ok {
			p.Message, p.Hint = fmt.Sprintf("%s has no field %q", t.Called, m[2]), spelling.Suggest(m[2], t.Fields)
			if why, not := facts.Unreadable()[t.Called+"."+m[2]]; not {
				p.Message = fmt.Sprintf("rules cannot read %s.%s: %s", t.Called, m[2], why)
			}
		}
	}
	if m := regexp.MustCompile(wrongResultPattern).FindStringSubmatch(p.Message); m != nil {
		p.Message = fmt.Sprintf("the condition gives %s, it has to give true or false", m[1])
		p.Hint = `compare it with something, such as alert.severity == "High"`
	}
	switch {
	case strings.Contains(p.Message, "mismatched type"):
		p.Hint = "compare text with text, number with number, time with time, an age with duration(\"72h\"); \"x\" in list looks into a list, text contains \"x\" into a text"
	case strings.HasPrefix(p.Message, `unexpected token Operator("=")`):
		p.Hint = "two values are compared with =="
	case strings.Contains(p.Message, "exceeds maximum"):
		p.Message = fmt.Sprintf("the condition has more than %d parts", maxConditionNodes)
		p.Hint = "split it into several rules: the first that matches wins"
	case strings.HasPrefix(p.Message, "invalid number of arguments"), strings.HasPrefix(p.Message, "too many arguments"), strings.HasPrefix(p.Message, "not enough arguments"), strings.HasPrefix(p.Message, "cannot use"):
		p.Hint = functions.Hint(p.Message)
	case strings.HasPrefix(p.Message, "error parsing regexp"):
		p.Hint = "the pattern is a regular expression of Go (RE2)"
	}
	return p
}
