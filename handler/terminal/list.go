package terminal

import (
	"io"
	"strings"
)

// List is rows in columns with lines below each of them, for what has more to say than a line has room for.
type List struct {
	Heading []string
	Rows    []Entry
	// Cut are the columns whose cells may be cut where w is too narrow, the widest first; none of the others is.
	Cut []int
}

// Entry is one row of a List.
type Entry struct {
	Cells []string // as many as the heading has
	Below []string // paragraphs
}

// What of a list is kept however narrow a terminal is, and how far lines below a row stand in.
const (
	leastCell = 8
	indent    = "  "
)

// Write writes the list, everything in it made plain and cut at limit characters.
func (l List) Write(w io.Writer, limit int) error {
	return l.write(w, columnsOf(w), limit)
}

func (l List) write(w io.Writer, room, limit int) error {
	rows := [][]string{l.Heading}
	for _, row := range l.Rows {
		rows = append(rows, row.Cells)
	}
	rows = plain(limit, rows)
	l.fit(rows, room)
	left, _ := widths(rows)
	for i, row := range rows {
		line := ""
		for j, cell := range row {
			line += cell
			if j < len(left) {
				line += strings.Repeat(" ", left[j]-spread(cell))
			}
		}
		if err := put(w, line); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		for _, text := range l.Rows[i-1].Below {
			if err := below(w, room, Plain(text, limit)); err != nil {
				return err
			}
		}
	}
	return nil
}

// fit cuts the cells of the widest columns that may be cut until the rows fit.
func (l List) fit(rows [][]string, room int) {
	for {
		left, last := widths(rows)
		over := sum(left) + last - room
		widest, most := -1, leastCell
		for _, column := range l.Cut {
			is := last
			if column < len(left) {
				is = left[column] - gap
			}
			if is > most {
				widest, most = column, is
			}
		}
		if over <= 0 || widest < 0 {
			return
		}
		for _, row := range rows[1:] {
			row[widest] = clip(row[widest], most-1)
		}
		if spread(rows[0][widest]) >= most {
			return // the heading is what is wide
		}
	}
}

// below writes a paragraph below a row.
func below(w io.Writer, room int, text string) error {
	before := indent
	for _, line := range fold(broken(text, room-2*len(indent)), room-len(indent), room-2*len(indent)) {
		if err := put(w, before+line); err != nil {
			return err
		}
		before = indent + indent
	}
	return nil
}

// broken breaks words that are wider than a line.
func broken(text string, room int) string {
	var b strings.Builder
	at := 0
	for _, r := range text {
		n := runeWidth(r)
		switch {
		case r == ' ':
			at = -n
		case at+n > room:
			b.WriteByte(' ')
			at = 0
		}
		b.WriteRune(r)
		at += n
	}
	return b.String()
}

// clip cuts text to so many columns, with … as the last one.
func clip(text string, columns int) string {
	if spread(text) <= columns {
		return text
	}
	at := 0
	for i, r := range text {
		if at += runeWidth(r); at > columns-1 {
			return text[:i] + "…"
		}
	}
	return text
}
