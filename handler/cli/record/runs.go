package record

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook/spelling"
	"cordon/handler/terminal"
)

// How many runs are shown, and how many at a time the API gives.
const (
	runsUsual = 50
	runsMost  = 10_000
	runsPage  = 200
)

// listing is one call of runs.
type listing struct {
	call.Operator
	asked        wire.RunsAsked
	since, until string
	limit        int
	counts       wire.Counts // of the last days, if there is no such run
}

// Runs makes the command that lists runs.
func Runs(p call.Program) *cobra.Command {
	x := &listing{Operator: call.Operator{Program: p}}
	c := &cobra.Command{
		Use:   "runs",
		Short: "List how alerts were answered, newest first",
		Long: "A run is one version of one alert and how it was answered. Below each stand its\n" +
			"id, for cordon run show, and what the alert says. While a run is not over\n" +
			"OUTCOME says in brackets how far it is. Filters narrow one another. A machine's\n" +
			"name is the one that it had then. Changes nothing." +
			call.Exits,
		Example: "  cordon runs --since 24h\n" +
			"  cordon runs --machine ws-0147\n" +
			"  cordon runs --rule contain-high-severity --outcome held --since 7d\n" +
			"  cordon runs --json | jq -r '.runs[] | [.observed, .outcome, .run] | @tsv'\n" +
			"  cordon runs count",
		Args: call.NoOperand("runs"),
		RunE: x.run,
	}
	x.ReadFlags(c)
	flags := c.Flags()
	flags.StringVar(&x.since, "since", "", "observed since then: 7d, 24h, 2026-03-02, 2026-03-02T12:00:00Z")
	flags.StringVar(&x.until, "until", "", "observed before then")
	flags.StringVar(&x.asked.Machine, "machine", "", "on this machine: its id or name")
	flags.StringVar(&x.asked.Rule, "rule", "", "decided by this rule")
	flags.StringVar(&x.asked.Outcome, "outcome", "", "that ended so, such as isolated, held or \"no rule\"")
	flags.StringVar(&x.asked.Severity, "severity", "", "of an alert of this severity")
	flags.Int64Var(&x.asked.Incident, "incident", 0, "of an alert of this incident")
	flags.StringVar(&x.asked.Alert, "alert", "", "of this alert: all its versions")
	flags.IntVar(&x.limit, "limit", runsUsual, "at most so many, 1 to 10000")
	c.AddCommand(CountRuns(p))
	return c
}

func (x *listing) run(cmd *cobra.Command, _ []string) error {
	if x.limit < 1 || x.limit > runsMost {
		return call.Usagef("--limit %d is out of bounds: expected 1 to %d", x.limit, runsMost)
	}
	var err error
	x.asked.Since, err = x.Clock().Moment("--since", x.since)
	if err == nil {
		x.asked.Until, err = x.Clock().Moment("--until", x.until)
	}
	if err != nil {
		return err
	}
	return call.Ask(cmd, &x.Operator, x.read, func(w io.Writer, all wire.Runs) error {
		if len(all.Runs) == 0 {
			return x.none(w)
		}
		return printRuns(w, x.Clock(), all)
	}, config.Ledger)
}

// read reads pages until there are as many as are wanted.
func (x *listing) read(ctx context.Context, desk operate.Desk) (all wire.Runs, err error) {
	all.Runs = []wire.RunLine{}
	q := x.asked
	for {
		q.Limit = min(x.limit-len(all.Runs), runsPage)
		page, err := desk.Runs(ctx, q)
		if err != nil {
			return all, err
		}
		all.Runs = append(all.Runs, page.Runs...)
		all.Next, q.After = page.Next, page.Next
		if page.Next == "" || len(all.Runs) >= x.limit {
			break
		}
	}
	if len(all.Runs) == 0 && (q.Rule != "" || q.Outcome != "") {
		x.counts, err = desk.Counts(ctx, daysUsual)
	}
	return all, err
}

