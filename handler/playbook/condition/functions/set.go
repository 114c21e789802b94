package functions

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/spelling"
)

// Set are the functions of one playbook, with the zones that its conditions name. Zones are looked up when the playbook
// is loaded, never when it decides.
type Set struct{ zones map[string]*time.Location }

// New is a set whose conditions name no zone yet.
func New() *Set {
	return &Set{zones: map[string]*time.Location{}}
}

// Options have the expression language know the functions.
func (s *Set) Options() []expr.Option {
	return []expr.Option{
		expr.Function("glob", onTexts(glob), new(func(string, string, ...string) bool)),
		expr.Function("inCIDR", onTexts(inCIDR), new(func(string, string, ...string) bool)),
		expr.Function(CompareVersion, onTexts(compareVersion), new(func(string, string) int)),
		expr.Function("timeBetween", s.timeBetween, new(func(time.Time, string, string, string) bool)),
		expr.Function("weekday", s.weekday, new(func(time.Time, string) string)),
		expr.Function(SeverityAtLeast, onTexts(atLeast), new(func(string, string) bool)),
	}
}

// Mistake checks what a call has written out; every argument but the first has to be. False: there is none.
func (s *Set) Mistake(name string, args []ast.Node) (syntax.Problem, bool) {
	if name == CompareVersion {
		return syntax.Problem{}, false
	}
	if name == SeverityAtLeast && len(args) == 2 {
		if p, wrong := severityMistake(args); wrong {
			return p, true
		}
	}
	for i, arg := range args {
		if i == 0 {
			continue
		}
		text, ok := arg.(*ast.StringNode)
		if !ok {
			return syntax.At(arg, fmt.Sprintf("what %s() is given has to be written out", name),
				"only its first argument comes from the alert or the machine: "+Example(name)), true
		}
		message, hint := s.wrong(name, i, text.Value)
		if message != "" {
			return syntax.At(arg, message, hint), true
		}
	}
	if name == "timeBetween" &&
		len(args) > 2 &&
		syntax.Text(args[1]) == syntax.Text(args[2]) {
		said := fmt.Sprintf("from and to are both %s: they must differ", syntax.Text(args[1]))
		return syntax.At(args[2], said, "leave the call out, or write another time"), true
	}
	return syntax.Problem{}, false
}

// wrong checks one written argument.
func (s *Set) wrong(name string, i int, value string) (message, hint string) {
	switch {
	case name == "glob" && (value == "" || len([]rune(value)) > spelling.MaxPattern):
		return fmt.Sprintf("a pattern has 1 to %d characters", spelling.MaxPattern), `such as "KIOSK-*"`
	case name == "inCIDR":
		network, err := netip.ParsePrefix(value)
		if err != nil {
			return fmt.Sprintf("%q is no network", value),
				`such as "10.20.0.0/16" or "fd00::/8"; one address is "10.20.0.7/32"`
		}
		if network != network.Masked() {
			return fmt.Sprintf("%q has bits behind its prefix", value), "write " + network.Masked().String()
		}
	case name == "timeBetween" && i < 3:
		_, err := time.Parse(clock, value)
		if err != nil || len(value) != len(clock) {
			return fmt.Sprintf("%q is no time of day", value), `such as "07:30" or "18:00"; midnight is "00:00"`
		}
	case name == "timeBetween", name == "weekday":
		if !s.zone(value) {
			return fmt.Sprintf("%q is no time zone", value),
				`a name of the IANA database, such as "Europe/Berlin" or "UTC"`
		}
	}
	return "", ""
}

// severityMistake checks a call of severityAtLeast.
func severityMistake(args []ast.Node) (syntax.Problem, bool) {
	of, ok := args[0].(*ast.IdentifierNode)
	if !ok || !slices.Contains(facts.Subjects(), of.Value) {
		said := SeverityAtLeast + "() is asked about alert or hunt"
		return syntax.At(args[0], said, "write "+Example(SeverityAtLeast)), true
	}
	level, levels := syntax.Text(args[1]), facts.Severities()
	_, written := args[1].(*ast.StringNode)
	if written && !slices.Contains(levels, level) {
		said := fmt.Sprintf("%q is no severity that others can be compared with", level)
		return syntax.At(args[1], said, spelling.Suggest(level, levels)), true
	}
	return syntax.Problem{}, false
}
