package functions

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
	_ "time/tzdata"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/spelling"
)

// Mistake checks what a call of a helper has written out; every argument but the first of each has to be.
func (h *Set) Mistake(name string, args []ast.Node) (at ast.Node, message, hint string) {
	if name == SeverityAtLeast {
		if at, message, hint := severityMistake(args); message != "" {
			return at, message, hint
		}
	}
	for i, arg := range args {
		if i == 0 || name == "compareVersion" {
			continue
		}
		text, ok := arg.(*ast.StringNode)
		if !ok {
			return arg, fmt.Sprintf("what %s() is given has to be written out", name), "only its first argument comes from the alert or the machine: " + Example(name)
		}
		if message, hint := h.wrong(name, i, text.Value); message != "" {
			return arg, message, hint
		}
	}
	if from, to := syntax.Written(args, 1), syntax.Written(args, 2); name == "timeBetween" && from != "" && from == to {
		return args[2], fmt.Sprintf("from and to are both %s: that is no time of day or all of it", from), "leave the call out, or write another time"
	}
	return nil, "", ""
}

// wrong checks one written argument.
func (h *Set) wrong(name string, i int, value string) (message, hint string) {
	switch {
	case name == "glob" && (value == "" || len([]rune(value)) > spelling.MaxPattern):
		return fmt.Sprintf("a pattern has 1 to %d characters", spelling.MaxPattern), `such as "KIOSK-*"`
	case name == "inCIDR":
		network, err := netip.ParsePrefix(value)
		if err != nil {
			return fmt.Sprintf("%q is no network", value), `such as "10.20.0.0/16" or "fd00::/8"; one address is "10.20.0.7/32"`
		}
		if network != network.Masked() {
			return fmt.Sprintf("%q has bits behind its prefix", value), "write " + network.Masked().String()
		}
	case name == "timeBetween" && i < 3:
		if _, err := time.Parse(clock, value); err != nil || len(value) != len(clock) {
			return fmt.Sprintf("%q is no time of day", value), `such as "07:30" or "18:00"; midnight is "00:00"`
		}
	case name == "timeBetween" || name == "weekday":
		if !h.zone(value) {
			return fmt.Sprintf("%q is no time zone", value), `a name of the IANA database, such as "Europe/Berlin" or "UTC"`
		}
	}
	return "", ""
}

// severityMistake checks a call of severityAtLeast as it is written.
func severityMistake(args []ast.Node) (at ast.Node, message, hint string) {
	if len(args) != 2 {
		return nil, "", "" // the checker says so
	}
	if of, ok := args[0].(*ast.IdentifierNode); !ok || !slices.Contains(facts.Subjects(), of.Value) {
		return args[0], SeverityAtLeast + "() is asked about alert or hunt", "write " + Example(SeverityAtLeast)
	}
	if level, ok := args[1].(*ast.StringNode); ok && !slices.Contains(facts.Severities(), level.Value) {
		return args[1], fmt.Sprintf("%q is no severity that others can be compared with", level.Value),
			spelling.Suggest(level.Value, facts.Severities())
	}
	return nil, "", ""
}
