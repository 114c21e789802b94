package templates

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"
)

// demanded is the template function that stands behind every value of an address: an address with a hole in it is
// another. No playbook can name it.
const demanded = "given"

func addressFunctions() template.FuncMap {
	return template.FuncMap{demanded: func(v any) (string, error) {
		text := fmt.Sprint(v)
		if strings.TrimSpace(text) == "" {
			return "", errors.New("a value is empty")
		}
		return text, nil
	}}
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
