package oncall

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/machine"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// Isolated makes the command that lists isolated machines.
func Isolated(p call.Program) *cobra.Command {
	o, watch := &call.Operator{Program: p}, false
	c := &cobra.Command{
		Use:   "isolated",
		Short: "List isolated machines: since and until when, by whom and why",
		Long: "What Defender lists, held against what the ledger believes, newest first.\n" +
			"Defender's API has no field that says whether a machine is isolated: the last\n" +
			"isolation or release that was done decides, and how long ago that was. ENDS is\n" +
			"when Defender lifts the isolation by itself, which the API does not show. BY is\n" +
			"Cordon, or who else asked for it. Where the two differ a line says in what. IDs\n" +
			"are cut as far as they can be told apart; every command takes them so. Changes\n" +
			"nothing." +
			call.Exits,
		Example: "  cordon isolated\n" +
			"  cordon isolated --watch\n" +
			"  cordon isolated --json | jq '.machines[] | select(.drift)'",
		Args: call.NoOperand("isolated"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listIsolated(cmd, o, watch)
		},
	}
	o.ReadFlags(c)
	c.Flags().BoolVar(&watch, "watch", false, "look again every 10 s and show what changed, until Ctrl-C")
	return c
}

func listIsolated(cmd *cobra.Command, o *call.Operator, watch bool) error {
	desk, done, err := o.Desk(cmd, config.Ledger, config.Defender)
	if err != nil {
		return err
	}
	defer done()
	look := func(ctx context.Context) (call.Look, error) {
		return seeIsolated(ctx, o, desk)
	}
	if watch {
		return o.Watch(cmd, look)
	}
	seen, err := look(cmd.Context())
	if err != nil {
		return err
	}
	return o.Show(cmd, seen.Value, seen.Print)
}

func seeIsolated(ctx context.Context, o *call.Operator, desk operate.Desk) (call.Look, error) {
	all, err := desk.Isolated(ctx)
	if err != nil {
		return call.Look{}, err
	}
	pause, err := desk.Pause(ctx)
	return call.Look{
		Value: all,
		Print: func(w io.Writer) error {
			if err := sayPause(w, o.Clock(), pause); err != nil {
				return err
			}
			return printIsolated(w, o.Clock(), all.Machines)
		},
	}, err
}

func printIsolated(w io.Writer, now call.Clock, all []wire.Isolation) error {
	if len(all) == 0 {
		return call.Say(w, "no machine is isolated")
	}
	short := call.Short(machineIDs(all))
	list := terminal.List{
		Heading: []string{"MACHINE", "ID", "STATE", "SINCE", "ENDS", "BY"},
		Cut:     []int{0, 2, 5},
	}
	for _, i := range all {
		list.Rows = append(list.Rows, terminal.Entry{
			Cells: []string{
				cmp.Or(i.MachineName, "(no name)"),
				short(i.MachineID),
				i.State,
				now.Age(i.Since),
				now.Age(i.Until),
				asker(i),
			},
			Below: reasons(i),
		})
	}
	return list.Write(w, call.FactShown)
}

// reasons are the lines below a machine: which rule wanted it isolated and for which alert, and what is not as it
// should be.
func reasons(i wire.Isolation) (lines []string) {
	var of []string
	for _, part := range []string{i.Severity, i.AlertID} {
		if part != "" {
			of = append(of, part)
		}
	}
	why := i.Title
	if len(of) > 0 {
		why = strings.TrimSpace(fmt.Sprintf("%s (%s)", why, strings.Join(of, ", ")))
	}
	if i.Rule != "" {
		why = strings.TrimSuffix(fmt.Sprintf("rule %s: %s", i.Rule, why), ": ")
	}
	if why != "" {
		lines = append(lines, why)
	}
	if i.Drift != "" {
		lines = append(lines, fmt.Sprintf("the ledger says %s: %s", i.Ledger, i.Drift))
	}
	return lines
}

// asker is who asked for the isolation, for people.
func asker(i wire.Isolation) string {
	if i.By == string(machine.ByCordon) {
		return i.By
	}
	return cmp.Or(i.Requestor, i.By)
}

func machineIDs(all []wire.Isolation) (ids []string) {
	for _, i := range all {
		ids = append(ids, i.MachineID)
	}
	return ids
}
