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

	"cordon/handler/alert"
	"cordon/handler/app/health"
	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook"
	"cordon/handler/playbook/deployed"
	"cordon/handler/playbook/permissions"
	"cordon/handler/playbook/read/source"
	"cordon/handler/terminal"
)

// checking is one call of check.
type checking struct {
	json, strict, met bool
	getenv            func(string) string
}

// Check makes the command that checks a playbook.
func Check(getenv func(string) string) *cobra.Command {
	x := &checking{getenv: getenv}
	c := &cobra.Command{
		Use:   "check [playbook]",
		Short: "Check a playbook: every problem with its place and the way out",
		Long: "Reads the playbook (CORDON_PLAYBOOK or playbook.yaml if none is named) as the\n" +
			"handler does at start. Warns about what is probably not meant, such as rules\n" +
			"that can never match, and lists the permissions that the app registration needs.\n" +
			"With --met it also shows what the app met in the last 30 days: tags of machines\n" +
			"that are almost protected ones, and machines of which the API gave no group or\n" +
			"device value. That needs the settings of the ledger, which is only read." +
			call.Exits,
		Example: "  cordon check\n" +
			"  cordon check --strict\n" +
			"  cordon check playbooks/workstations.yaml\n" +
			"  cordon check --json | jq '.problems[] | \"\\(.line): \\(.message)\"'",
		Args: call.AtMostOne("check takes one playbook"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return x.run(
				cmd.Context(),
				cmd.OutOrStdout(),
				playbookPath(getenv, args),
			)
		},
	}
	c.Flags().BoolVar(&x.json, "json", false, "print JSON, for programs; problems are in it too")
	c.Flags().BoolVar(&x.met, "met", false, "show tags that are almost protected ones, from the ledger")
	c.Flags().BoolVar(&x.strict, "strict", false, "fail on warnings too")
	return c
}

// found is what a check found.
type found struct {
	path     string
	sources  []alert.Source   // that are set
	book     *playbook.Book   // nil: it would be refused
	warnings []source.Problem // about a book that would not
	met      *wire.Met        // nil: not asked for
}

func (x *checking) run(ctx context.Context, out io.Writer, path string) error {
	book, warnings, err := setup.CheckBook(path)
	settings, _ := config.LoadFor(x.getenv) // what else is wrong with the settings is not this command's to say
	f := found{
		path:     path,
		sources:  setup.AlertSources(settings),
		book:     book,
		warnings: warnings,
	}
	if x.met && err == nil {
		f.met, err = readMet(ctx, x.getenv)
	}
	switch {
	case x.json:
		err = f.printJSON(out, err)
	case err == nil:
		err = f.print(out)
	}
	if err != nil || !x.strict || len(warnings) == 0 {
		return err
	}
	return fmt.Errorf("%s has %d warning(s), and with --strict there may be none", path, len(warnings))
}

// readMet reads what was met for a command.
func readMet(ctx context.Context, getenv func(string) string) (*wire.Met, error) {
	_, store, err := (&call.Operator{Program: call.Program{Getenv: getenv}}).Ledger(ctx)
	if err != nil {
		return nil, err
	}
	met, err := health.ReadMet(ctx, store.Switches, time.Now())
	return &met, err
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
	Met         *wire.Met    `json:"met,omitempty"` // only with --met
}

type permission struct {
	API  string `json:"api"`
	Name string `json:"name"`
	For  string `json:"for"`
}

// apiOf names the API that a permission is of.
func apiOf(p permissions.Permission) string {
	if p.API == alert.Graph {
		return "Microsoft Graph"
	}
	return "Defender for Endpoint"
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

// printJSON prints what was found; err is why the playbook would be refused.
func (f found) printJSON(out io.Writer, err error) error {
	view := checked{
		Playbook: f.path,
		Valid:    err == nil,
		Problems: []problem{},
		Warnings: []problem{},
		Met:      f.met,
	}
	var wrong *source.Error
	switch {
	case errors.As(err, &wrong):
		view.Problems = problemsOf(wrong.Problems)
		err = fmt.Errorf("%s is not valid: %d problem(s)", f.path, len(wrong.Problems))
	case err != nil:
		return err
	default:
		view.Mode = string(f.book.Mode())
		view.Rules = f.book.Rules()
		view.Warnings = problemsOf(f.warnings)
		for _, p := range permissions.Of(f.book, f.sources...) {
			view.Permissions = append(view.Permissions, permission{apiOf(p), p.Name, p.For})
		}
	}
	return errors.Join(terminal.JSON(out, view), err)
}

func (f found) print(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is valid: mode %s, %d rule(s)\n", f.path, f.book.Mode(), len(f.book.Rules()))
	for i, name := range f.book.Rules() {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, name)
	}
	writeLimits(&b, f.book)
	writePermissions(&b, permissions.Of(f.book, f.sources...))
	if n := len(f.warnings); n > 0 {
		fmt.Fprintf(&b, "\n%d warning(s):\n\n%v\n", n, &source.Error{
			Name:     f.path,
			Problems: f.warnings,
		})
	}
	if f.met != nil {
		writeMet(&b, *f.met)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writePermissions shows permissions by the API that they are of.
func writePermissions(b *strings.Builder, list []permissions.Permission) {
	for _, api := range []alert.Source{alert.Defender, alert.Graph} {
		said := false
		for _, p := range list {
			if p.API != api {
				continue
			}
			if !said {
				fmt.Fprintf(b, "\npermissions that it needs (%s, application):\n", apiOf(p))
			}
			said = true
			fmt.Fprintf(b, "  %-27s  %s\n", p.Name, p.For)
		}
	}
}

// writeLimits shows the caps on the steps that the rules have.
func writeLimits(b *strings.Builder, book *playbook.Book) {
	said := "\nmachines that a step reaches at most:\n"
	for _, c := range deployed.Caps(book) {
		fmt.Fprintf(b, "%s  %-14s  %s\n", said, c.Kind, c.Says)
		said = ""
	}
}

// writeMet prints what was met for people.
func writeMet(b *strings.Builder, v wire.Met) {
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
