package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"cordon/local/chaos"
	"cordon/local/world"
)

// chaosOptions are the flags of `local chaos`.
type chaosOptions struct {
	chaos.Options
	point       chaos.Point
	boundary    string
	kind        string
	undisturbed bool
	quick       bool
	out         io.Writer
}

// A quick sweep: about how many runs, and when no more begin.
const (
	quickRuns = 120
	quickTime = 9 * time.Minute
)

func chaosCommand() *cobra.Command {
	o := chaosOptions{out: os.Stdout}
	c := &cobra.Command{
		Use:   "chaos",
		Short: "Kill the handler at everything that it sends, and prove that nothing is lost or done twice",
		Args:  cobra.NoArgs,
		Long: "Plays a small scenario with the real binary again and again and strikes once in each: at the k-th " +
			"thing that a function sends over\n" +
			"one boundary, before it is served, after it is served and before the answer, or by losing the answer. " +
			"Prints a table, and every broken\n" +
			"promise with the command that repeats it. Exits 0 if every promise held, 1 if one was broken or the " +
			"sweep could not be made.",
		Example: "  local chaos --app dist\n  local chaos --app dist --quick\n  local chaos --app dist --boundary " +
			"tables --by RespondToAlert --k 17 --kind served --with-host --verbose\n" +
			"  local chaos --app dist --sabotage double-post",
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	f := c.Flags()
	f.StringVar(&o.App, "app", "dist", "the staged folder with host.json and the binary")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the scenario, of the sample and of how early or late timers tick")
	f.StringVar(&o.Source, "source", world.OnlyDefender, "where alerts are read: defender, graph or both")
	f.BoolVar(&o.quick, "quick", false, "a sample spread over all boundaries and kinds instead of every k")
	f.IntVar(&o.Parallel, "parallel", 0, "runs at once; 0: four for each processor")
	f.StringVar(&o.Keep, "keep", "build/chaos", "folder for the logs of runs that broke a promise")
	f.StringVar(&o.boundary, "boundary", "",
		"strike at this boundary only: defender, graph, entra, tables, transfers, management, claims, dispositions or smtp")
	f.StringVar(&o.point.By, "by", "", "count only what this function sends; empty: what any function sends")
	f.IntVar(&o.point.K, "k", 1, "strike at the k-th thing that is sent")
	f.StringVar(&o.kind, "kind", "",
		"strike in this way only; with --boundary it is before if nothing is said.\nbefore: killed, not served; "+
			"served: served, then killed; lost: served, answer lost, process alive;\n"+
			"stopped, drained: served and answered, while the host ends in order and a new one starts")
	f.BoolVar(&o.point.WithHost, "with-host", false,
		"kill all processes and the host, so that locks lapse, instead of the process that sent")
	f.BoolVar(&o.undisturbed, "undisturbed", false, "play the scenario once without a strike")
	f.StringVar(&o.Sabotage, "sabotage", "", "break a promise on purpose, to see the table notice")
	f.BoolVar(&o.Verbose, "verbose", false, "show the handler's log of each run")
	return c
}

func (o *chaosOptions) run(ctx context.Context) error {
	var err error
	if o.Playbook, err = world.Enforcing(o.App); err != nil {
		return err
	}
	o.point.Boundary, o.point.Kind = chaos.Boundary(o.boundary), cmp.Or(chaos.Kind(o.kind), chaos.Before)
	switch {
	case o.undisturbed:
		o.Only = &chaos.Point{}
	case o.boundary != "":
		o.Only = &o.point
	default:
		o.Kind = chaos.Kind(o.kind)
	}
	if o.quick {
		o.Sample, o.Within = quickRuns, quickTime
	}
	o.Progress = os.Stderr
	report, err := chaos.Run(ctx, o.Options)
	if err != nil {
		return err
	}
	if o.Verbose {
		for _, log := range report.Logs() {
			fmt.Fprintln(o.out, log)
		}
	}
	report.Table(o.out)
	failures := report.Failures()
	for _, failure := range failures {
		fmt.Fprintln(os.Stderr, "broken:", failure)
	}
	fmt.Fprintf(o.out, "\nseed %d, %s", report.Seed, report.Took.Round(time.Second))
	if n := report.LeftOut(); n > 0 {
		fmt.Fprintf(o.out, ", %d runs left out for want of time", n)
	}
	fmt.Fprintln(o.out)
	if len(failures) > 0 {
		return errBroken
	}
	return nil
}
