package playbook

import (
	"errors"
	"fmt"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/alert"
)

// demanded is the template function that stands behind every value of an address: an address with a hole in it is
// another. No playbook can name it.
const demanded = "given"

// maxAddress is the longest mail address there is (RFC 5321, 4.5.3.1.3).
const maxAddress = 254

// recipient is an entry of a mail's to: an address, or a template of one.
type recipient struct {
	source   string
	template *comment // nil: source is the address
}

// account is what an alert is assigned to: an account, or a template of one.
type account = recipient

// isTemplate reports whether a text that may be a template is one.
func isTemplate(text string) bool { return strings.Contains(text, "{{") }

// newAddress checks a template of a rule whose result has to be fit: it has to be so for the values of any alert that
// has them all.
func newAddress(rule, what, src string, fit func(string) bool) (*comment, string, string) {
	t, message, hint := parseTemplate(what, src)
	if message != "" {
		return nil, message, hint
	}
	if t.Tree != nil {
		demandValues(t.Tree.Root)
	}
	c := &comment{rule: rule, template: t}
	good := false
	for _, value := range []string{"x", "x@example.com"} {
		text, err := c.execute(filled(rule, value))
		good = good || err == nil && fit(text)
	}
	// The branch that is taken when nothing is known may lack a value, but what it gives has to be fit.
	bare, err := c.execute(CommentData{Rule: rule})
	if !good || err == nil && !fit(bare) {
		return nil, fmt.Sprintf("the template %q gives no %s", cut(src, 80), what),
			"such as soc-{{.Machine.RBACGroupName}}@example.com, with nothing around it"
	}
	return c, "", ""
}

// filled is sample data in which every text is the same.
func filled(rule, value string) CommentData {
	data := sampleData(rule)
	for _, part := range []any{&data.Alert, &data.Alert.RelatedUser, &data.Machine.Machine} {
		v := reflect.ValueOf(part).Elem()
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.String {
				f.SetString(value)
			}
		}
	}
	return data
}

// demandValues puts demanded behind every value that a template puts into its text.
func demandValues(node parse.Node) {
	switch n := node.(type) {
	case *parse.ListNode:
		for _, one := range listOf(n) {
			demandValues(one)
		}
	case *parse.IfNode:
		demandValues(n.List)
		demandValues(n.ElseList)
	case *parse.ActionNode:
		n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos,
			Args: []parse.Node{parse.NewIdentifier(demanded).SetPos(n.Pos)}})
	}
}

func addressFunctions() template.FuncMap {
	return template.FuncMap{demanded: func(v any) (string, error) {
		text := fmt.Sprint(v)
		if strings.TrimSpace(text) == "" {
			return "", errors.New("a value is empty")
		}
		return text, nil
	}}
}

// isAddress reports whether text is a mail address and nothing else: what comes out of an alert cannot add a second
// one.
func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Name == "" && a.Address == text && len(text) <= maxAddress &&
		plainText(text) == text && !strings.ContainsAny(text, "{}")
}

// isAccount reports whether text may be what an alert is assigned to.
func isAccount(text string) bool {
	return fitting(assigneePattern, text) && !strings.ContainsAny(text, "{}")
}

// resolve is the text for one alert; false if it is not fit.
func (r recipient) resolve(in Input, fit func(string) bool) (string, bool) {
	if r.template == nil {
		return r.source, true
	}
	text, err := r.template.execute(r.template.data(in))
	return text, err == nil && fit(text)
}

// addressed resolves whom a mail goes to, each once, and says what gave no address.
func (s stepSpec) addressed(in Input) (to []string, note string) {
	var wrong []string
	for _, r := range s.to {
		address, ok := r.resolve(in, isAddress)
		switch {
		case !ok:
			wrong = append(wrong, quoted(r.source))
		case !slices.Contains(to, address):
			to = append(to, address)
		}
	}
	if len(wrong) > 0 {
		note = fmt.Sprintf("The playbook's %s gave no mail address for this alert, so the configured recipients are told.",
			strings.Join(wrong, ", "))
	}
	return to, note
}

// mails are the mails of a step: one, and if a template gave no address, one to the configured recipients that says so.
func (s stepSpec) mails(in Input) []Step {
	step := s.step()
	to, note := s.addressed(in)
	step.To, step.Text = to, s.text.render(in, "")
	if note == "" {
		return []Step{step}
	}
	usual := step
	usual.To, usual.Text = nil, joined(note, step.Text)
	if len(to) == 0 {
		return []Step{usual}
	}
	return []Step{step, usual}
}

// updated is the change that a step makes to the alert, and says if its assignee came to nothing.
func (s stepSpec) updated(in Input) (change alert.Change, note string) {
	change = s.update
	change.Comment = s.comment.render(in, "")
	assignee, ok := s.assign.resolve(in, isAccount)
	if !ok {
		return change, fmt.Sprintf("the playbook's %s gave no account for this alert, so it is assigned to nobody",
			quoted(s.assign.source))
	}
	change.AssignedTo = assignee
	return change, ""
}

// recipients reads the addresses of a mail.
func (s *source) recipients(entries []entry, rule string) []recipient {
	n, ok := find(entries, "to")
	if !ok || kindOf(n) == "empty" {
		return nil
	}
	var to []recipient
	for _, item := range s.strings(n, "to", "[soc@example.com]") {
		one := recipient{source: item.text}
		if isTemplate(item.text) {
			var message, hint string
			if one.template, message, hint = newAddress(rule, "mail address", item.text, isAddress); message != "" {
				s.on(item.node, message, hint)
			}
		} else if address, err := mail.ParseAddress(item.text); err == nil &&
			isAddress(address.Address) && plainText(item.text) == item.text {
			one.source = address.Address
		} else {
			s.on(item.node, fmt.Sprintf("%q is no mail address", cut(item.text, 80)),
				"such as soc@example.com or soc-{{.Machine.RBACGroupName}}@example.com; without to the configured recipients get the mail")
		}
		if !slices.ContainsFunc(to, func(r recipient) bool { return r.source == one.source }) {
			to = append(to, one)
		}
	}
	return to
}

// account reads what an alert is assigned to.
func (s *source) account(n ast.Node, rule string) account {
	const hint = "such as soc@example.com or soc-{{.Machine.RBACGroupName}}@example.com: 1 to 256 characters, no blanks"
	v, ok := s.text(n, "assignedTo", hint)
	one := account{source: v}
	switch {
	case !ok:
	case isTemplate(v):
		var message, way string
		if one.template, message, way = newAddress(rule, "account", v, isAccount); message != "" {
			s.on(n, message, way)
		}
	case !isAccount(v):
		s.on(n, fmt.Sprintf("%q is no account", cut(v, 60)), hint)
	}
	return one
}
