package trial

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/alert"
	"cordon/handler/cli/call"
	"cordon/handler/cli/cases"
	"cordon/handler/incoming"
	"cordon/handler/terminal"
)

// watchEvery is how often files are looked at for a change.
const watchEvery = time.Second

// watching is a test that runs again whenever a file of cases, or a playbook that one names, changes.
type watching struct {
	call.Program
	operands []string
	once     func() (read []string, err error)
	read     []string // by the last turn
}

// run tests until the context ends. That a plan is not as wanted ends nothing.
func (w *watching) run(cmd *cobra.Command) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for last := ""; ; {
		if now := w.look(); now != last {
			last = w.turn(cmd, last == "", now)
		}
		select {
		case <-cmd.Context().Done():
			return cmd.Context().Err()
		case <-ticker.C:
		}
	}
}

// turn tests once, and says what was seen of the files: what changed meanwhile is seen at the next look.
func (w *watching) turn(cmd *cobra.Command, first bool, seen string) string {
	w.head(cmd.OutOrStdout(), first)
	read, err := w.once()
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), err)
	}
	c := w.Clock()
	fmt.Fprintf(cmd.OutOrStdout(), "looked at %s; watching, Ctrl-C ends it\n", c.Stamp(c.Now))
	if slices.Equal(w.read, read) {
		return seen
	}
	w.read = read
	return w.look()
}

// clear makes a terminal empty, and puts its cursor into the upper left corner.
const clear = "\x1b[H\x1b[2J\x1b[3J"

// head begins what a turn prints: a terminal is cleared, elsewhere an empty line sets it apart.
func (w *watching) head(out io.Writer, first bool) {
	f, isFile := out.(io.Reader)
	switch {
	case isFile && terminal.IsTerminal(f):
		fmt.Fprint(out, clear)
	case !first:
		fmt.Fprintln(out)
	}
}

// look digests the names and contents of the files that were read, and of those that would be.
func (w *watching) look() string {
	files, _ := cases.Find(w.operands) // that there is none is told when they are tested
	paths := slices.Compact(slices.Sorted(slices.Values(slices.Concat(files, w.read))))
	seen := "files:\n"
	for _, path := range paths {
		body, err := incoming.File(path)
		seen += fmt.Sprintf("%q %s %t\n", path, alert.SHA256(body), err == nil)
	}
	return seen
}
