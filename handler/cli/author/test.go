package author

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/cli/cases"
	"cordon/handler/terminal"
)

// Test makes the command that holds playbooks against cases.
func Test() *cobra.Command {
	var asJSON, verbose bool
	c := &cobra.Command{
		Use:   "test [folder]",
		Short: "Hold playbooks against cases: what is given, what is wanted",
		Long: "Decides every case in the files that end in " + cases.Suffix + ", in the folder\n" +
			"(default: the one it is called in) and the ones in it. A file names its playbook\n" +
			"and lists cases; alert and machine are as the Defender API answers them, and\n" +
			"what a case leaves out stands in the way of nothing. docs/playbook.md shows one." +
			call.Exits,
		Example: "  cordon test\n" +
			"  cordon test playbooks\n" +
			"  cordon test --explain playbooks\n" +
			"  cordon test --json | jq '.cases[] | select(.ok | not)'",
		Args: call.AtMostOne("test takes one folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return runTests(cmd.OutOrStdout(), dir, asJSON, verbose)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	c.Flags().BoolVar(&verbose, "explain", false, "explain the plan of every case that fails")
	return c
}

func runTests(out io.Writer, dir string, asJSON, verbose bool) error {
	files, err := cases.Find(dir)
	if err != nil {
		return err
	}
	all := []cases.Result{}
	var broken []error
	for _, file := range files {
		results, err := cases.Run(file)
		if err != nil {
			broken = append(broken, err)
		}
		all = append(all, results...)
	}
	if failed := failures(all); failed > 0 {
		broken = append(broken, fmt.Errorf("%d of %d case(s) have another plan than wanted", failed, len(all)))
	}
	if asJSON {
		return errors.Join(append(broken, terminal.JSON(out, map[string]any{"cases": all}))...)
	}
	for _, r := range all {
		printResult(out, r, verbose)
	}
	if len(broken) == 0 {
		fmt.Fprintf(out, "%d case(s) in %d file(s), every plan as wanted\n", len(all), len(files))
	}
	return errors.Join(broken...)
}

func failures(all []cases.Result) (n int) {
	for _, r := range all {
		if !r.OK {
			n++
		}
	}
	return n
}

func printResult(out io.Writer, r cases.Result, verbose bool) {
	name := terminal.Plain(r.Name, call.CellShown)
	if r.OK {
		fmt.Fprintf(out, "ok      %s: %s\n", r.File, name)
		return
	}
	fmt.Fprintf(out, "FAILED  %s: %s\n", r.File, name)
	for line := range strings.Lines(r.Diff + "\n") {
		fmt.Fprintf(out, "          %s\n",
			terminal.Plain(strings.TrimSuffix(line, "\n"), call.FactShown))
	}
	if verbose {
		fmt.Fprintf(out, "\n%s\n", r.Explain())
	}
}
