package defendersim

import (
	"cmp"
	"slices"
	"strings"
)

// compile turns a $filter into a predicate: comparisons with eq, ne, gt, ge, lt and le, in (…), startswith, any over a
// list of texts, and, or, not and parentheses, with OData's precedence. An empty filter lets everything through. The
// error's text is what the API would say.
func (s schema[T]) compile(filter string) (func(T) bool, error) {
	if strings.TrimSpace(filter) == "" {
		return func(T) bool { return true }, nil
	}
	found, err := tokens(filter)
	if err != nil {
		return nil, err
	}
	p := &parser[T]{schema: s, tokens: found, filter: filter}
	all, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.nodes > maxNodes {
		return nil, refusef("The node count limit of '%d' has been exceeded. To increase the limit, set the 'MaxNodeCount' property on EnableQueryAttribute or ODataValidationSettings.", maxNodes)
	}
	if end := p.peek(); end.kind != tokenEnd {
		return nil, p.syntax(end)
	}
	return all, nil
}

type parser[T any] struct {
	schema schema[T]
	tokens []token
	filter string
	nodes  int // operators, properties, constants and calls so far
}

func (p *parser[T]) peek() token { return p.tokens[0] }

// next takes the token off; the end stays.
func (p *parser[T]) next() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser[T]) accept(kind tokenKind, text string) bool {
	t := p.peek()
	if t.kind != kind || t.text != text {
		return false
	}
	p.next()
	return true
}

func (p *parser[T]) expect(mark string) error {
	if !p.accept(tokenOther, mark) {
		return p.syntax(p.peek())
	}
	return nil
}

func (p *parser[T]) syntax(t token) error {
	return refusef("Syntax error at position %d in '%s'.", t.at, p.filter)
}

func (p *parser[T]) or(depth int) (func(T) bool, error) {
	return p.chain(depth, "or", p.and, func(each []func(T) bool) func(T) bool {
		return func(one T) bool {
			return slices.ContainsFunc(each, func(holds func(T) bool) bool { return holds(one) })
		}
	})
}

func (p *parser[T]) and(depth int) (func(T) bool, error) {
	return p.chain(depth, "and", p.not, func(each []func(T) bool) func(T) bool {
		return func(one T) bool {
			return !slices.ContainsFunc(each, func(holds func(T) bool) bool { return !holds(one) })
		}
	})
}

// chain reads parts that a word joins.
func (p *parser[T]) chain(depth int, word string, part func(int) (func(T) bool, error), join func([]func(T) bool) func(T) bool) (func(T) bool, error) {
	if depth > maxDepth {
		return nil, refusef("Recursion depth exceeded allowed limit.")
	}
	var each []func(T) bool
	for {
		one, err := part(depth)
		if err != nil {
			return nil, err
		}
		each = append(each, one)
		if !p.accept(tokenName, word) {
			break
		}
		p.nodes++
	}
	if len(each) == 1 {
		return each[0], nil
	}
	return join(each), nil
}

func (p *parser[T]) not(depth int) (func(T) bool, error) {
	negate := false
	for p.accept(tokenName, "not") {
		negate = !negate
		// Not binds more tightly than a comparison, so it takes a whole one in parentheses only.
		if t := p.peek(); t.kind == tokenName && t.text != "not" && t.text != "startswith" {
			return nil, refusef("A unary operator with an incompatible type was detected. Found operand type 'Edm.String' for operator kind 'Not'.")
		}
	}
	one, err := p.primary(depth)
	if err != nil || !negate {
		return one, err
	}
	return func(e T) bool { return !one(e) }, nil
}

