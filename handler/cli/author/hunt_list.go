package author

import (
	"cmp"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

func huntListCommand(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the app's hunts: their turns, and what they found",
		Long: "ROWS is what the query gave at its last turn that succeeded, NEW what of it was\n" +
			"reported. Below a hunt stands why its newest turn came to no result, if it did.\n" +
			"With --direct it needs the folder of hunts and the settings of the ledger.\n" +
			"Changes nothing." +
			call.Exits,
		Example: "  cordon hunt list\n" +
			"  cordon hunt list --json | jq '.hunts[] | select(.trouble)'",
		Args: call.NoOperand("list"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listHunts(cmd, o)
		},
	}
	o.ReadFlags(c)
	return c
}

func listHunts(cmd *cobra.Command, o *call.Operator) error {
	if o.Direct {
		if _, err := setup.Hunts(folderOf(o.Getenv)); err != nil {
			return err
		}
	}
	desk, done, err := o.Desk(cmd, config.Ledger)
	if err != nil {
		return err
	}
	defer done()
	all, err := desk.Hunts(cmd.Context())
	if err != nil {
		return err
	}
	return o.Show(cmd, all, func(w io.Writer) error {
		return printHunts(w, o.Clock(), all.Hunts)
	})
}

func printHunts(w io.Writer, now call.Clock, all []wire.Hunt) error {
	if len(all) == 0 {
		return call.Say(w, "the app has no hunts")
	}
	list := terminal.List{
		Heading: []string{"HUNT", "DO", "LAST RUN", "NEXT RUN", "ROWS", "NEW"},
		Cut:     []int{0},
	}
	for _, h := range all {
		row := terminal.Entry{Cells: []string{
			h.Name,
			h.Do,
			cmp.Or(now.Age(h.Last), "never"),
			now.Age(h.Next),
			strconv.Itoa(h.Rows),
			strconv.Itoa(h.New),
		}}
		if h.Trouble != "" {
			row.Below = []string{h.Trouble}
		}
		list.Rows = append(list.Rows, row)
	}
	return list.Write(w, call.FactShown)
}
