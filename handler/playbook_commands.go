package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/incoming"
	"cordon/handler/playbook"
	"cordon/handler/playbook/read"
	"cordon/handler/playbook/read/language"
	"cordon/handler/playbook/read/source"
	"cordon/handler/terminal"
)

// playbookPath is the playbook that a command is about: the one it names, else CORDON_PLAYBOOK, else playbook.yaml.
func playbookPath(getenv func(string) string, args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	if path := getenv("CORDON_PLAYBOOK"); path != "" {
		return path
	}
	return "playbook.yaml"
}

func loadBook(path string) (*playbook.Book, error) {
	book, _, err := checkBook(path)
	return book, err
}

// checkBook reads a playbook, and says what is probably not meant in it.
func checkBook(path string) (*playbook.Book, []source.Problem, error) {
	text, err := incoming.File(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the playbook cannot be read: %w; name one with CORDON_PLAYBOOK", err)
	}
	return read.Check(path, text)
}

func checkCommand(getenv func(string) string) *cobra.Command {
	var asJSON, strict, withMet bool
	c := &cobra.Command{
		Use:   "check [playbook]",
		Short: "Check a playbook: every problem with file, line, column and the way out",
		Long: "Reads the playbook (CORDON_PLAYBOOK or playbook.yaml if none is named) as the handler does at start. Warns about what\n" +
			"is probably not meant, such as rules that can never match, and lists the permissions that the app registration needs.\n" +
			"With --met it also shows what the app met in the last 30 days: tags of machines that are almost protected ones, and\n" +
			"machines of which the API gave no group or device value. That needs the settings of the ledger, which is only read.\n\n" +
			"Exit codes: 0 the handler would start with it, with or without warnings. 1 it would refuse it, or --strict and there\n" +
			"are warnings, or --met and the ledger cannot be read. 2 the command line is wrong.",
		Example: "  cordon check\n  cordon check --strict\n  cordon check playbooks/workstations.yaml\n  cordon check --json | jq '.problems[] | \"\\(.line): \\(.message)\"'",
		Args:    atMostOnePlaybook("check"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := playbookPath(getenv, args)
			book, warnings, err := checkBook(path)
			var met *metView
			if withMet && err == nil {
				met, err = readMet(cmd.Context(), getenv)
			}
			switch {
			case asJSON:
				err = checkJSON(cmd.OutOrStdout(), path, book, warnings, met, err)
			case err == nil:
				err = checkText(cmd.OutOrStdout(), path, book, warnings, met)
			}
			if err != nil || !strict || len(warnings) == 0 {
				return err
			}
			return fmt.Errorf("%s has %d warning(s), and with --strict there may be none", path, len(warnings))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs; problems are in it too")
	c.Flags().BoolVar(&withMet, "met", false, "show tags that are almost protected ones, from the ledger")
	c.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	return c
}

func checkText(out io.Writer, path string, book *playbook.Book, warnings []source.Problem, met *metView) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is valid: mode %s, %d rule(s)", path, book.Mode(), len(book.Rules()))
	b.WriteString("\n")
	for i, name := range book.Rules() {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, name)
	}
	checkLimits(&b, book)
	b.WriteString("\npermissions that it needs (Defender for Endpoint, application):\n")
	for _, p := range book.Permissions() {
		fmt.Fprintf(&b, "  %-25s  %s\n", p.Name, p.For)
	}
	if len(warnings) > 0 {
		fmt.Fprintf(&b, "\n%d warning(s):\n\n%v\n", len(warnings), &source.Error{Name: path, Problems: warnings})
	}
	if met != nil {
		met.write(&b)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// checkLimits shows the caps on the steps that the rules have.
func checkLimits(b *strings.Builder, book *playbook.Book) {
	caps := book.Limits()
	said := "\nmachines that a step reaches at most:\n"
	for _, kind := range book.Kinds() {
		of := caps.Of(kind)
		if of.Rate == (playbook.Rate{}) {
			continue
		}
		fmt.Fprintf(b, "%s  %-14s  %s", said, kind, of.Rate)
		for _, part := range []struct {
			what string
			rate playbook.Rate
		}{{"of any one rule", of.PerRule}, {"of any one device group", of.PerGroup}, {"any one machine", of.PerMachine}} {
			if part.rate != (playbook.Rate{}) {
				fmt.Fprintf(b, ", %s %s", part.what, part.rate)
			}
		}
		b.WriteString("\n")
		said = ""
	}
}

// checked is the JSON of check.
type checked struct {
	Playbook    string       `json:"playbook"`
	Valid       bool         `json:"valid"`
	Mode        string       `json:"mode,omitempty"`
	Rules       []string     `json:"rules,omitempty"`
	Permissions []permission `json:"permissions,omitempty"`
	Problems    []problem    `json:"problems"`
	Warnings    []problem    `json:"warnings"`
	Met         *metView     `json:"met,omitempty"` // only with --met
}

type permission struct {
	Name string `json:"name"`
	For  string `json:"for"`
}

type problem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func problemsOf(list []source.Problem) []problem {
	shown := []problem{}
	for _, p := range list {
		shown = append(shown, problem{p.Line, p.Column, p.Message, p.Hint})
	}
	return shown
}

func checkJSON(out io.Writer, path string, book *playbook.Book, warnings []source.Problem, met *metView, err error) error {
	view := checked{Playbook: path, Valid: err == nil, Problems: []problem{}, Warnings: []problem{}, Met: met}
	var wrong *source.Error
	switch {
	case errors.As(err, &wrong):
		view.Problems = problemsOf(wrong.Problems)
		err = fmt.Errorf("%s is not valid: %d problem(s)", path, len(wrong.Problems))
	case err != nil:
		return err
	default:
		view.Mode, view.Rules, view.Warnings = string(book.Mode()), book.Rules(), problemsOf(warnings)
		for _, p := range book.Permissions() {
			view.Permissions = append(view.Permissions, permission{p.Name, p.For})
		}
	}
	return errors.Join(terminal.JSON(out, view), err)
}

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a playbook, for editors",
		Long: "The schema knows keys, words and bounds. What is wrong inside a condition or a comment only cordon check finds.\n\n" +
			"Exit codes: 0 printed. 2 the command line is wrong.",
		Example: "  cordon schema > playbook.schema.json\n  # first line of a playbook, for editors with the YAML language server:\n  # yaml-language-server: $schema=playbook.schema.json",
		Args:    exactly(0, "schema takes no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(language.Schema())
			return err
		},
	}
}

