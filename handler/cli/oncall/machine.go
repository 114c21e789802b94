package oncall

import (
	"cmp"
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/cli/record"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// Machine makes the command that shows one machine.
func Machine(p call.Program) *cobra.Command {
	o, watch := &call.Operator{Program: p}, false
	c := &cobra.Command{
		Use:   "machine MACHINE",
		Short: "Show one machine: isolation, what is held, episodes, actions",
		Long: "And what it is, and what people did to it. Named by its id, its name, or the\n" +
			"beginning of an id that a list shows. Actions are those of 90 days, newest\n" +
			"first; their ids are what cordon cancel wants. Changes nothing." +
			call.Exits,
		Example: "  cordon machine ws-0147\n" +
			"  cordon machine 1e5bc9d7 --watch\n" +
			"  cordon machine ws-0147 --json | jq '.actions[0]'",
		Args: call.Exactly(1, "machine takes one machine"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return showMachine(cmd, o, args[0], watch)
		},
	}
	o.ReadFlags(c)
	c.Flags().BoolVar(&watch, "watch", false, "look again every 10 s and show what changed, until Ctrl-C")
	return c
}

func showMachine(cmd *cobra.Command, o *call.Operator, which string, watch bool) error {
	desk, done, err := o.Desk(cmd, config.Ledger, config.Defender)
	if err != nil {
		return err
	}
	defer done()
	look := func(ctx context.Context) (call.Look, error) {
		return seeMachine(ctx, o, desk, which)
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

func seeMachine(
	ctx context.Context,
	o *call.Operator,
	desk operate.Desk,
	which string,
) (call.Look, error) {
	m, err := machineOf(ctx, desk, which)
	return call.Look{
		Value: m,
		Print: func(w io.Writer) error {
			return printMachine(w, o.Clock(), m)
		},
	}, err
}

func printMachine(w io.Writer, now call.Clock, m wire.Machine) error {
	rows := [][]string{
		{"machine", cmp.Or(m.Name, "(no name)")},
		{"id", m.ID},
		{"system", m.OS},
		{"group", m.Group},
		{"tags", strings.Join(m.Tags, ", ")},
		{"value", m.Value},
		{"health", m.Health},
		{"last seen", now.Stamp(m.LastSeen)},
	}
	var facts [][]string
	for _, row := range rows {
		if row[1] != "" {
			facts = append(facts, row)
		}
	}
	if err := terminal.Pairs(w, call.FactShown, facts...); err != nil {
		return err
	}
	if err := printState(w, now, m); err != nil {
		return err
	}
	if err := printEpisodes(w, now, m.Episodes); err != nil {
		return err
	}
	if err := printActions(w, now, m); err != nil {
		return err
	}
	if len(m.Commands) == 0 {
		return nil
	}
	if err := call.Say(w, "\nby hand:"); err != nil {
		return err
	}
	return record.PrintJournal(w, now, m.Commands)
}

// printState prints whether the machine is isolated, and what is held.
func printState(w io.Writer, now call.Clock, m wire.Machine) error {
	if err := call.Say(w, ""); err != nil {
		return err
	}
	var isolated []wire.Isolation
	if m.Isolation != nil {
		isolated = append(isolated, *m.Isolation)
	}
	if len(isolated) == 0 {
		if err := call.Say(w, m.State); err != nil {
			return err
		}
	} else if err := printIsolated(w, now, isolated); err != nil {
		return err
	}
	if len(m.Held) == 0 {
		return nil
	}
	if err := call.Say(w, "\nheld:"); err != nil {
		return err
	}
	return printHeld(w, now, m.Held)
}

// printEpisodes prints what was done to the machine, and how it ended.
func printEpisodes(w io.Writer, now call.Clock, episodes []wire.Episode) error {
	if len(episodes) == 0 {
		return nil
	}
	if err := call.Say(w, "\nepisodes:"); err != nil {
		return err
	}
	list := terminal.List{
		Heading: []string{"WHAT", "STATE", "SINCE", "ENDED", "BY"},
		Cut:     []int{0, 4},
	}
	for _, e := range episodes {
		row := terminal.Entry{Cells: []string{
			e.Kind,
			cmp.Or(e.End, e.State),
			now.Age(e.Began),
			now.Age(e.Ended),
			cmp.Or(e.Requestor, e.By),
		}}
		for _, line := range []struct{ name, text string }{{"", e.Why}, {"run: ", e.RunID}} {
			if line.text != "" {
				row.Below = append(row.Below, line.name+line.text)
			}
		}
		list.Rows = append(list.Rows, row)
	}
	return list.Write(w, call.FactShown)
}

func printActions(w io.Writer, now call.Clock, m wire.Machine) error {
	if len(m.Actions) == 0 {
		return call.Say(w, "\nno actions of 90 days")
	}
	if err := call.Say(w, "\nactions of 90 days:"); err != nil {
		return err
	}
	ids := make([]string, len(m.Actions))
	for i, a := range m.Actions {
		ids[i] = a.ID
	}
	short := call.Short(ids)
	list := terminal.List{
		Heading: []string{"ACTION", "TYPE", "STATUS", "SINCE", "BY"},
		Cut:     []int{1, 4},
	}
	for _, a := range m.Actions {
		row := terminal.Entry{Cells: []string{
			short(a.ID),
			a.Type,
			a.Status,
			now.Age(a.Created),
			a.Requestor,
		}}
		if a.Comment != "" {
			row.Below = []string{a.Comment}
		}
		list.Rows = append(list.Rows, row)
	}
	if err := list.Write(w, call.CellShown*2); err != nil {
		return err
	}
	if m.More {
		return call.Say(w, "there are more actions")
	}
	return nil
}
