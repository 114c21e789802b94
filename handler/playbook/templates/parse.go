package templates

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"cordon/handler/playbook/spelling"
)

// maxTemplate bounds a template, in characters.
const maxTemplate = 2000

// demanded is the template function that stands behind every value of an address: an address with a hole in it is
// another. No playbook can name it.
const demanded = "given"

// parseTemplate reads a template, called what, and checks what it is made of.
func parseTemplate(what, src string) (*template.Template, *Mistake) {
	n := len([]rune(src))
	if n > maxTemplate {
		return nil, &Mistake{
			fmt.Sprintf("the %s is %d characters long, the limit is %d", what, n, maxTemplate),
			fmt.Sprintf("what is rendered is cut to %d", MaxText),
		}
	}
	functions := template.FuncMap{demanded: demand}
	t, err := template.New(what).Option("missingkey=error").Funcs(functions).Parse(src)
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "template: ")
		return nil, &Mistake{"the " + what + " is no template: " + why, "such as {{.Alert.ID}}: {{.Alert.Title}}"}
	}
	if len(t.Templates()) > 1 {
		return nil, &Mistake{"a " + what + " has no {{define}}", "write the text itself"}
	}
	if t.Tree == nil {
		return t, nil
	}
	return t, check(t.Tree.Root)
}

// check walks a template and names the first thing that templates here do not have. Every field is checked here, also
// in branches that a sample does not take.
func check(node parse.Node) *Mistake {
	switch n := node.(type) {
	case *parse.ListNode:
		return firstMistake(listOf(n)...)
	case *parse.IfNode:
		return firstMistake(n.Pipe, n.List, n.ElseList)
	case *parse.ActionNode:
		return check(n.Pipe)
	case *parse.PipeNode:
		if len(n.Decl) > 0 {
			return &Mistake{"a template has no variables", "write the field itself, such as {{.Alert.Title}}"}
		}
		for _, c := range n.Cmds {
			if wrong := firstMistake(c.Args...); wrong != nil {
				return wrong
			}
		}
	case *parse.FieldNode:
		return checkField(n.Ident)
	case *parse.IdentifierNode:
		known := functionNames()
		if !slices.Contains(known, n.Ident) {
			return &Mistake{fmt.Sprintf("templates have no function %q", n.Ident), spelling.Suggest(n.Ident, known)}
		}
	case *parse.TextNode, *parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.NilNode, *parse.CommentNode:
	default:
		return &Mistake{
			fmt.Sprintf("templates have no %s", node),
			"a template puts fields into text, {{.Alert.Title}}, and asks {{if .Machine.OSPlatform}}…{{end}}",
		}
	}
	return nil
}

func firstMistake(nodes ...parse.Node) *Mistake {
	for _, n := range nodes {
		if wrong := check(n); wrong != nil {
			return wrong
		}
	}
	return nil
}

// functionNames are the functions of a template: those that can neither fail on an alert nor make text grow.
func functionNames() []string {
	return []string{"and", "or", "not", "eq", "ne", "len"}
}

// checkField checks a chain of fields, such as .Machine.Tags.
func checkField(path []string) *Mistake {
	t := reflect.TypeFor[Data]()
	for i, name := range path {
		before := "." + strings.Join(path[:i], ".")
		upTo := "." + strings.Join(path[:i+1], ".")
		if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
			return &Mistake{fmt.Sprintf("%s has no field %q", before, name), "write " + before}
		}
		f, ok := t.FieldByName(name)
		if !ok {
			return &Mistake{upTo + " does not exist", spelling.Suggest(name, goFields(t))}
		}
		t = f.Type
	}
	return nil
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
		call := parse.NewIdentifier(demanded).SetPos(n.Pos)
		command := &parse.CommandNode{
			NodeType: parse.NodeCommand,
			Pos:      n.Pos,
			Args:     []parse.Node{call},
		}
		n.Pipe.Cmds = append(n.Pipe.Cmds, command)
	}
}

// listOf also takes the nil list of an if without an else.
func listOf(n *parse.ListNode) []parse.Node {
	if n == nil {
		return nil
	}
	return n.Nodes
}

// demand is the function demanded.
func demand(v any) (string, error) {
	text := fmt.Sprint(v)
	if strings.TrimSpace(text) == "" {
		return "", errors.New("a value is empty")
	}
	return text, nil
}
