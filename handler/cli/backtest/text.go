package backtest

import (
	"io"
	"strings"

	"cordon/handler/backtest"
	"cordon/handler/cli/call"
	"cordon/handler/playbook/explain"
	"cordon/handler/terminal"
)

// writeText writes sheets for people.
func writeText(w io.Writer, sheets []sheet) error {
	for i, s := range sheets {
		if i > 0 {
			if err := call.Say(w, ""); err != nil {
				return err
			}
		}
		if err := s.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (s sheet) write(w io.Writer) error {
	texts := []string{s.title}
	for _, l := range s.lines {
		texts = append(texts, "  "+l.plain())
	}
	err := terminal.Lines(w, call.FactShown, texts...)
	if err != nil || len(s.heading) == 0 {
		return err
	}
	list := terminal.List{
		Heading: s.heading,
		Cut:     s.cut,
	}
	for _, r := range s.rows {
		entry := terminal.Entry{}
		for _, c := range r.cells {
			entry.Cells = append(entry.Cells, c.plain())
		}
		for _, l := range r.below {
			entry.Below = append(entry.Below, l.plain())
		}
		list.Rows = append(list.Rows, entry)
	}
	return list.Write(w, call.FactShown)
}

// explained writes the plans of the examples.
func explained(w io.Writer, changes []backtest.Change) error {
	seen := map[string]bool{}
	for _, c := range changes {
		for _, e := range c.Examples {
			if seen[e.Run] || e.Plan == nil {
				continue
			}
			seen[e.Run] = true
			texts := []string{"", "run " + e.Run + " as this playbook decides it:"}
			for text := range strings.Lines(explain.Plan(*e.Plan)) {
				texts = append(texts, "  "+strings.TrimRight(text, "\n"))
			}
			if err := terminal.Lines(w, call.FactShown, texts...); err != nil {
				return err
			}
		}
	}
	return nil
}
