package playbook

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
)

// The bounds of a playbook's text. They keep a wrong or hostile file from costing more than a moment.
const (
	maxSource  = 256 << 10 // bytes
	maxNesting = 12        // brackets within brackets, or list and key marks on one line
	maxRules   = 200
	maxSteps   = 10
	maxEntries = 1000 // of a list of patterns or recipients
	maxCap     = 10000
)

// Load reads and checks a playbook; name is the file's, for the messages. An error is always an *Error and lists
// everything that was found wrong; no book is returned then.
func Load(name string, src []byte) (*Book, error) {
	s := newSource("")
	if len(src) > maxSource {
		s.at(1, 1, fmt.Sprintf("the playbook is %d bytes long, the limit is %d", len(src), maxSource), "is this the right file?")
		return nil, s.error(name)
	}
	s = newSource(strings.TrimPrefix(string(src), "\ufeff"))
	root := s.parse()
	if root == nil {
		return nil, s.error(name)
	}
	b := s.book(root)
	if len(s.problems) > 0 {
		return nil, s.error(name)
	}
	b.hash, b.sizes, b.needs = sourceHash(src), s.compiler.sizes(), needsOf(b.rules)
	b.warnings = s.shadows(b.rules)
	b.sortRules()
	return b, nil
}

func (s *source) error(name string) *Error {
	sortProblems(s.problems)
	kept := s.problems[:min(len(s.problems), maxProblems)]
	if more := len(s.problems) - len(kept); more > 0 {
		kept[len(kept)-1].Hint += fmt.Sprintf("; %d more problems are not shown", more)
	}
	return &Error{Name: plainText(name), Problems: kept}
}

// parse gives the root of the one document in the text, nil when a problem was noted instead.
func (s *source) parse() ast.Node {
	for i, line := range s.lines {
		if strings.HasPrefix(line, "\t") {
			s.at(i+1, 1, "the line is indented with a tab", "indent with spaces")
			return nil
		}
		if !utf8.ValidString(line) {
			s.at(i+1, 1, "the line is not UTF-8 text", "save the file as UTF-8")
			return nil
		}
		if at := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); at >= 0 {
			s.at(i+1, utf8.RuneCountInString(line[:at])+1, "the line holds a control character", "take it out")
			return nil
		}
	}
	tokens := lexer.Tokenize(strings.Join(s.lines, "\n"))
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
			s.on(d.Body, "a playbook is one document", "take out the --- and what follows it")
			return nil
		default:
			root = d.Body
		}
	}
	if root == nil {
		s.at(1, 1, "the playbook is empty", "begin with version: 1")
	}
	return root
}

// plainYAML refuses the parts of YAML that playbooks do without: what can blow a small file up, and what can not be read
// at a glance.
func (s *source) plainYAML(tokens token.Tokens) bool {
	flow, line, marks := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, marks = t.Position.Line, 0
		}
		message, hint := "", ""
		switch t.Type {
		case token.AliasType:
			message, hint = "YAML aliases are not used in playbooks", `a text that begins with * has to be in quotes, such as "*-HV*"`
		case token.AnchorType:
			message, hint = "YAML anchors are not used in playbooks", "a text that begins with & has to be in quotes"
		case token.TagType:
			message, hint = "YAML tags are not used in playbooks", `a text that begins with ! has to be in quotes, such as when: "!(…)"`
		case token.MergeKeyType, token.MappingKeyType, token.DirectiveType:
			message, hint = fmt.Sprintf("YAML's %q is not used in playbooks", t.Value), "write key: value"
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
			message, hint = "nested too deeply", "a playbook needs only a few levels"
		}
		if message != "" {
			s.at(t.Position.Line, t.Position.Column, message, hint)
			return false
		}
	}
	return true
}

// syntax notes an error of the YAML parser.
func (s *source) syntax(err error) {
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		at := ye.GetToken().Position
		s.at(at.Line, at.Column, "not valid YAML: "+cut(ye.GetMessage(), 300), "mind indentation and quotes; a text with : or # in it has to be in quotes")
		return
	}
	s.at(1, 1, "not valid YAML: "+cut(err.Error(), 300), "mind indentation and quotes")
}
