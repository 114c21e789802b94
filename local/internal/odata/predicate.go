package odata

import (
	"slices"
	"strings"
)

// Filter is a parsed $filter.
type Filter interface {
	// Holds reports whether something is to be kept. of gives the value of its properties, nil for one without.
	Holds(of func(name string) any) bool
}

type (
	// And holds if all of its parts do.
	And []Filter
	or  []Filter
	not struct{ inner Filter }
	// Comparison is property op value, and does not hold between values of two types, whatever the operator.
	Comparison struct {
		Name, Op string
		Value    any
		null     bool // null is a value
	}
	prefix struct{ name, text string }
	// anyOf is a comparison that one text of a list must hold.
	anyOf struct{ each Comparison }
)

// Holds reports whether all parts hold.
func (a And) Holds(of func(string) any) bool {
	return !slices.ContainsFunc(a, func(one Filter) bool { return !one.Holds(of) })
}

func (o or) Holds(of func(string) any) bool {
	return slices.ContainsFunc(o, func(one Filter) bool { return one.Holds(of) })
}

func (n not) Holds(of func(string) any) bool { return !n.inner.Holds(of) }

func (p prefix) Holds(of func(string) any) bool {
	text, _ := of(p.name).(string)
	return strings.HasPrefix(text, p.text)
}

func (a anyOf) Holds(of func(string) any) bool {
	list, _ := of(a.each.Name).([]string)
	return slices.ContainsFunc(list, func(text string) bool { return a.each.holds(text) })
}

// Holds compares.
func (c Comparison) Holds(of func(string) any) bool { return c.holds(of(c.Name)) }

func (c Comparison) holds(got any) bool {
	if got == nil || c.Value == nil {
		same := got == c.Value
		return c.null && (c.Op == "eq" && same || c.Op == "ne" && !same)
	}
	order, ok := compare(got, c.Value)
	return ok && asks(c.Op)(order)
}

// asks is what an operator asks of the order of two values; nil if there is no such operator.
func asks(op string) func(order int) bool {
	switch op {
	case "eq":
		return func(order int) bool { return order == 0 }
	case "ne":
		return func(order int) bool { return order != 0 }
	case "gt":
		return func(order int) bool { return order > 0 }
	case "ge":
		return func(order int) bool { return order >= 0 }
	case "lt":
		return func(order int) bool { return order < 0 }
	case "le":
		return func(order int) bool { return order <= 0 }
	}
	return nil
}

// mirror is the operator that says the same with the sides exchanged.
func mirror(op string) string {
	switch op[0] {
	case 'g':
		return "l" + op[1:]
	case 'l':
		return "g" + op[1:]
	}
	return op
}
