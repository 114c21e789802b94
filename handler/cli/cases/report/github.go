package report

import (
	"fmt"
	"io"
	"strings"

	"cordon/handler/cli/cases"
)

// GitHub writes what is wrong as workflow commands, one a line: GitHub shows each at its place in the file ("Workflow
// commands for GitHub Actions").
func GitHub(w io.Writer, r cases.Report) error {
	var b strings.Builder
	for _, one := range r.Results {
		if !one.OK {
			annotate(&b, one.File, one.Line, one.Name, one.Diff)
		}
	}
	for _, one := range r.Neglected {
		annotate(&b, one.File, one.Line, "passes by neglect", one.What)
	}
	for _, one := range r.Broken {
		annotate(&b, one.File, one.Line, "cannot be tested", one.What)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func annotate(b *strings.Builder, file string, line int, title, text string) {
	place := ""
	if file != cases.Stdin {
		place = fmt.Sprintf("file=%s,line=%d,", property(file), max(line, 1))
	}
	fmt.Fprintf(b, "::error %stitle=%s::%s\n", place, property(title), data(text))
}

// data escapes the message of a workflow command.
func data(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(clean(text))
}

// property escapes the value of one of its properties.
func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(text))
}
