package source

import (
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// Locate finds the place of the character at offset in a text. The text is what YAML made of the file: folded,
// unescaped and without its indentation. Where the two cannot be brought together, it is the beginning of the text.
func (f *File) Locate(text Item, offset int) (line, column int) {
	line, column = Place(text.Node)
	at := cursor{
		lines:  f.lines,
		line:   line - 1,
		column: column - 1,
	}
	_, ok := text.Node.(*ast.LiteralNode)
	if ok {
		at.line, at.column = at.line+1, 0
	} else if r := at.rune(); r == '"' || r == '\'' {
		at.quote = r
		at.column++
	}
	for i, want := range []rune(text.Text) {
		if unicode.IsSpace(want) {
			if i == offset {
				break
			}
			at.skipSpace()
			continue
		}
		at.skipSpace()
		if i == offset {
			break
		}
		if !at.take(want) {
			return line, column
		}
	}
	return at.line + 1, at.column + 1
}

// cursor is a place in the source, from 0.
type cursor struct {
	lines        []string
	line, column int
	quote        rune // of the text it moves through, 0 for none
}

// rune is the character at the place, 0 at the end of a line.
func (c *cursor) rune() rune {
	if c.line >= len(c.lines) {
		return 0
	}
	line := []rune(c.lines[c.line])
	if c.column < len(line) {
		return line[c.column]
	}
	return 0
}

func (c *cursor) skipSpace() {
	for c.line < len(c.lines) {
		r := c.rune()
		switch {
		case r == 0 && c.line+1 < len(c.lines):
			c.line, c.column = c.line+1, 0
		case unicode.IsSpace(r):
			c.column++
		default:
			return
		}
	}
}

// take steps over the source of one character of the value; false if the source has another one there.
func (c *cursor) take(want rune) bool {
	switch got := c.rune(); {
	case got == '\'' && c.quote == '\'' && want == '\'':
		c.column += 2
	case got == '\\' && c.quote == '"':
		c.column++
		if c.rune() != want {
			return false
		}
		c.column++
	case got == want:
		c.column++
	default:
		return false
	}
	return true
}
