package playbook

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// MaxComment is the most that a rendered comment holds, in characters.
const MaxComment = 1000

// The bounds of a comment's template and of what one rendering may produce before it is cut.
const (
	maxTemplate = 2000 // characters
	maxRendered = 64 << 10
)

// CommentData is what the template of a comment or of the text of a mail can show: {{.Alert.Title}}, {{.Machine.ComputerDNSName}}, {{.Rule}}. It is what
// conditions read, but for what costs a read of its own.
type CommentData struct {
	Alert   alert.Alert
	Machine CommentMachine
	Now     time.Time // of the decision, UTC
	Rule    string    // the name of the rule
}

// CommentMachine is the machine as comments see it; all empty when it could not be read.
type CommentMachine struct {
	machine.Machine
	LastSeenAge time.Duration // to the minute
}

// comment is a checked template: of a comment, or of the text of a mail.
type comment struct {
	rule     string
	template *template.Template
}

// templateFunctions are the functions of a comment: those that can neither fail on an alert nor make text grow.
func templateFunctions() []string {
	return []string{"and", "or", "not", "eq", "ne", "len"}
}

// newComment checks a template of a rule, called what: it may put values in and ask if, and it has to work for any alert.
func newComment(rule, what, src string) (*comment, string, string) {
	t, message, hint := parseTemplate(what, src)
	if message != "" {
		return nil, message, hint
	}
	c := &comment{rule: rule, template: t}
	for _, sample := range []CommentData{sampleData(rule), {Rule: rule}} {
		if _, err := c.execute(sample); err != nil {
			return nil, "the " + what + " does not work: " + strings.TrimPrefix(err.Error(), "template: "), "try it with {{.Alert.Title}} alone first"
		}
	}
	return c, "", ""
}

// parseTemplate reads a template, called what, and checks what it is made of.
func parseTemplate(what, src string) (t *template.Template, message, hint string) {
	if n := len([]rune(src)); n > maxTemplate {
		return nil, fmt.Sprintf("the %s is %d characters long, the limit is %d", what, n, maxTemplate), "what is rendered is cut to " + fmt.Sprint(MaxComment)
	}
	t, err := template.New(what).Option("missingkey=error").Funcs(addressFunctions()).Parse(src)
	if err != nil {
		return nil, "the " + what + " is no template: " + strings.TrimPrefix(err.Error(), "template: "), "such as {{.Alert.ID}}: {{.Alert.Title}}"
	}
	if len(t.Templates()) > 1 {
		return nil, "a " + what + " has no {{define}}", "write the text itself"
	}
	if t.Tree != nil {
		if message, hint := checkTemplate(t.Tree.Root); message != "" {
			return nil, message, hint
		}
	}
	return t, "", ""
}

// checkTemplate walks a template and names the first thing that templates here do not have. Every field is checked here, also
// in branches that a sample does not take.
func checkTemplate(node parse.Node) (message, hint string) {
	switch n := node.(type) {
	case *parse.ListNode:
		return firstMistake(listOf(n))
	case *parse.IfNode:
		return firstMistake([]parse.Node{n.Pipe, n.List, n.ElseList})
	case *parse.ActionNode:
		return checkTemplate(n.Pipe)
	case *parse.PipeNode:
		if len(n.Decl) > 0 {
			return "a template has no variables", "write the field itself, such as {{.Alert.Title}}"
		}
		return firstMistake(commandsOf(n))
	case *parse.CommandNode:
		return firstMistake(n.Args)
	case *parse.FieldNode:
		return checkField(n.Ident)
	case *parse.IdentifierNode:
		if !slices.Contains(templateFunctions(), n.Ident) {
			return fmt.Sprintf("templates have no function %q", n.Ident), suggest(n.Ident, templateFunctions())
		}
	case *parse.TextNode, *parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.NilNode, *parse.CommentNode:
	default:
		return fmt.Sprintf("templates have no %s", node), "a template puts fields into text, {{.Alert.Title}}, and asks {{if .Machine.OSPlatform}}…{{end}}"
	}
	return "", ""
}

// listOf also takes the nil list of an if without an else.
func listOf(n *parse.ListNode) []parse.Node {
	if n == nil {
		return nil
	}
	return n.Nodes
}

func commandsOf(n *parse.PipeNode) []parse.Node {
	nodes := make([]parse.Node, len(n.Cmds))
	for i, c := range n.Cmds {
		nodes[i] = c
	}
	return nodes
}

func firstMistake(nodes []parse.Node) (message, hint string) {
	for _, n := range nodes {
		if message, hint := checkTemplate(n); message != "" {
			return message, hint
		}
	}
	return "", ""
}

func checkField(path []string) (message, hint string) {
	t := reflect.TypeFor[CommentData]()
	for i, name := range path {
		if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
			return fmt.Sprintf(".%s has no field %q", strings.Join(path[:i], "."), name), "write ." + strings.Join(path[:i], ".")
		}
		f, ok := t.FieldByName(name)
		if !ok {
			return fmt.Sprintf(".%s does not exist", strings.Join(path[:i+1], ".")), suggest(name, goFields(t))
		}
		t = f.Type
	}
	return "", ""
}

func goFields(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			names = append(names, f.Name)
		}
	}
	return names
}

// render gives the text for one alert: plain, of at most MaxComment characters. Alert text is written by attackers; nothing
// in it can break a line or turn the writing direction. Without a template, and with one that fails on this alert, it is
// the default, because a comment must not keep a machine from being isolated.
func (c *comment) render(in Input, byDefault string) string {
	text := byDefault
	if c != nil {
		if rendered, err := c.execute(c.data(in)); err == nil {
			text = rendered
		}
	}
	return cut(strings.TrimSpace(plainText(text)), MaxComment)
}

// data is what the template sees of an input.
func (c *comment) data(in Input) CommentData {
	data := CommentData{Alert: in.Alert, Now: in.Now.UTC(), Rule: c.rule}
	if m := machineFacts(in); m != nil {
		data.Machine = CommentMachine{m.Machine, m.LastSeenAge.Round(time.Minute)}
	}
	return data
}

// usualComment is the comment of a machine action whose step has none.
func usualComment(in Input) string { return fmt.Sprintf("Alert %s: %s", in.Alert.ID, in.Alert.Title) }

func (c *comment) execute(data CommentData) (string, error) {
	w := &boundedText{}
	err := c.template.Execute(w, data)
	if errors.Is(err, errFull) {
		err = nil
	}
	return w.String(), err
}

var errFull = errors.New("the comment is full")

// boundedText ends a rendering that has become longer than anything that is kept of it.
type boundedText struct{ strings.Builder }

// Write implements io.Writer; errFull when no more is wanted.
func (b *boundedText) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxRendered {
		room := maxRendered - b.Len()
		b.Builder.Write(p[:room])
		return room, errFull
	}
	return b.Builder.Write(p)
}

func sampleData(rule string) CommentData {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return CommentData{
		Rule: rule,
		Now:  at,
		Alert: alert.Alert{ID: "da637578995287051192_756343937", IncidentID: 1, Title: "title", Description: "text", Category: "Malware",
			Severity: alert.High, Status: alert.StatusNew, MachineID: strings.Repeat("a", 40), ComputerDNSName: "pc1.example.com",
			MitreTechniques: []string{"T1059"}, Evidence: []alert.Evidence{{Kind: "File"}}, Created: at, Updated: at},
		Machine: CommentMachine{Machine: machine.Machine{ID: strings.Repeat("a", 40), ComputerDNSName: "pc1.example.com", OSPlatform: "Windows11", Tags: []string{"tag"},
			LastSeen: at}},
	}
}
