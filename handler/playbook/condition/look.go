package condition

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/spelling"
)

// Truth is what a clause or a condition came to: true, false, or no answer with the reason.
type Truth struct {
	Is  bool
	Err error
}

// Trace explains one operand of a condition's outermost and/or. Every clause is evaluated for the explanation, also
// behind one that settled the matter.
type Trace struct {
	Text   string      `json:"text"`
	Result string      `json:"result"` // true, false, or what went wrong
	Values []ValueSeen `json:"values,omitempty"`
}

// ValueSeen is a fact as the decision saw it, shortened and free of control characters.
type ValueSeen struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Look is one look at the facts. A clause is evaluated when it is first asked for, and once.
type Look struct {
	facts  *facts.Facts
	unread func(fact string) string // why a fact is not known, empty: it is
	vm     vm.VM
	truths []Truth       // by the clauses' numbers
	traces []Trace       // by the clauses' numbers; without a text: not evaluated yet
	values [][]ValueSeen // by the sets of fields
	texts  []*string     // of the sets that are one text field; nil: not read yet, or not there
	room   []*Trace      // for what the rules point at
}

// NewLook looks at facts. unread says why a fact that costs a read of its own is not known, empty if it is.
func NewLook(of Sizes, facts *facts.Facts, unread func(fact string) string) *Look {
	return &Look{
		facts:  facts,
		unread: unread,
		vm:     vm.VM{MemoryBudget: memoryBudget},
		truths: make([]Truth, of.clauses),
		traces: make([]Trace, of.clauses),
		values: make([][]ValueSeen, of.reads),
		texts:  make([]*string, of.reads),
		room:   make([]*Trace, of.places),
	}
}

// Condition is what c comes to: its clauses in order, up to the one that settles it. The ones behind it are evaluated
// for the explanation alone.
func (l *Look) Condition(c Condition) (Truth, []*Trace) {
	result := Truth{Is: c.Join != syntax.AnyOf}
	settled := false
	traces := l.room[:len(c.Clauses):len(c.Clauses)]
	l.room = l.room[len(c.Clauses):]
	for i, one := range c.Clauses {
		var t Truth
		t, traces[i] = l.clause(one)
		if !settled && (t.Err != nil || t.Is == (c.Join == syntax.AnyOf)) {
			result, settled = t, true
		}
	}
	return result, traces
}

// clause evaluates c and explains it. Rules with the same clause share the explanation.
func (l *Look) clause(c *Clause) (Truth, *Trace) {
	trace := &l.traces[c.number]
	if trace.Text != "" {
		return l.truths[c.number], trace
	}
	t := l.run(c)
	trace.Text = c.text
	trace.Result = strconv.FormatBool(t.Is)
	if t.Err != nil {
		trace.Result = "no answer: " + t.Err.Error()
	}
	if l.values[c.reads] == nil && len(c.Fields) > 0 {
		seen := make([]ValueSeen, len(c.Fields))
		for i, f := range c.Fields {
			seen[i] = ValueSeen{f.Name, l.shown(f)}
		}
		l.values[c.reads] = seen
	}
	trace.Values = l.values[c.reads]
	l.truths[c.number] = t
	return t, trace
}

// shown prints a fact for the explanation. That something is nil is said only where it is known.
func (l *Look) shown(f facts.Field) string {
	if l.unread(f.Name) != "" {
		return "not known"
	}
	return facts.Shown(f.Value(l.facts))
}

// run evaluates c over the facts. An error means that the facts have not the shape that the clause takes for granted,
// such as a machine that could not be read; its text is fit for people.
func (l *Look) run(c *Clause) Truth {
	if c.equals != nil {
		if l.texts[c.reads] == nil {
			v, ok := c.equals.field.Value(l.facts)
			if ok {
				text := v.String()
				l.texts[c.reads] = &text
			}
		}
		text := l.texts[c.reads]
		if text != nil {
			return Truth{Is: (*text == c.equals.text) == c.equals.want}
		}
	}
	out, err := l.vm.Run(c.program, l.facts)
	if err != nil {
		for _, f := range c.Fields {
			missing := l.unread(f.Name)
			if missing != "" {
				return Truth{Err: errors.New(missing)}
			}
		}
		return Truth{Err: errors.New(message(err))}
	}
	is, ok := out.(bool)
	if !ok {
		return Truth{Err: fmt.Errorf("the condition gave %T instead of true or false", out)}
	}
	return Truth{Is: is}
}

// message is what an error of the expression language says, without its place.
func message(err error) string {
	said := err.Error()
	var wrong *file.Error
	if errors.As(err, &wrong) {
		said = wrong.Message
	}
	return spelling.Cut(spelling.Plain(said), 300)
}
