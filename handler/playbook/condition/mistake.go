package condition

import (
	"errors"
	"fmt"
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
	unknownName  = `^unknown name (\S+)$`
	unknownField = `^type (\S+) has no (?:field|method) (\S+)$`
	wrongResult  = `^expected bool, but got (.+)$`
)

// explained words an error of the expression parser or checker for the people who write playbooks.
func explained(err error) syntax.Problem {
	p := syntax.Problem{Message: message(err), Hint: hintFor(message(err))}
	var wrong *file.Error
	if errors.As(err, &wrong) {
		p.Offset = wrong.From
	}
	said := func(pattern string) []string {
		return regexp.MustCompile(pattern).FindStringSubmatch(p.Message)
	}
	if m := said(unknownName); m != nil {
		p.Message = fmt.Sprintf("there is no %q", m[1])
		p.Hint = spelling.Suggest(m[1], facts.Roots())
		if strings.EqualFold(m[1], "null") {
			p.Hint = `write nil, or "" for a text`
		}
	}
	if m := said(unknownField); m != nil {
		name, fields, ok := facts.PartOf(m[1])
		if ok {
			p.Message = fmt.Sprintf("%s has no field %q", facts.Called(name), m[2])
			p.Hint = spelling.Suggest(m[2], fields)
			why := facts.Unreadable(name + "." + m[2])
			if why != "" {
				p.Message = fmt.Sprintf("rules cannot read %s.%s: %s", name, m[2], why)
			}
		}
	}
	if m := said(wrongResult); m != nil {
		p.Message = fmt.Sprintf("the condition gives %s, it has to give true or false", m[1])
	}
	if strings.Contains(p.Message, "exceeds maximum") {
		p.Message = fmt.Sprintf("the condition has more than %d parts", maxNodes)
	}
	return p
}

// hintFor is the way out of a mistake that the parser or the checker found.
func hintFor(message string) string {
	begins := func(prefixes ...string) bool {
		for _, one := range prefixes {
			if strings.HasPrefix(message, one) {
				return true
			}
		}
		return false
	}
	switch {
	case strings.Contains(message, "mismatched type"):
		return `compare text with text, number with number, time with time, an age with duration("72h"); ` +
			`"x" in list looks into a list, text contains "x" into a text`
	case begins(`unexpected token Operator("=")`):
		return "two values are compared with =="
	case strings.Contains(message, "exceeds maximum"):
		return "split it into several rules: the first that matches wins"
	case begins("invalid number of arguments", "too many arguments", "not enough arguments", "cannot use"):
		return functions.Hint(message)
	case begins("error parsing regexp"):
		return "the pattern is a regular expression of Go (RE2)"
	case begins("expected bool"):
		return `compare it with something, such as alert.severity == "High"`
	}
	return "the language is described at https://expr-lang.org/docs/language-definition"
}
