package backtest

import (
	"strings"

	"cordon/handler/terminal"
)

// markdown writes sheets for a pull request.
func markdown(sheets []sheet) string {
	var b strings.Builder
	for i, s := range sheets {
		b.WriteString([]string{"## ", "\n### "}[min(i, 1)] + s.title + "\n\n")
		for _, l := range s.lines {
			b.WriteString("- " + l.markdown(false) + "\n")
		}
		s.table(&b)
	}
	return b.String()
}

// table writes a table, in which what is said of a row stands in a last column.
func (s sheet) table(b *strings.Builder) {
	if len(s.heading) == 0 {
		return
	}
	if len(s.lines) > 0 {
		b.WriteByte('\n')
	}
	heading := append([]string{}, s.heading...)
	below := false
	for _, r := range s.rows {
		below = below || len(r.below) > 0
	}
	if below {
		heading = append(heading, "WHY")
	}
	b.WriteString("| " + strings.ToLower(strings.Join(heading, " | ")) + " |\n")
	b.WriteString(strings.Repeat("| --- ", len(heading)) + "|\n")
	for _, r := range s.rows {
		for _, c := range r.cells {
			b.WriteString("| " + c.markdown(true) + " ")
		}
		if below {
			var texts []string
			for _, l := range r.below {
				texts = append(texts, l.markdown(true))
			}
			b.WriteString("| " + strings.Join(texts, "<br>") + " ")
		}
		b.WriteString("|\n")
	}
}

// markdown is a line in which what others wrote is code: there nothing is a link, a mention, HTML or a reference.
func (l line) markdown(inTable bool) string {
	var b strings.Builder
	for _, s := range l {
		switch {
		case !s.foreign:
			b.WriteString(s.text)
		case s.text != "":
			b.WriteString(code(s.text, inTable))
		}
	}
	return b.String()
}

// mostCode is how much of a text a pull request gets, in characters. A comment there has 65,536 at most.
const mostCode = 200

// code is a text as code. Its fence is longer than any run of backticks in it; a table is split at | even in code.
func code(text string, inTable bool) string {
	text = terminal.Plain(text, mostCode)
	if strings.TrimSpace(text) == "" {
		text = "(blank)"
	}
	fence, longest := "`", 0
	for run := range strings.FieldsFuncSeq(text, func(r rune) bool { return r != '`' }) {
		longest = max(longest, len(run))
	}
	fence = strings.Repeat(fence, longest+1)
	if longest > 0 {
		text = " " + text + " "
	}
	if inTable {
		text = strings.ReplaceAll(text, "|", `\|`)
	}
	return fence + text + fence
}
