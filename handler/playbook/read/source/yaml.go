package source

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"cordon/handler/playbook/spelling"
)

// CheckYAML refuses what no file of Cordon's needs and what can make a small file cost more than a moment: anchors,
// aliases, tags, deep nesting. Whoever reads YAML asks it before anything is decoded. name is the file's, for the
// messages; an error is always an *Error.
func CheckYAML(name string, src []byte) error {
	f := New(strings.TrimPrefix(string(src), "\ufeff"))
	if f.cleanText() {
		f.plainYAML(f.tokens())
	}
	if len(f.Problems) > 0 {
		return f.Err(name)
	}
	return nil
}

// Parse gives the root of the one document in the text, nil if there is none. With problems it counts for nothing.
func (f *File) Parse() ast.Node {
	if !f.cleanText() {
		return nil
	}
	tokens := f.tokens()
	if !f.plainYAML(tokens) {
		return nil
	}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		f.syntax(err)
		return nil
	}
	var root ast.Node
	for _, d := range tree.Docs {
		if d.Body != nil && root != nil {
			f.On(d.Body, "the file has a second document", "take out the --- and what follows it")
			break
		}
		if d.Body != nil {
			root = d.Body
		}
	}
	return root
}

// cleanText refuses tabs, bytes and characters that no line of YAML here has; it notes the first.
func (f *File) cleanText() bool {
	for i, line := range f.lines {
		control := strings.IndexFunc(line, func(r rune) bool {
			return r < ' ' && r != '\t' || r == 0x7f
		})
		switch {
		case strings.HasPrefix(line, "\t"):
			f.At(i+1, 1, "the line is indented with a tab", "indent with spaces")
		case !utf8.ValidString(line):
			f.At(i+1, 1, "the line is not UTF-8 text", "save the file as UTF-8")
		case control >= 0:
			f.At(i+1, utf8.RuneCountInString(line[:control])+1, "the line holds a control character", "take it out")
		default:
			continue
		}
		return false
	}
	return true
}

func (f *File) tokens() token.Tokens {
	return lexer.Tokenize(strings.Join(f.lines, "\n"))
}

// maxNesting bounds brackets within brackets, and list and key marks on one line.
const maxNesting = 12

// plainYAML refuses the parts of YAML that nothing here needs: what can blow a small file up, and what cannot be read
// at a glance.
func (f *File) plainYAML(tokens token.Tokens) bool {
	flow := 0
	line := 0
	marks := 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, marks = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingValueType:
			if flow == 0 {
				marks++
			}
		}
		message, hint := unused(t)
		if flow > maxNesting || marks > maxNesting {
			message = "nested too deeply"
			hint = "a few levels are enough"
		}
		if message != "" {
			f.At(t.Position.Line, t.Position.Column, message, hint)
			return false
		}
	}
	return true
}

// unused refuses a part of YAML; empty: the part is used here.
func unused(t *token.Token) (message, hint string) {
	switch t.Type {
	case token.AliasType:
		return "YAML aliases are not used here", `a text that begins with * has to be in quotes, such as "*-HV*"`
	case token.AnchorType:
		return "YAML anchors are not used here", "a text that begins with & has to be in quotes"
	case token.TagType:
		return "YAML tags are not used here", `a text that begins with ! has to be in quotes, such as when: "!(…)"`
	case token.MergeKeyType, token.MappingKeyType, token.DirectiveType:
		return fmt.Sprintf("YAML's %q is not used here", t.Value), "write key: value"
	}
	return "", ""
}

// syntax notes an error of the YAML parser.
func (f *File) syntax(err error) {
	line := 1
	column := 1
	message := err.Error()
	var wrong yaml.Error
	if errors.As(err, &wrong) && wrong.GetToken() != nil {
		at := wrong.GetToken().Position
		line = at.Line
		column = at.Column
		message = wrong.GetMessage()
	}
	f.At(line, column, "not valid YAML: "+spelling.Cut(message, 300),
		"mind indentation and quotes; a text with : or # in it has to be in quotes")
}
