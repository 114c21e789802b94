package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

const (
	columns   = 80 // of what is no terminal
	gap       = 2  // between two columns of a table
	leastFold = 24 // columns in which text can still be read
)

// columnsOf is how many columns w has.
func columnsOf(w io.Writer) int {
	f, isFile := w.(interface{ Fd() uintptr })
	if isFile {
		n, _, err := term.GetSize(int(f.Fd()))
		if err == nil && n > 0 {
			return n
		}
	}
	return columns
}

// Table writes rows in columns, each cell made plain and cut at limit characters. The first row is the heading, and
// every row is as long. Where w is too narrow the last column is folded between words; where that does not help each
// row becomes a paragraph, with a line for each cell that is not empty.
func Table(w io.Writer, limit int, rows ...[]string) error {
	return table(w, columnsOf(w), plain(limit, rows))
}

// Pairs writes rows of two cells, a name and what is said of it, as Table would. There is no heading.
func Pairs(w io.Writer, limit int, rows ...[]string) error {
	return inColumns(w, columnsOf(w), plain(limit, rows))
}

// plain makes every cell plain.
func plain(limit int, rows [][]string) [][]string {
	cells := make([][]string, len(rows))
	for i, row := range rows {
		for _, cell := range row {
			cells[i] = append(cells[i], Plain(cell, limit))
		}
	}
	return cells
}

func table(w io.Writer, width int, rows [][]string) error {
	left, last := widths(rows)
	if last > width-sum(left) && leastFold > width-sum(left) {
		return paragraphs(w, width, rows)
	}
	return inColumns(w, width, rows)
}

// paragraphs writes rows below the heading one cell a line, each behind the heading of its column.
func paragraphs(w io.Writer, width int, rows [][]string) error {
	heading := rows[0]
	for i, row := range rows[1:] {
		if i > 0 {
			fmt.Fprintln(w)
		}
		var pairs [][]string
		for j, cell := range row {
			if cell != "" {
				pairs = append(pairs, []string{heading[j], cell})
			}
		}
		if err := inColumns(w, width, pairs); err != nil {
			return err
		}
	}
	return nil
}

// inColumns writes rows whose last column is folded between words to fit.
func inColumns(w io.Writer, width int, rows [][]string) error {
	left, _ := widths(rows)
	room := width - sum(left)
	margin := strings.Repeat(" ", sum(left))
	for _, row := range rows {
		before := ""
		for i, n := range left {
			before += row[i] + strings.Repeat(" ", n-spread(row[i]))
		}
		for _, line := range fold(row[len(left)], room, room) {
			err := put(w, before+line)
			if err != nil {
				return err
			}
			before = margin
		}
	}
	return nil
}

// widths are how wide the columns are, those on the left with the gap behind them.
func widths(rows [][]string) (left []int, last int) {
	for _, row := range rows {
		if left == nil {
			left = make([]int, len(row)-1)
		}
		for i := range left {
			left[i] = max(left[i], spread(row[i])+gap)
		}
		last = max(last, spread(row[len(left)]))
	}
	return left, last
}

func sum(widths []int) (n int) {
	for _, w := range widths {
		n += w
	}
	return n
}

// fold breaks text between words into a line of at most first columns and more of at most rest; a word that is
// longer stands alone. It gives at least one line. Blanks stay as they are where no line ends.
func fold(text string, first, rest int) []string {
	if spread(text) <= first {
		return []string{text}
	}
	var lines []string
	line, room := "", first
	for len(text) > 0 {
		word := strings.TrimLeft(text, " ")
		blanks := text[:len(text)-len(word)]
		word, text, _ = strings.Cut(word, " ")
		if text != "" {
			text = " " + text
		}
		switch {
		case line == "":
			line = word
		case word == "":
		case spread(line+blanks+word) <= room:
			line += blanks + word
		default:
			lines = append(lines, line)
			line, room = word, rest
		}
	}
	return append(lines, line)
}

// Lines writes each text as a paragraph, made plain and cut at limit characters, folded between words to fit into w.
// The lines after the first are indented two blanks more than the text is.
func Lines(w io.Writer, limit int, texts ...string) error {
	for _, text := range texts {
		indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
		before, room := indent, columnsOf(w)-len(indent)
		for _, line := range fold(Plain(strings.TrimSpace(text), limit), room, room-gap) {
			err := put(w, before+line)
			if err != nil {
				return err
			}
			before = indent + "  "
		}
	}
	return nil
}

// spread is how many columns a text takes: East Asian characters two, marks on top of others none.
func spread(text string) (columns int) {
	for _, r := range text {
		columns += runeWidth(r)
	}
	return columns
}

func runeWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
