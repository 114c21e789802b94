package odata

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"
)

// typeOf is the type of a value that a filter of known types may hold.
func typeOf(value any) Type {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return Text
	case time.Time:
		return Time
	default:
		return Number
	}
}

// compare orders two values of one type; the three number types are one here.
func compare(a, b any) (order int, comparable bool) {
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

// Literal is a Service.Literal that reads a whole number, a time or a date.
func Literal(text string) (any, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, text[0] != '+'
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return nil, false
}