// none says that there is no such run, and of a rule or an outcome that no run had lately which there are.
func (x *listing) none(w io.Writer) error {
	said := "there is no such run; the record keeps them for CORDON_RETENTION"
	for _, filter := range []struct {
		value, what string
		of          func(wire.Count) string
	}{
		{x.asked.Rule, "rule", func(c wire.Count) string { return c.Rule }},
		{x.asked.Outcome, "outcome", func(c wire.Count) string { return c.Outcome }},
	} {
		var known []string
		for _, c := range x.counts.Counts {
			if value := filter.of(c); value != "" && !slices.Contains(known, value) {
				known = append(known, value)
			}
		}
		if filter.value == "" || len(known) == 0 || slices.Contains(known, filter.value) {
			continue
		}
		slices.Sort(known)
		said += fmt.Sprintf(". No run of %d days had the %s %s; %s", daysUsual, filter.what, filter.value,
			spelling.Suggest(filter.value, known))
	}
	return terminal.Lines(w, call.FactShown, said)
}

func printRuns(w io.Writer, now call.Clock, all wire.Runs) error {
	list := terminal.List{
		Heading: []string{"OBSERVED (" + now.Zoned() + ")", "SEVERITY", "OUTCOME", "RULE", "MACHINE"},
		Cut:     []int{2, 3, 4},
	}
	for _, r := range all.Runs {
		list.Rows = append(list.Rows, terminal.Entry{
			Cells: []string{
				now.Minute(r.Observed),
				r.Severity,
				cmp.Or(r.Outcome, "("+r.State+")"),
				cmp.Or(r.Rule, "-"),
				cmp.Or(r.MachineName, r.MachineID, "-"),
			},
			Below: []string{strings.TrimSpace(r.Run + "  " + r.Title)},
		})
	}
	if err := list.Write(w, call.CellShown); err != nil {
		return err
	}
	if all.Next != "" {
		return call.Say(w, "there are more; --limit shows up to %d", runsMost)
	}
	return nil
}

// CountRuns makes the command that counts runs.
func CountRuns(p call.Program) *cobra.Command {
	o, days := &call.Operator{Program: p}, 0
	c := &cobra.Command{
		Use:   "count",
		Short: "Count how many runs of which rule ended how",
		Long: "Of the last days, today among them, from counts that the app makes: of today and\n" +
			"yesterday every 15 minutes at least, of the 28 days before once a day. What a\n" +
			"rule in observe mode would have done counts beside what others did, so that it\n" +
			"can be promoted with numbers. A run of several rules or outcomes counts once for\n" +
			"each. Changes nothing." +
			call.Exits,
		Example: "  cordon runs count\n" +
			"  cordon runs count --days 7 --json | jq '.counts[] | select(.mode == \"observe\")'",
		Args: call.NoOperand("runs count"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > daysMost {
				return call.Usagef("--days %d is out of bounds: expected 1 to %d", days, daysMost)
			}
			return countRuns(cmd, o, days)
		},
	}
	o.ReadFlags(c)
	c.Flags().IntVar(&days, "days", daysUsual, "so many days, 1 to 400")
	return c
}

// How many days are counted.
const (
	daysUsual = 30
	daysMost  = 400
)

func countRuns(cmd *cobra.Command, o *call.Operator, days int) error {
	count := func(ctx context.Context, desk operate.Desk) (wire.Counts, error) {
		return desk.Counts(ctx, days)
	}
	return call.Ask(cmd, o, count, func(w io.Writer, all wire.Counts) error {
		return printCounts(w, o.Clock(), all, days)
	}, config.Ledger)
}

func printCounts(w io.Writer, now call.Clock, all wire.Counts, days int) error {
	asOf := fmt.Sprintf("as of %s; today is counted every 15 minutes at least", now.Stamp(all.Counted))
	switch {
	case len(all.Days) > 0 && all.Runs == 0:
		return terminal.Lines(w, call.FactShown, fmt.Sprintf("no run was counted in %d days, %s", len(all.Days), asOf))
	case len(all.Days) == 0:
		return call.Say(w, "nothing is counted yet: FollowActions counts when it runs")
	}
	rows := [][]string{{"RULE", "MODE", "OUTCOME", "RUNS"}}
	for _, c := range all.Counts {
		rows = append(rows, []string{
			cmp.Or(c.Rule, "(no rule)"),
			cmp.Or(c.Mode, "-"),
			cmp.Or(c.Outcome, "(not over)"),
			fmt.Sprint(c.Runs),
		})
	}
	if err := terminal.Table(w, call.CellShown, rows...); err != nil {
		return err
	}
	of := fmt.Sprintf("%d runs in %d days", all.Runs, len(all.Days))
	if len(all.Days) < days {
		of += fmt.Sprintf(" (%d more are not counted yet)", days-len(all.Days))
	}
	return terminal.Lines(w, call.FactShown, "", of+", "+asOf)
}
