package odata

// maxDepth bounds how deep a filter nests.
const maxDepth = 100

// Parse reads a $filter; nil without an error means that there is none. The error's text is what the service would say.
func (s Service) Parse(filter string) (Filter, error) {
	p := &parser{Service: s, filter: filter}
	var err error
	if p.tokens, err = s.tokens(filter); err != nil || len(p.tokens) == 1 {
		return nil, err
	}
	all, err := p.or()
	switch {
	case err != nil:
		return nil, err
	case p.peek().kind != tokenEnd:
		return nil, p.syntax(p.peek())
	case s.MaxComparisons > 0 && p.comparisons > s.MaxComparisons:
		return nil, Refuse("The $filter has more than %d comparisons.", s.MaxComparisons)
	case s.MaxNodes > 0 && p.nodes > s.MaxNodes:
		return nil,
			Refuse("The node count limit of '%d' has been exceeded. To increase the limit, set the 'MaxNodeCount' "+
				"property on EnableQueryAttribute or ODataValidationSettings.", s.MaxNodes)
	}
	return all, nil
}

type parser struct {
	Service
	filter      string
	tokens      []token // not yet read
	depth       int
	comparisons int
	nodes       int // operators, properties, constants and calls so far
}

// property is what a comparison looks at.
type property struct {
	name string
	kind Type
}

func (p *parser) or() (Filter, error) {
	return p.chain("or", p.and, func(each []Filter) Filter { return or(each) })
}

func (p *parser) and() (Filter, error) {
	return p.chain("and", p.unary, func(each []Filter) Filter { return And(each) })
}

// chain reads parts that a word joins.
func (p *parser) chain(word string, part func() (Filter, error), join func([]Filter) Filter) (Filter, error) {
	var each []Filter
	for {
		one, err := part()
		if err != nil {
			return nil, err
		}
		each = append(each, one)
		if !p.accept(tokenWord, word) {
			break
		}
		p.nodes++
	}
	if len(each) == 1 {
		return each[0], nil
	}
	return join(each), nil
}

// unary reads what stands between and and or.
func (p *parser) unary() (Filter, error) {
	if p.depth++; p.depth > maxDepth+1 {
		return nil, Refuse("Recursion depth exceeded allowed limit.")
	}
	defer func() { p.depth-- }()
	switch {
	case p.accept(tokenWord, "not"):
		// Not binds more tightly than a comparison, so strictly it takes a whole one in parentheses only.
		if t := p.peek(); t.kind == tokenWord && t.text != "not" && t.text != "startswith" && !p.LooseNot {
			return nil, Refuse("A unary operator with an incompatible type was detected. " +
				"Found operand type 'Edm.String' for operator kind 'Not'.")
		}
		inner, err := p.unary()
		return not{inner}, err
	case p.accept(tokenMark, "("):
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	return p.comparison()
}

// comparison reads one with an operator, or a function.
func (p *parser) comparison() (Filter, error) {
	p.comparisons++
	p.nodes += 3 // the operator or function, what it looks at and what it is held against
	left := p.next()
	if value, ok := p.value(left); ok && p.EitherSide {
		return p.mirrored(value)
	}
	if p.Functions && left.kind == tokenWord && left.text == "startswith" && p.accept(tokenMark, "(") {
		return p.startsWith()
	}
	of, err := p.property(left)
	switch {
	case err != nil:
		return nil, err
	case p.Functions && p.accept(tokenMark, "/"):
		return p.anyOf(of)
	case p.Functions && p.accept(tokenWord, "in"):
		return p.oneOf(of)
	}
	return p.compared(of)
}

// compared reads the rest of property op value.
func (p *parser) compared(of property) (Comparison, error) {
	op, err := p.operator()
	if err != nil {
		return Comparison{}, err
	}
	value, err := p.literal(of.kind, op)
	return Comparison{of.name, op, value, p.Null}, err
}

// mirrored reads the rest of value op property.
func (p *parser) mirrored(value any) (Filter, error) {
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	of, err := p.property(p.next())
	return Comparison{of.name, mirror(op), value, p.Null}, err
}

// oneOf reads the rest of property in ('a','b').
func (p *parser) oneOf(of property) (Filter, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var each or
	for {
		value, err := p.literal(of.kind, "in")
		if err != nil {
			return nil, err
		}
		each = append(each, Comparison{of.name, "eq", value, p.Null})
		if !p.accept(tokenMark, ",") {
			return each, p.expect(")")
		}
		p.nodes++
	}
}

// startsWith reads the rest of startswith(property,'text').
func (p *parser) startsWith() (Filter, error) {
	of, err := p.property(p.next())
	switch {
	case err != nil:
		return nil, err
	case of.kind != Text:
		return nil, incompatible("startswith", of.kind, Text)
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	want, err := p.literal(Text, "startswith")
	if err != nil {
		return nil, err
	}
	text, _ := want.(string)
	return prefix{of.name, text}, p.expect(")")
}

// anyOf reads the rest of property/any(x: x eq 'text').
func (p *parser) anyOf(of property) (Filter, error) {
	if of.kind != Texts || !p.accept(tokenWord, "any") {
		return nil, p.syntax(p.peek())
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	variable := p.next()
	if err := p.expect(":"); err != nil || variable.kind != tokenWord {
		return nil, p.syntax(variable)
	}
	if !p.accept(tokenWord, variable.text) {
		return nil, p.syntax(p.peek())
	}
	of.kind = Text
	each, err := p.compared(of)
	if err != nil {
		return nil, err
	}
	return anyOf{each}, p.expect(")")
}

// property reads the name of one.
func (p *parser) property(t token) (property, error) {
	if _, value := p.value(t); value || t.kind != tokenWord {
		return property{}, p.syntax(t)
	}
	kind, err := p.Property(t.text)
	return property{t.text, kind}, err
}

func (p *parser) operator() (string, error) {
	t := p.next()
	if t.kind != tokenWord || asks(t.text) == nil {
		return "", p.syntax(t)
	}
	return t.text, nil
}

// literal reads a value that can be compared with a type.
func (p *parser) literal(kind Type, op string) (any, error) {
	t := p.next()
	value, ok := p.value(t)
	switch {
	case !ok:
		return nil, p.syntax(t)
	case kind == AnyType, typeOf(value) == kind, value == nil && kind != Texts:
		return value, nil
	}
	return nil, incompatible(op, kind, typeOf(value))
}

// value reads a token as a value, and reports whether it is one.
func (p *parser) value(t token) (any, bool) {
	switch {
	case t.kind == tokenText && t.prefix == "":
		return t.text, true
	case t.kind == tokenText:
		return p.Typed[t.prefix](t.text)
	case t.kind == tokenWord && t.text == "null" && p.Null:
		return nil, true
	case t.kind == tokenWord:
		return p.Literal(t.text)
	}
	return nil, false
}

func (p *parser) peek() token { return p.tokens[0] }

// next takes a token off; the end stays.
func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) accept(kind tokenKind, text string) bool {
	t := p.peek()
	if t.kind != kind || t.text != text {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(mark string) error {
	if !p.accept(tokenMark, mark) {
		return p.syntax(p.peek())
	}
	return nil
}

func (p *parser) syntax(t token) error {
	return Refuse("Syntax error at position %d in '%s'.", t.at, p.filter)
}
