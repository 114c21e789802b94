package tables

import (
	"encoding/hex"
	"strconv"
	"strings"
)

const (
	// maxComparisons is the limit of "Querying tables and entities" on learn.microsoft.com.
	maxComparisons = 15
	maxDepth       = 100
)

type tokenKind int

const (
	endOfFilter tokenKind = iota
	symbol                // ( or )
	word                  // a name or an operator
	literal
)

type token struct {
	kind  tokenKind
	text  string
	value any
}

// filterParser reads `or` below `and` below `not`, with parentheses. token is the next one not yet used.
type filterParser struct {
	rest        string
	token       token
	depth       int
	comparisons int
}

// parseFilter reads a $filter; nil with no problem means that there is none.
func parseFilter(text string) (condition, *problem) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	p := &filterParser{rest: text}
	if problem := p.next(); problem != nil {
		return nil, problem
	}
	c, problem := p.or()
	if problem != nil {
		return nil, problem
	}
	if p.token.kind != endOfFilter {
		return nil, p.unexpected("the end")
	}
	return c, nil
}

func (p *filterParser) unexpected(wanted string) *problem {
	return invalid("The $filter is not valid: %s expected before %.80q.", wanted, p.token.text+p.rest)
}

func (p *filterParser) is(kind tokenKind, text string) bool {
	return p.token.kind == kind && p.token.text == text
}

func (p *filterParser) or() (condition, *problem) {
	left, problem := p.and()
	for problem == nil && p.is(word, "or") {
		var right condition
		if problem = p.next(); problem == nil {
			right, problem = p.and()
		}
		left = either{left, right}
	}
	return left, problem
}

func (p *filterParser) and() (condition, *problem) {
	left, problem := p.unary()
	for problem == nil && p.is(word, "and") {
		var right condition
		if problem = p.next(); problem == nil {
			right, problem = p.unary()
		}
		left = both{left, right}
	}
	return left, problem
}

func (p *filterParser) unary() (condition, *problem) {
	if p.depth++; p.depth > maxDepth {
		return nil, invalid("The $filter is not valid: more than %d levels deep.", maxDepth)
	}
	defer func() { p.depth-- }()
	switch {
	case p.is(word, "not"):
		if problem := p.next(); problem != nil {
			return nil, problem
		}
		inner, problem := p.unary()
		return negation{inner}, problem
	case p.is(symbol, "("):
		return p.group()
	default:
		return p.comparison()
	}
}

func (p *filterParser) group() (condition, *problem) {
	if problem := p.next(); problem != nil {
		return nil, problem
	}
	inner, problem := p.or()
	if problem != nil {
		return nil, problem
	}
	if !p.is(symbol, ")") {
		return nil, p.unexpected(")")
	}
	return inner, p.next()
}

// comparison reads name op value, or value op name.
func (p *filterParser) comparison() (condition, *problem) {
	if p.comparisons++; p.comparisons > maxComparisons {
		return nil, invalid("The $filter has more than %d comparisons.", maxComparisons)
	}
	left := p.token
	if left.kind != word && left.kind != literal {
		return nil, p.unexpected("a name or a value")
	}
	if problem := p.next(); problem != nil {
		return nil, problem
	}
	op := p.token.text
	mirrored, ok := mirror(op)
	if !ok || p.token.kind != word {
		return nil, p.unexpected("eq, ne, gt, ge, lt or le")
	}
	if problem := p.next(); problem != nil {
		return nil, problem
	}
	right := p.token
	switch {
	case left.kind == word && right.kind == literal:
		return comparison{left.text, op, right.value}, p.next()
	case left.kind == literal && right.kind == word:
		return comparison{right.text, mirrored, left.value}, p.next()
	default:
		return nil, p.unexpected("a name on one side and a value on the other")
	}
}

// mirror returns the operator that says the same with the sides exchanged.
func mirror(op string) (string, bool) {
	switch op {
	case "eq", "ne":
		return op, true
	case "gt":
		return "lt", true
	case "ge":
		return "le", true
	case "lt":
		return "gt", true
	case "le":
		return "ge", true
	default:
		return "", false
	}
}

// next moves to the next token.
func (p *filterParser) next() *problem {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		p.token = token{}
		return nil
	}
	switch c := p.rest[0]; {
	case c == '(' || c == ')':
		p.token, p.rest = token{kind: symbol, text: p.rest[:1]}, p.rest[1:]
		return nil
	case c == '\'':
		return p.quotedLiteral("", p.rest)
	}
	end := strings.IndexAny(p.rest, " \t\r\n()'")
	if end < 0 {
		end = len(p.rest)
	}
	run, after := p.rest[:end], p.rest[end:]
	if strings.HasPrefix(after, "'") {
		return p.quotedLiteral(run, after)
	}
	p.rest = after
	return p.bare(run)
}

// quotedLiteral reads a string, or a value whose type stands before its quotes.
func (p *filterParser) quotedLiteral(prefix, quotes string) *problem {
	text, rest, closed := quoted(quotes)
	if !closed {
		return invalid("The $filter is not valid: a quote is not closed at %.80q.", quotes)
	}
	var value any
	ok := true
	switch prefix {
	case "":
		value = text
	case "datetime":
		value, ok = parseTime(text)
	case "guid":
		value, ok = parseGUID(text)
	case "X", "binary":
		b, err := hex.DecodeString(text)
		value, ok = b, err == nil
	default:
		ok = false
	}
	if !ok {
		return invalid("The $filter is not valid: %.80q is not a value.", prefix+"'"+text+"'")
	}
	p.token, p.rest = token{literal, text, value}, rest
	return nil
}

// bare reads a number, a boolean or a word.
func (p *filterParser) bare(run string) *problem {
	switch {
	case run == "true" || run == "false":
		p.token = token{literal, run, run == "true"}
		return nil
	case strings.ContainsRune("+-.0123456789", rune(run[0])):
		value, ok := numberLiteral(run)
		if !ok {
			return invalid("The $filter is not valid: %.80q is not a number.", run)
		}
		p.token = token{literal, run, value}
		return nil
	case checkName(run) == nil:
		p.token = token{kind: word, text: run}
		return nil
	default:
		return invalid("The $filter is not valid at %.80q.", run)
	}
}

// numberLiteral reads 5, 5L, 5.0, 1e3 and 5.0D. An integer too long for 32 bits is taken as a long.
func numberLiteral(text string) (any, bool) {
	if long, found := strings.CutSuffix(strings.ToUpper(text), "L"); found {
		n, err := strconv.ParseInt(long, 10, 64)
		return n, err == nil
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return int32(n), true
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	if strings.ContainsAny(text, "xX_pP") {
		return nil, false
	}
	f, err := strconv.ParseFloat(strings.TrimRight(text, "dD"), 64)
	return f, err == nil
}
