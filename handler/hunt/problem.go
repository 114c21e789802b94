package hunt

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Error is everything that is wrong with a catalogue, by file and line. No hunt of it is run; Error() is written for
// people.
type Error struct{ Problems []Problem }

// Problem is one mistake and the way out of it.
type Problem struct {
	File    string
	Line    int    // from 1
	Message string // what is wrong
	Hint    string // the way out
	Excerpt string // the source line, cut; empty: the mistake is not in one
}

// maxProblems bounds what one load reports; more than that is the wrong folder.
const maxProblems = 50

// maxExcerpt is how much of a source line is shown, in characters.
const maxExcerpt = 110

// Error prints every problem as file:line: message, the line and the way out.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems[:min(len(e.Problems), maxProblems)] {
		if i > 0 {
			b.WriteString("\n\n")
		}
		fmt.Fprintf(&b, "%s:%d: %s", p.File, p.Line, p.Message)
		if p.Excerpt != "" {
			fmt.Fprintf(&b, "\n%5d | %s", p.Line, p.Excerpt)
		}
		b.WriteString("\n  way out: " + p.Hint)
	}
	more := len(e.Problems) - maxProblems
	if more > 0 {
		fmt.Fprintf(&b, "\n\n%d more problems are not shown", more)
	}
	return b.String()
}

func (e *Error) sort() {
	slices.SortStableFunc(e.Problems, func(a, b Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
}

// plain makes text fit for one line of a terminal or a log, at most n characters of it.
func plain(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	runes := []rune(text)
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
