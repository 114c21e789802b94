// Package backtest has the command that tries a playbook on what is in the record: what it would have done that was not
// done, and the reverse.
//
// Neighbours: handler/backtest compares, handler/operate gives the record in pages.
package backtest

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/backtest"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/playbook"
)

// trying is one call of backtest.
type trying struct {
	call.Operator
	path     string
	days     int
	mode     string
	markdown bool
	explain  bool
	fromAPI  bool
}

// How many days are looked back at. Defender keeps alerts for 180 days, and nobody keeps facts for longer than a year.
const (
	usualDays   = 30
	mostDays    = 366
	mostAPIDays = 180
)

// Command makes the command.
func Command(p call.Program) *cobra.Command {
	x := &trying{Operator: call.Operator{Program: p}}
	c := &cobra.Command{
		Use:   "backtest --playbook FILE",
		Short: "Try a playbook on what was decided before",
		Long: "Decides every run of the last days once more, with the facts as they were, and\n" +
			"says in what that differs from what was decided then: by rule, with the reasons\n" +
			"and the clause that makes the difference; machines a day against the caps; what\n" +
			"would be held; what rules do that only observe. What cannot be known from the\n" +
			"record is counted and not guessed. Nothing is done, recorded or mailed. How\n" +
			"far back that goes is set by CORDON_FACTS_RETENTION.\n\n" +
			"--alerts-from-api is for a tenant without a record: it reads the alerts that\n" +
			"were updated in the last days, and their machines as they are now. It needs the\n" +
			"settings of the app registration or managed identity. docs/backtest.md says how\n" +
			"to read the answer." +
			call.Exits,
		Example: "  cordon backtest --playbook playbook.yaml\n" +
			"  cordon backtest --playbook playbook.yaml --days 90 --explain\n" +
			"  cordon backtest --playbook playbook.yaml --markdown > backtest.md\n" +
			"  cordon backtest --playbook playbook.yaml --json | jq '.observe'\n" +
			"  cordon backtest --playbook playbook.yaml --alerts-from-api",
		Args: call.NoOperand("backtest"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := x.check(); err != nil {
				return err
			}
			return x.run(cmd)
		},
	}
	c.Flags().StringVar(&x.path, "playbook", "", "the playbook that is tried")
	c.Flags().IntVar(&x.days, "days", usualDays, "how many days are looked back at, 1 to 366")
	c.Flags().StringVar(&x.mode, "mode", "",
		"the ceiling, observe or enforce (default: what it was at each run; with --alerts-from-api: enforce)")
	c.Flags().BoolVar(&x.markdown, "markdown", false, "print Markdown, for a pull request")
	c.Flags().BoolVar(&x.explain, "explain", false, "explain the plan of every example")
	c.Flags().BoolVar(&x.fromAPI, "alerts-from-api", false, "read alerts from the API instead of the record")
	x.ReadFlags(c)
	return c
}

func (x *trying) check() error {
	_, err := playbook.ParseMode(x.mode)
	switch {
	case x.path == "":
		return call.Usagef("backtest wants --playbook with the file of the playbook that is tried")
	case x.days < 1 || x.days > mostDays:
		return call.Usagef("--days %d is out of bounds: expected 1 to %d", x.days, mostDays)
	case x.fromAPI && x.days > mostAPIDays:
		return call.Usagef("--days %d is out of bounds: Defender keeps alerts for %d days", x.days, mostAPIDays)
	case err != nil:
		return call.Usagef("--mode: %w", err)
	case x.markdown && (x.JSON || x.explain):
		return call.Usagef("--markdown goes with neither --json nor --explain")
	case x.fromAPI && (x.Direct || x.App != ""):
		return call.Usagef("--alerts-from-api asks Defender and no app: it goes with neither --app nor --direct")
	}
	return nil
}

// tried is the JSON of backtest.
type tried struct {
	File     string    `json:"file"` // the playbook that was tried
	Source   string    `json:"source"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	NotKnown []string  `json:"notKnown,omitempty"` // of the past, in sentences

	backtest.Report
}

// Where runs come from.
const (
	fromRecord = "record"
	fromAPI    = "api"
)

func (x *trying) run(cmd *cobra.Command) error {
	book, err := setup.Book(x.path)
	if err != nil {
		return err
	}
	until := x.Clock().Now.UTC()
	found := tried{
		File:   x.path,
		Source: fromRecord,
		Since:  until.AddDate(0, 0, -x.days),
		Until:  until,
	}
	trial := backtest.New(backtest.Options{
		Book:    book,
		Ceiling: playbook.Mode(x.mode),
		Explain: x.explain,
	})
	shown := newProgress(cmd.ErrOrStderr())
	if x.fromAPI {
		found.Source = fromAPI
		found.NotKnown = notKnown()
		err = x.readAPI(cmd.Context(), found, trial, shown)
	} else {
		err = x.readRecord(cmd, found, trial, shown)
	}
	shown.end()
	if err != nil {
		return err
	}
	found.Report = trial.Report()
	return x.show(cmd, found)
}

func (x *trying) readRecord(cmd *cobra.Command, span tried, trial *backtest.Trial, shown *progress) error {
	desk, done, err := x.Desk(cmd, config.Ledger)
	if err != nil {
		return err
	}
	defer done()
	return read(cmd.Context(), desk, span.Since, span.Until, func(page decisions) {
		for _, d := range page {
			trial.Add(d)
		}
		shown.add(len(page), page[len(page)-1].ObservedAt)
	})
}

func (x *trying) readAPI(ctx context.Context, span tried, trial *backtest.Trial, shown *progress) error {
	settings, err := config.LoadFor(x.Getenv, config.Deciding, config.Defender)
	if err != nil {
		return err
	}
	api, err := setup.CommandAPI(settings, nil)
	if err != nil {
		return err
	}
	all := alerts{
		api:        api,
		staleAfter: settings.StaleAfter,
	}
	return all.read(ctx, span.Since, span.Until, func(page decisions) {
		for _, d := range page {
			trial.Add(d)
		}
		shown.add(len(page), page[len(page)-1].ObservedAt)
	})
}

func (x *trying) show(cmd *cobra.Command, found tried) error {
	if x.markdown {
		_, err := io.WriteString(cmd.OutOrStdout(), markdown(sheetsOf(found)))
		return err
	}
	return x.Show(cmd, found, func(w io.Writer) error {
		if err := writeText(w, sheetsOf(found)); err != nil || !x.explain {
			return err
		}
		return explained(w, found.Changes)
	})
}
