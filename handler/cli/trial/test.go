package trial

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/cli/cases"
	"cordon/handler/cli/cases/report"
	"cordon/handler/terminal"
)

// proving is one call of test.
type proving struct {
	operands []string
	junit    string // file for the report; empty: none
	in       io.Reader
	out      io.Writer
	program  call.Program

	json, explain, github, strict, watch bool
}

// Test makes the command that holds playbooks against cases.
func Test(p call.Program) *cobra.Command {
	x := &proving{program: p}
	c := &cobra.Command{
		Use:   "test [file|folder|-]...",
		Short: "Hold playbooks against cases: what is given, what is wanted",
		Long: "Decides every case in the files that are named, and in those that end in\n" +
			cases.Suffix + " in the folders that are named (default: the one it is called in)\n" +
			"and the ones in them. - is standard input, whose playbook is looked for from\n" +
			"the folder it is called in. A file names its playbook and lists cases; alert\n" +
			"and machine are as the Defender API answers them, and what a case leaves out\n" +
			"stands in the way of nothing. docs/playbook.md shows some.\n\n" +
			"--strict fails on what passes by neglect: a rule that no case sees decide, a\n" +
			"case without want, a step that is held or skipped for a reason that why does\n" +
			"not name, and facts that no rule of the playbook reads." +
			call.Exits,
		Example: "  cordon test\n" +
			"  cordon test playbooks special.test.yaml\n" +
			"  cordon test --strict --junit report.xml playbooks\n" +
			"  cordon test --watch --explain playbooks\n" +
			"  cordon test --json | jq '.cases[] | select(.ok | not)'",
		RunE: func(cmd *cobra.Command, args []string) error {
			x.operands, x.in, x.out = args, cmd.InOrStdin(), cmd.OutOrStdout()
			return x.run(cmd)
		},
	}
	c.Flags().BoolVar(&x.json, "json", false, "print JSON, for programs")
	c.Flags().BoolVar(&x.explain, "explain", false, "explain the plan of every case that fails")
	c.Flags().BoolVar(&x.github, "github", false, "print annotations for GitHub as well")
	c.Flags().BoolVar(&x.strict, "strict", false, "fail on what passes by neglect too")
	c.Flags().BoolVar(&x.watch, "watch", false, "run again whenever a file of cases or its playbook changes")
	c.Flags().StringVar(&x.junit, "junit", "", "write a JUnit report to this file as well")
	return c
}

func (x *proving) run(cmd *cobra.Command) error {
	if len(x.operands) == 0 {
		x.operands = []string{"."}
	}
	switch {
	case x.json && (x.watch || x.github):
		return call.Usagef("--json prints one document: it goes neither with --watch nor with --github")
	case x.watch && slices.Contains(x.operands, cases.Stdin):
		return call.Usagef("--watch looks at files; standard input never changes")
	case x.watch:
		w := watching{
			Program:  x.program,
			operands: x.operands,
			once:     x.once,
		}
		return w.run(cmd)
	}
	_, err := x.once()
	return err
}

// once tests everything once, and says what it read.
func (x *proving) once() (read []string, err error) {
	files, err := cases.Find(x.operands)
	if err != nil {
		return files, err
	}
	found := cases.Run(cases.Options{
		Files:  files,
		Stdin:  x.in,
		Strict: x.strict,
	})
	read = slices.Concat(files, found.Books)
	if x.junit != "" {
		err = writeJUnit(x.junit, found)
	}
	if err == nil && x.json {
		err = terminal.JSON(x.out, found)
	} else if err == nil {
		err = x.print(found, len(files))
	}
	return read, cmp.Or(err, found.Err())
}

func writeJUnit(path string, found cases.Report) error {
	var text bytes.Buffer
	err := report.JUnit(&text, found)
	if err == nil {
		err = os.WriteFile(path, text.Bytes(), 0o644)
	}
	return err
}

func (x *proving) print(found cases.Report, files int) error {
	for _, r := range found.Results {
		if err := x.printResult(r); err != nil {
			return err
		}
	}
	for _, one := range found.Neglected {
		err := terminal.Lines(x.out, call.FactShown, fmt.Sprintf("NEGLECT %s:%d: %s", one.File, one.Line, one.What))
		if err != nil {
			return err
		}
	}
	if x.github {
		if err := report.GitHub(x.out, found); err != nil {
			return err
		}
	}
	if found.Err() != nil {
		return nil
	}
	return call.Say(x.out, "%d case(s) in %d file(s), every plan as wanted", len(found.Results), files)
}

func (x *proving) printResult(r cases.Result) error {
	if r.OK {
		return terminal.Lines(x.out, call.FactShown, fmt.Sprintf("ok      %s: %s", r.File, r.Name))
	}
	lines := []string{fmt.Sprintf("FAILED  %s:%d: %s", r.File, r.Line, r.Name)}
	for line := range strings.Lines(r.Diff) {
		lines = append(lines, "          "+strings.TrimSuffix(line, "\n"))
	}
	if err := terminal.Lines(x.out, call.FactShown, lines...); err != nil {
		return err
	}
	if x.explain {
		return call.Say(x.out, "\n%s", r.Explain())
	}
	return nil
}
