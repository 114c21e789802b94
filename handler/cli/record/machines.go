package record

import (
	"cmp"
	"context"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// Machines makes the command that finds machines by how their name begins.
func Machines(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "machines PREFIX",
		Short: "Find machines of the record by how their name or id begins",
		Long: "Machines on which Cordon saw an alert, under every name that they had then; at\n" +
			"most 50. LAST SEEN is when an alert on it came, or its run ended. What a machine\n" +
			"is now, cordon machine shows. Changes nothing." +
			call.Exits,
		Example: "  cordon machines ws-01\n" +
			"  cordon machines 1e5b --json | jq -r '.machines[].name'",
		Args: call.Exactly(1, "machines takes the beginning of a name or an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return call.Usagef("machines takes the beginning of a name or an id")
			}
			ask := func(ctx context.Context, desk operate.Desk) (wire.MachineNames, error) {
				return desk.Machines(ctx, args[0])
			}
			return call.Ask(cmd, o, ask, func(w io.Writer, all wire.MachineNames) error {
				return printMachines(w, o.Clock(), all)
			}, config.Ledger)
		},
	}
	o.ReadFlags(c)
	return c
}

func printMachines(w io.Writer, now call.Clock, all wire.MachineNames) error {
	if len(all.Machines) == 0 {
		return call.Say(w, "the record has no such machine; it keeps them for CORDON_RETENTION")
	}
	list := terminal.List{
		Heading: []string{"MACHINE", "LAST SEEN (" + now.Zoned() + ")", "ID"},
		Cut:     []int{0},
	}
	for _, m := range all.Machines {
		list.Rows = append(list.Rows, terminal.Entry{Cells: []string{
			cmp.Or(m.Name, "(no name)"),
			now.Minute(m.Seen),
			m.ID,
		}})
	}
	if err := list.Write(w, call.CellShown); err != nil {
		return err
	}
	if all.More {
		return call.Say(w, "there are more; type more of the beginning")
	}
	return nil
}
