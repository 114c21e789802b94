package record

import (
	"io"
	"strings"

	"cordon/handler/cli/call"
	"cordon/handler/terminal"
)

// paper is where a run is printed, part by part, until something fails.
type paper struct {
	w   io.Writer
	now call.Clock
	err error
	// said are sentences that stand above already: what ended a run ended a step too, and was told.
	said map[string]bool
}

// once is a sentence, or nothing if it stands above already.
func (p *paper) once(text string) string {
	if p.said[text] {
		return ""
	}
	p.said[text] = true
	return text
}

// joined puts what is said of one thing together.
func joined(parts ...string) string {
	text := ""
	for _, part := range parts {
		switch {
		case part == "":
		case text == "":
			text = part
		case strings.HasSuffix(text, "."):
			text += " " + part
		default:
			text += "; " + part
		}
	}
	return text
}

// narrow is how wide a line may be that is surely not folded.
const narrow = 78

func (p *paper) do(print func() error) {
	if p.err == nil {
		p.err = print()
	}
}

func (p *paper) say(text string) {
	p.do(func() error { return call.Say(p.w, "%s", text) })
}

// lines prints a text of several lines below a heading; nothing of none.
func (p *paper) lines(heading, text string) {
	if text == "" {
		return
	}
	p.say("\n" + heading)
	for line := range strings.Lines(text) {
		line = "  " + strings.TrimRight(line, "\n")
		p.do(func() error {
			// What a line begins with stays a column of its own where the rest is folded.
			if begin, rest, found := strings.Cut(strings.TrimLeft(line, " "), "  "); found && len(line) > narrow {
				margin := len(line) - len(strings.TrimLeft(line, " "))
				text := strings.TrimLeft(rest, " ")
				return terminal.Pairs(p.w, call.FactShown, []string{
					strings.Repeat(" ", margin) + begin + rest[:len(rest)-len(text)],
					text,
				})
			}
			return terminal.Lines(p.w, call.FactShown, line)
		})
	}
}

// pairs prints names and values below a heading; nothing of those that have no value.
func (p *paper) pairs(heading string, all [][]string) {
	var rows [][]string
	for _, row := range all {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return
	}
	if heading != "" {
		p.say("\n" + heading)
		for i := range rows {
			rows[i] = []string{"  " + rows[i][0], rows[i][1]}
		}
	}
	p.do(func() error { return terminal.Pairs(p.w, call.FactShown, rows...) })
}
