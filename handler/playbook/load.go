package playbook

import (
	"fmt"

	"cordon/handler/incoming"
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
	src = incoming.Document(src)
	s = newSource(string(src))
	root := s.parse()
	if root == nil {
		return nil, s.error(name)
	}
	b := s.book(root)
	if len(s.problems) > 0 {
		return nil, s.error(name)
	}
	b.hash, b.sizes, b.needs = sourceHash(src), s.compiler.sizes(), needsOf(b.rules)
	s.unlisted(b)
	b.warnings = append(s.warnings, s.shadows(b.rules)...)
	sortProblems(b.warnings)
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
