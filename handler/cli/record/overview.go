package record

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// Overview makes the command that shows the last 24 hours.
func Overview(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "overview",
		Short: "Show the last 24 hours by hour, and what is under way",
		Long: "How many alerts came, how they were answered, how long it took from the first\n" +
			"sight of an alert until Defender had isolated its machine, and what is not over.\n" +
			"In each bar # stands for runs whose machine Cordon isolated, - for others. The\n" +
			"app counts every few minutes; the page says when it did. Changes nothing." +
			call.Exits,
		Example: "  cordon overview\n" +
			"  cordon overview --json | jq .toIsolation",
		Args: call.NoOperand("overview"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ask := func(ctx context.Context, desk operate.Desk) (wire.Overview, error) {
				return desk.Overview(ctx)
			}
			return call.Ask(cmd, o, ask, func(w io.Writer, all wire.Overview) error {
				return printOverview(w, o.Clock(), all)
			}, config.Ledger)
		},
	}
	o.ReadFlags(c)
	return c
}

func printOverview(w io.Writer, now call.Clock, all wire.Overview) error {
	var err error
	if all.Counted.IsZero() {
		err = call.Say(w, "nothing is counted yet: FollowActions counts when it runs")
	} else {
		err = printCounted(w, now, all)
	}
	if err != nil {
		return err
	}
	return printUnderWay(w, now, all)
}

func printCounted(w io.Writer, now call.Clock, all wire.Overview) error {
	facts := [][]string{
		{"runs", fmt.Sprintf("%d since %s, as of %s", all.Runs, now.Minute(all.Since), now.Stamp(all.Counted))},
	}
	var ended []string
	for _, o := range all.Outcomes {
		ended = append(ended, fmt.Sprintf("%s %d", cmp.Or(o.Outcome, "(not over)"), o.Runs))
	}
	if len(ended) > 0 {
		facts = append(facts, []string{"ended", strings.Join(ended, ", ")})
	}
	if took := all.ToIsolation; took.Runs > 0 {
		facts = append(facts, []string{"to isolation", fmt.Sprintf("half of %d runs within %s, 95 of 100 within %s",
			took.Runs, lasting(took.P50), lasting(took.P95))})
	}
	if err := terminal.Pairs(w, call.FactShown, facts...); err != nil {
		return err
	}
	if err := call.Say(w, ""); err != nil {
		return err
	}
	return printHours(w, now, all.Hours)
}

// lasting is a time of so many seconds, such as 45s, 2m10s or 1h30m.
func lasting(seconds int) string {
	text := (time.Duration(seconds) * time.Second).String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// barRoom is how long the longest bar is.
const barRoom = 40

func printHours(w io.Writer, now call.Clock, hours []wire.HourCount) error {
	most := barRoom
	for _, h := range hours {
		most = max(most, h.Runs)
	}
	rows := [][]string{{"FROM (" + now.Zoned() + ")", "RUNS", "ISOLATED", "HELD", ""}}
	for _, h := range hours {
		rows = append(rows, []string{
			h.At.In(now.Zone).Format("15:04"),
			fmt.Sprint(h.Runs),
			fmt.Sprint(h.Isolated),
			fmt.Sprint(h.Held),
			bar(h, most),
		})
	}
	return terminal.Table(w, call.CellShown, rows...)
}

// bar draws an hour, where most runs fill the room. What is not nothing is seen.
func bar(h wire.HourCount, most int) string {
	long := func(runs int) int {
		return (runs*barRoom + most - 1) / most
	}
	isolated := min(long(h.Isolated), long(h.Runs))
	return strings.Repeat("#", isolated) + strings.Repeat("-", long(h.Runs)-isolated)
}

// underWayShown is how many of the runs that are not over are shown.
const underWayShown = 10

func printUnderWay(w io.Writer, now call.Clock, all wire.Overview) error {
	if len(all.UnderWay) == 0 {
		return call.Say(w, "\nnothing is under way")
	}
	if err := call.Say(w, "\nunder way:"); err != nil {
		return err
	}
	shown := all.UnderWay[:min(len(all.UnderWay), underWayShown)]
	if err := printRuns(w, now, wire.Runs{Runs: shown}); err != nil {
		return err
	}
	if all.More || len(all.UnderWay) > len(shown) {
		return call.Say(w, "there are more; cordon runs lists them among all runs")
	}
	return nil
}
