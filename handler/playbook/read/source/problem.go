package source

import (
	"fmt"
	"slices"
	"strings"

	"cordon/handler/playbook/spelling"
)

// Error is everything that is wrong with a playbook, in the order of the file. The playbook is not used; whoever loads
// one shows Error() to a person, it is written for that.
type Error struct {
	Name     string // of the file, as Load was given it
	Problems []Problem
}

// Problem is one mistake and the way out of it.
type Problem struct {
	Line    int    // from 1
	Column  int    // in characters, from 1
	Message string // what is wrong
	Hint    string // the way out, may be empty
	Excerpt string // the source line and a caret below the place, two lines without a final newline
}

// Error prints every problem as file:line:column: message, the excerpt and the way out.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("\n\n")
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s", e.Name, p.Line, p.Column, p.Message)
		if p.Excerpt != "" {
			b.WriteString("\n" + p.Excerpt)
		}
		if p.Hint != "" {
			b.WriteString("\n  way out: " + p.Hint)
		}
	}
	return b.String()
}

// maxProblems bounds what one load reports; a file with more is the wrong file.
const maxProblems = 50

// Sort puts problems in the order of the file.
func Sort(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

// excerptWidth is how many characters of a long source line are shown around the place.
const excerptWidth = 110

// excerpt shows the source line of a place with a caret below it. Nothing in it can move a terminal's cursor.
func excerpt(lines []string, line, column int) string {
	if line < 1 || line > len(lines) {
		return ""
	}
	text := []rune(spelling.Plain(lines[line-1]))
	at := min(max(column-1, 0), len(text))
	from := 0
	if at > excerptWidth*2/3 {
		from = at - excerptWidth/2
	}
	to := min(len(text), from+excerptWidth)
	shown := string(text[from:to])
	if from > 0 {
		shown = "…" + shown
		at++
	}
	if to < len(text) {
		shown += "…"
	}
	return fmt.Sprintf("%5d | %s\n      | %s^", line, shown, strings.Repeat(" ", at-from))
}
