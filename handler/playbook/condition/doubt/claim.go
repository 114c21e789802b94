package doubt

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
)

// claim is what one part of a condition says of an expression: that it is one of some texts, none of them, or a number
// in a range. Anything else is claimed to be true.
type claim struct {
	of        string   // the expression
	values    []string // literals as they are written
	not       bool     // it is none of values
	low, high float64  // without values
	open      bool     // the ends of the range do not belong to it
}

// claimOf is what a part of a condition says.
func claimOf(node ast.Node) claim {
	n, ok := node.(*ast.UnaryNode)
	if ok && (n.Operator == "not" || n.Operator == "!") {
		return claimOf(n.Node).opposite()
	}
	if n, ok := node.(*ast.BinaryNode); ok {
		left := n.Left
		right := n.Right
		operator := n.Operator
		if _, written := literalOf(left); written {
			left, right, operator = right, left, syntax.Mirrored(operator)
		}
		c, ok := comparison(left, right, operator)
		if ok {
			return c
		}
	}
	return claim{of: node.String(), values: []string{"true"}}
}

// comparison is what an expression is said to be that is compared with something written out.
func comparison(left, right ast.Node, operator string) (claim, bool) {
	c := claim{of: left.String()}
	list, ok := right.(*ast.ArrayNode)
	if ok && operator == "in" {
		for _, one := range list.Nodes {
			text, written := literalOf(one)
			if !written {
				return c, false
			}
			c.values = append(c.values, text)
		}
		return c, len(c.values) > 0
	}
	text, written := literalOf(right)
	if !written {
		return c, false
	}
	number, isNumber := numberOf(right)
	c.low = math.Inf(-1)
	c.high = math.Inf(1)
	c.open = operator == "<" || operator == ">"
	switch {
	case operator == "==", operator == "!=":
		return claim{
			of:     c.of,
			values: []string{text},
			not:    operator == "!=",
		}, true
	case !isNumber:
		return c, false
	case operator == "<", operator == "<=":
		c.high = number
	case operator == ">", operator == ">=":
		c.low = number
	default:
		return c, false
	}
	return c, true
}

// opposite is what is so when c is not. The opposite of a range is the other side of its end.
func (c claim) opposite() claim {
	if len(c.values) > 0 {
		c.not = !c.not
		return c
	}
	c.open = !c.open
	if math.IsInf(c.low, -1) {
		c.low, c.high = c.high, math.Inf(1)
	} else {
		c.low, c.high = math.Inf(-1), c.low
	}
	return c
}

// excludes reports whether c and d cannot both be so.
func (c claim) excludes(d claim) bool {
	switch {
	case c.of != d.of:
		return false
	case len(c.values) > 0 && len(d.values) > 0:
		return disjoint(c, d)
	case len(c.values) > 0:
		return !c.not && !slices.ContainsFunc(c.values, d.holds)
	case len(d.values) > 0:
		return !d.not && !slices.ContainsFunc(d.values, c.holds)
	}
	low := math.Max(c.low, d.low)
	high := math.Min(c.high, d.high)
	return low > high || low == high && (c.open || d.open)
}

func disjoint(c, d claim) bool {
	switch {
	case c.not && d.not:
		return isTruth(c.values) &&
			isTruth(d.values) &&
			!slices.Equal(c.values, d.values)
	case c.not:
		return !slices.ContainsFunc(d.values, func(v string) bool {
			return !slices.Contains(c.values, v)
		})
	case d.not:
		return !slices.ContainsFunc(c.values, func(v string) bool {
			return !slices.Contains(d.values, v)
		})
	}
	return !slices.ContainsFunc(c.values, func(v string) bool {
		return slices.Contains(d.values, v)
	})
}

// isTruth reports whether values are one of true and false, of which one is always so.
func isTruth(values []string) bool {
	return len(values) == 1 && (values[0] == "true" || values[0] == "false")
}

// holds reports whether a written number is in the range of c.
func (c claim) holds(value string) bool {
	number, err := strconv.ParseFloat(value, 64)
	if err != nil || strings.HasPrefix(value, `"`) {
		return true
	}
	return number > c.low && number < c.high ||
		!c.open && (number == c.low || number == c.high)
}

// literalOf is a written value, and whether node is one.
func literalOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return strconv.Quote(n.Value), true
	case *ast.NilNode, *ast.BoolNode:
		return n.String(), true
	}
	if number, ok := numberOf(node); ok {
		return strconv.FormatFloat(number, 'g', -1, 64), true
	}
	return "", false
}

// numberOf is a written number; a duration counts in nanoseconds.
func numberOf(node ast.Node) (float64, bool) {
	switch n := node.(type) {
	case *ast.IntegerNode:
		return float64(n.Value), true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.BuiltinNode:
		if n.Name == "duration" && len(n.Arguments) == 1 {
			d, err := time.ParseDuration(syntax.Text(n.Arguments[0]))
			return float64(d), err == nil
		}
	}
	return 0, false
}
