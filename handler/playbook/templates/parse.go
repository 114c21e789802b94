package templates

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"cordon/handler/playbook/spelling"
)

// The bounds of a comment's template and of what one rendering may produce before it is cut.
const (
	maxTemplate = 2000 // characters
	maxRendered = 64 << 10
)

// parseTemplate reads a template, called what, and checks what it is made of.
func parseTemplate(what, src string) (t *template.Template, message, hint string) {
	if n := len([]rune(src)); n > maxTemplate {
		return nil, fmt.Sprintf("the %s is %d characters long, the limit is %d", what, n, maxTemplate), "what is rendered is cut to " + fmt.Sprint(MaxText)
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

// templateFunctions are the functions of a comment: those that can neither fail on an alert nor make text grow.
func templateFunctions() []string {
	return []string{"and", "or", "not", "eq", "ne", "len"}
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
			return fmt.Sprintf("templates have no function %q", n.Ident), spelling.Suggest(n.Ident, templateFunctions())
		}
	case *parse.TextNode, *parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.NilNode, *parse.CommentNode:
	default:
		return fmt.Sprintf("templates have no %s", node), "a template puts fields into text, {{.Alert.Title}}, and asks {{if .Machine.OSPlatform}}…{{end}}"
	}
	return "", ""
}

func firstMistake(nodes []parse.Node) (message, hint string) {
	for _, n := range nodes {
		if message, hint := checkTemplate(n); message != "" {
			return message, hint
		}
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

func checkField(path []string) (message, hint string) {
	t := reflect.TypeFor[Data]()
	for i, name := range path {
		if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
			return fmt.Sprintf(".%s has no field %q", strings.Join(path[:i], "."), name), "write ." + strings.Join(path[:i], ".")
		}
		f, ok := t.FieldByName(name)
		if !ok {
			return fmt.Sprintf(".%s does not exist", strings.Join(path[:i+1], ".")), spelling.Suggest(name, goFields(t))
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
