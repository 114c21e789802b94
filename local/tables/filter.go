package tables

import (
	"bytes"
	"cmp"
	"strings"
	"time"
)

// subject gives the value of a property of what is filtered, and whether it has one.
type subject func(name string) (any, bool)

// condition is a parsed $filter.
type condition interface {
	holds(subject) bool
}

type (
	both     struct{ left, right condition }
	either   struct{ left, right condition }
	negation struct{ inner condition }
	// comparison is name op value. It does not hold for a missing property or one of another type, whatever the operator.
	comparison struct {
		name  string
		op    string
		value any
	}
)

func (c both) holds(s subject) bool     { return c.left.holds(s) && c.right.holds(s) }
func (c either) holds(s subject) bool   { return c.left.holds(s) || c.right.holds(s) }
func (c negation) holds(s subject) bool { return !c.inner.holds(s) }

func (c comparison) holds(s subject) bool {
	value, found := s(c.name)
	if !found {
		return false
	}
	order, comparable := compareValues(value, c.value)
	if !comparable {
		return false
	}
	switch c.op {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	default: // the parser lets nothing else through but le
		return order <= 0
	}
}

// compareValues orders two values of one type; the three number types are one here.
func compareValues(a, b any) (order int, comparable bool) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case GUID:
		y, ok := b.(GUID)
		return strings.Compare(string(x), string(y)), ok
	case []byte:
		y, ok := b.([]byte)
		return bytes.Compare(x, y), ok
	case time.Time:
		y, ok := b.(time.Time)
		return x.Compare(y), ok
	case bool:
		y, ok := b.(bool)
		return cmp.Compare(ordinal(x), ordinal(y)), ok
	default:
		return compareNumbers(a, b)
	}
}

func ordinal(b bool) int {
	if b {
		return 1
	}
	return 0
}

func compareNumbers(a, b any) (order int, comparable bool) {
	m, integral := integer(a)
	n, integralToo := integer(b)
	if integral && integralToo {
		return cmp.Compare(m, n), true
	}
	x, ok := real64(a)
	y, okToo := real64(b)
	return cmp.Compare(x, y), ok && okToo && x == x && y == y
}

func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int32:
		return int64(n), true
	case int64:
		return n, true
	default:
		return 0, false
	}
}

func real64(v any) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	n, ok := integer(v)
	return float64(n), ok
}

// partitionOf returns the one partition that rows must be in for c to hold, if c says so.
func partitionOf(c condition) (string, bool) {
	switch c := c.(type) {
	case both:
		if p, ok := partitionOf(c.left); ok {
			return p, true
		}
		return partitionOf(c.right)
	case comparison:
		p, ok := c.value.(string)
		return p, ok && c.name == "PartitionKey" && c.op == "eq"
	default:
		return "", false
	}
}