func (p *parser[T]) primary(depth int) (func(T) bool, error) {
	if p.accept(tokenOther, "(") {
		inner, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	name := p.next()
	if name.kind != tokenName {
		return nil, p.syntax(name)
	}
	p.nodes += 3 // the operator or function, what it looks at and what it is held against
	if name.text == "startswith" && p.accept(tokenOther, "(") {
		return p.startsWith()
	}
	read, ok := p.schema.properties[name.text]
	if !ok {
		return nil, p.unknown(name)
	}
	if p.accept(tokenOther, "/") {
		return p.anyOf(read)
	}
	return p.comparison(read)
}

func (p *parser[T]) unknown(name token) error {
	return refusef("Could not find a property named '%s' on type 'microsoft.windowsDefenderATP.api.%s'.", name.text, p.schema.name)
}

func (p *parser[T]) comparison(of property[T]) (func(T) bool, error) {
	operator := p.next()
	if operator.kind != tokenName {
		return nil, p.syntax(operator)
	}
	if operator.text == "in" {
		return p.oneOf(of)
	}
	holds, err := p.operator(operator, of.kind)
	if err != nil {
		return nil, err
	}
	want, err := p.literal(of.kind, operator.text)
	if err != nil {
		return nil, err
	}
	return func(one T) bool { return holds(of.read(one), want) }, nil
}

// operator finds what a comparison asks. With null, everything but eq and ne is false.
func (p *parser[T]) operator(t token, k kind) (func(got, want value) bool, error) {
	ordered := map[string]func(int) bool{
		"gt": func(c int) bool { return c > 0 }, "ge": func(c int) bool { return c >= 0 },
		"lt": func(c int) bool { return c < 0 }, "le": func(c int) bool { return c <= 0 },
	}
	switch holds := ordered[t.text]; {
	case k == kindTexts:
		return nil, p.incompatible(t.text, k, kindText)
	case t.text == "eq":
		return same, nil
	case t.text == "ne":
		return func(got, want value) bool { return !same(got, want) }, nil
	case holds != nil:
		return func(got, want value) bool {
			return got.kind != kindNull && want.kind != kindNull && holds(compare(got, want))
		}, nil
	}
	return nil, p.syntax(t)
}

// literal reads a literal that can be compared with a kind.
func (p *parser[T]) literal(k kind, operator string) (value, error) {
	t := p.next()
	got, ok := t.literal()
	if !ok {
		return value{}, p.syntax(t)
	}
	if got.kind != kindNull && got.kind != k {
		return value{}, p.incompatible(operator, k, got.kind)
	}
	return got, nil
}

func (p *parser[T]) incompatible(operator string, left, right kind) error {
	return refusef("A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.", left, right, operator)
}

func (p *parser[T]) oneOf(of property[T]) (func(T) bool, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var wanted []value
	for {
		want, err := p.literal(of.kind, "in")
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, want)
		if !p.accept(tokenOther, ",") {
			break
		}
		p.nodes++
	}
	return func(one T) bool {
		got := of.read(one)
		return slices.ContainsFunc(wanted, func(want value) bool { return same(got, want) })
	}, p.expect(")")
}

// startsWith reads the rest of startswith(property,'text').
func (p *parser[T]) startsWith() (func(T) bool, error) {
	name := p.next()
	of, ok := p.schema.properties[name.text]
	switch {
	case name.kind != tokenName:
		return nil, p.syntax(name)
	case !ok:
		return nil, p.unknown(name)
	case of.kind != kindText:
		return nil, p.incompatible("startswith", of.kind, kindText)
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	want, err := p.literal(kindText, "startswith")
	if err != nil {
		return nil, err
	}
	return func(one T) bool { return strings.HasPrefix(of.read(one).text, want.text) }, p.expect(")")
}

// anyOf reads the rest of list/any(x: x eq 'text').
func (p *parser[T]) anyOf(of property[T]) (func(T) bool, error) {
	if of.kind != kindTexts || !p.accept(tokenName, "any") {
		return nil, p.syntax(p.peek())
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	variable := p.next()
	if err := p.expect(":"); err != nil || variable.kind != tokenName {
		return nil, p.syntax(variable)
	}
	if used := p.next(); used.kind != tokenName || used.text != variable.text {
		return nil, p.syntax(used)
	}
	holds, err := p.operator(p.next(), kindText)
	if err != nil {
		return nil, err
	}
	want, err := p.literal(kindText, "eq")
	if err != nil {
		return nil, err
	}
	return func(one T) bool {
		return slices.ContainsFunc(of.read(one).texts, func(text string) bool { return holds(value{kind: kindText, text: text}, want) })
	}, p.expect(")")
}

func same(a, b value) bool { return a.kind == b.kind && compare(a, b) == 0 }

// compare orders two values of one kind.
func compare(a, b value) int {
	return cmp.Or(strings.Compare(a.text, b.text), cmp.Compare(a.number, b.number), a.time.Compare(b.time))
}
