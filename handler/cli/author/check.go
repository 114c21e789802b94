package author

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/health"
	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/playbook"
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

func Check(getenv func(string) string) *cobra.Command {
	var asJSON, strict, withMet bool
	c := &cobra.Command{
		Use:   "check [playbook]",
		Short: "Check a playbook: every problem with file, line, column and the way out",
		Long: "Reads the playbook (CORDON_PLAYBOOK or playbook.yaml if none is named) as the handler does at start. Warns about what\n" +
			"is probably not meant, such as rules that can never match, and lists the permissions that the app registration needs.\n" +
			"With --met it also shows what the app met in the last 30 days: tags of machines that are almost protected ones, and\n" +
			"machines of which the API gave no group or device value. That needs the settings of the ledger, which is only read." +
			call.Exits("the handler would start with it, with or without warnings",
				"it would refuse it; or --strict and there are warnings; or --met and the ledger cannot be read"),
		Example: "  cordon check\n  cordon check --strict\n  cordon check playbooks/workstations.yaml\n  cordon check --json | jq '.problems[] | \"\\(.line): \\(.message)\"'",
		Args:    atMostOnePlaybook("check"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := playbookPath(getenv, args)
			book, warnings, err := setup.CheckBook(path)
			var met *health.Met
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

func checkText(out io.Writer, path string, book *playbook.Book, warnings []source.Problem, met *health.Met) error {
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
		writeMet(&b, *met)
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
	Met         *health.Met  `json:"met,omitempty"` // only with --met
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

func checkJSON(out io.Writer, path string, book *playbook.Book, warnings []source.Problem, met *health.Met, err error) error {
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

// readMet reads what was met for a command.
func readMet(ctx context.Context, getenv func(string) string) (*health.Met, error) {
	_, store, err := (&call.Operator{Getenv: getenv}).Ledger(ctx)
	if err != nil {
		return nil, err
	}
	met, err := health.ReadMet(ctx, store, time.Now())
	return &met, err
}

// writeMet prints what was met for people.
func writeMet(b *strings.Builder, v health.Met) {
	b.WriteString("\nmet in the last 30 days, and not protected:\n")
	for _, tag := range v.NearTags {
		fmt.Fprintf(b, "  tag %s\n", terminal.Plain(tag, call.FactShown))
	}
	for _, fact := range slices.Sorted(maps.Keys(v.NotGiven)) {
		fmt.Fprintf(b, "  %d machine(s) of which the API gave no %s\n", v.NotGiven[fact], fact)
	}
	if len(v.NearTags)+len(v.NotGiven) == 0 {
		b.WriteString("  nothing that looks so\n")
	}
}