func testCommand() *cobra.Command {
	var asJSON, verbose bool
	c := &cobra.Command{
		Use:   "test [folder]",
		Short: "Hold playbooks against cases: an alert and a machine, and the plan that is wanted",
		Long: "Decides every case in the files that end in " + caseSuffix + ", in the folder (default: the one it is called in) and the ones\n" +
			"in it. A file names its playbook and lists cases; alert and machine are as the Defender API answers them, and what a\n" +
			"case leaves out stands in the way of nothing. docs/playbook.md shows one.\n\n" +
			"Exit codes: 0 every plan is as wanted. 1 one is not, a file cannot be read, or there are no cases. 2 the command line\nis wrong.",
		Example: "  cordon test\n  cordon test playbooks\n  cordon test --explain playbooks\n  cordon test --json | jq '.cases[] | select(.ok | not)'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("test takes one folder, not %d", len(args))}
			}
			return nil
		},
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
	files, err := findCases(dir)
	if err != nil {
		return err
	}
	all := []caseResult{}
	var broken []error
	for _, file := range files {
		results, err := runCases(file)
		if err != nil {
			broken = append(broken, err)
		}
		all = append(all, results...)
	}
	failed := 0
	for _, r := range all {
		if !r.OK {
			failed++
		}
	}
	if failed > 0 {
		broken = append(broken, fmt.Errorf("%d of %d case(s) have another plan than wanted", failed, len(all)))
	}
	if asJSON {
		return errors.Join(append(broken, terminal.JSON(out, map[string]any{"cases": all}))...)
	}
	for _, r := range all {
		said := "ok    "
		if !r.OK {
			said = "FAILED"
		}
		fmt.Fprintf(out, "%s  %s: %s\n", said, r.File, terminal.Plain(r.Name, cellShown))
		if r.OK {
			continue
		}
		for line := range strings.Lines(r.Diff + "\n") {
			fmt.Fprintf(out, "          %s\n", terminal.Plain(strings.TrimSuffix(line, "\n"), factShown))
		}
		if verbose {
			fmt.Fprintf(out, "\n%s\n", r.plan.Explain())
		}
	}
	if len(broken) == 0 {
		fmt.Fprintf(out, "%d case(s) in %d file(s), every plan as wanted\n", len(all), len(files))
	}
	return errors.Join(broken...)
}
