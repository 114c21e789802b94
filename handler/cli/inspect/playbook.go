package inspect

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// Playbook makes the command that shows the playbook that decides.
func Playbook(p call.Program) *cobra.Command {
	o, text := &call.Operator{Program: p}, false
	c := &cobra.Command{
		Use:   "playbook",
		Short: "Show the playbook that decides: its rules, the rails, its text",
		Long: "The playbook as the app runs it, with its digest and the mode that counts. A run\n" +
			"names the digest of the playbook that decided it. With --direct it is the file\n" +
			"that CORDON_PLAYBOOK names here. Changes nothing." +
			call.Exits,
		Example: "  cordon playbook\n" +
			"  cordon playbook --text | diff - playbook.yaml\n" +
			"  cordon playbook --json | jq '.rules[] | select(.mode == \"enforce\") | .name'",
		Args: call.NoOperand("playbook"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ask := func(ctx context.Context, desk operate.Desk) (wire.Playbook, error) {
				return desk.Playbook(ctx)
			}
			return call.Ask(cmd, o, ask, func(w io.Writer, is wire.Playbook) error {
				if text {
					return printText(w, is.Text)
				}
				return printPlaybook(w, is)
			}, config.Deciding)
		},
	}
	o.ReadFlags(c)
	c.Flags().BoolVar(&text, "text", false, "print the text as it was read, and nothing else")
	return c
}

// printText prints a playbook's own text. A line that a terminal would obey is made plain.
func printText(w io.Writer, text string) error {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if err := call.Say(w, "%s", terminal.Plain(line, len(line))); err != nil {
			return err
		}
	}
	return nil
}

func printPlaybook(w io.Writer, is wire.Playbook) error {
	rows := [][]string{
		{"playbook", is.Digest},
		{"mode", fmt.Sprintf("%s (the playbook asks for %s, CORDON_MODE allows %s)", is.Mode, is.Written, is.Ceiling)},
	}
	for i, r := range is.Rules {
		rows = append(rows, []string{"", ""}, []string{
			fmt.Sprintf("rule %d", i+1),
			fmt.Sprintf("%s (on %s, %s)", r.Name, r.On, r.Mode),
		})
		rows = append(rows, linesOf("  when", strings.Split(r.When, "\n"))...)
		if r.Unless != "" {
			rows = append(rows, linesOf("  unless", strings.Split(r.Unless, "\n"))...)
		}
		if r.MaxAge != "" {
			rows = append(rows, []string{"  max age", r.MaxAge})
		}
		if len(r.Steps) == 0 {
			r.Steps = []string{"nothing"}
		}
		rows = append(rows, linesOf("  do", r.Steps)...)
		if !r.Stop {
			rows = append(rows, []string{"  then", "the rules below it are asked too"})
		}
	}
	rows = append(rows, []string{"", ""})
	for _, r := range is.Rails {
		rows = append(rows, linesOf(r.Rail, r.Says)...)
	}
	return terminal.Pairs(w, call.FactShown, rows...)
}

// linesOf are rows of which the first is named.
func linesOf(name string, lines []string) [][]string {
	var rows [][]string
	for _, line := range lines {
		rows = append(rows, []string{name, line})
		name = ""
	}
	return rows
}
