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
	s := New(strings.TrimPrefix(string(src), "\ufeff"))
	s.cleanText()
	if len(s.Problems) == 0 {
		s.plainYAML(s.tokens())
	}
	if len(s.Problems) > 0 {
		return s.Err(name)
	}
	return nil
}

// Parse gives the root of the one document in the text, nil when a problem was noted instead.
func (s *File) Parse() ast.Node {
	if s.cleanText(); len(s.Problems) > 0 {
		return nil
	}
	tokens := s.tokens()
	if !s.plainYAML(tokens) {
		return nil
	}
	f, err := parser.Parse(tokens, 0)
	if err != nil {
		s.syntax(err)
		return nil
	}
	var root ast.Node
	for _, d := range f.Docs {
		switch {
		case d.Body == nil:
		case root != nil:
			s.On(d.Body, "a playbook is one document", "take out the --- and what follows it")
			return nil
		default:
			root = d.Body
		}
	}
	if root == nil {
		s.At(1, 1, "the playbook is empty", "begin with version: 1")
	}
	return root
}

// cleanText refuses tabs, bytes and characters that no line of YAML here has; it notes the first.
func (s *File) cleanText() {
	for i, line := range s.lines {
		if strings.HasPrefix(line, "\t") {
			s.At(i+1, 1, "the line is indented with a tab", "indent with spaces")
			return
		}
		if !utf8.ValidString(line) {
			s.At(i+1, 1, "the line is not UTF-8 text", "save the file as UTF-8")
			return
		}
		if at := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); at >= 0 {
			s.At(i+1, utf8.RuneCountInString(line[:at])+1, "the line holds a control character", "take it out")
			return
		}
	}
}

func (s *File) tokens() token.Tokens { return lexer.Tokenize(strings.Join(s.lines, "\n")) }

// maxNesting bounds brackets within brackets, and list and key marks on one line.
const maxNesting = 12

// plainYAML refuses the parts of YAML that nothing here needs: what can blow a small file up, and what cannot be read
// at a glance.
func (s *File) plainYAML(tokens token.Tokens) bool {
	flow, line, marks := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, marks = t.Position.Line, 0
		}
		message, hint := "", ""
		switch t.Type {
		case token.AliasType:
			message, hint = "YAML aliases are not used here", `a text that begins with * has to be in quotes, such as "*-HV*"`
		case token.AnchorType:
			message, hint = "YAML anchors are not used here", "a text that begins with & has to be in quotes"
		case token.TagType:
			message, hint = "YAML tags are not used here", `a text that begins with ! has to be in quotes, such as when: "!(…)"`
		case token.MergeKeyType, token.MappingKeyType, token.DirectiveType:
			message, hint = fmt.Sprintf("YAML's %q is not used here", t.Value), "write key: value"
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingValueType:
			if flow == 0 {
				marks++
			}
		}
		if flow > maxNesting || marks > maxNesting {
			message, hint = "nested too deeply", "a few levels are enough"
		}
		if message != "" {
			s.At(t.Position.Line, t.Position.Column, message, hint)
			return false
		}
	}
	return true
}

// syntax notes an error of the YAML parser.
func (s *File) syntax(err error) {
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		at := ye.GetToken().Position
		s.At(at.Line, at.Column, "not valid YAML: "+spelling.Cut(ye.GetMessage(), 300), "mind indentation and quotes; a text with : or # in it has to be in quotes")
		return
	}
	s.At(1, 1, "not valid YAML: "+spelling.Cut(err.Error(), 300), "mind indentation and quotes")
}
