package backtest

import "strings"

// sheet is a part of the answer, in a form that both people at a terminal and a pull request get.
type sheet struct {
	title   string
	lines   []line
	heading []string // empty: there is no table
	rows    []row
	cut     []int // the columns that may be cut where a terminal is narrow
}

// row is a row of a table, with what is said of it.
type row struct {
	cells []line
	below []line
}

// line is words of ours with what others wrote between them.
type line []span

type span struct {
	text    string
	foreign bool
}

// say is a line of words of ours, each argument after the first is what others wrote, or what they made of it. They
// stand where % is.
func say(format string, foreign ...string) line {
	var l line
	for i, words := range strings.Split(format, "%") {
		if i > 0 {
			l = append(l, span{foreign[i-1], true})
		}
		if words != "" {
			l = append(l, span{words, false})
		}
	}
	return l
}

// plain is a line as a terminal shows it, which makes it harmless itself.
func (l line) plain() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}
