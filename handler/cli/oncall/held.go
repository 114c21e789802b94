package oncall

import (
	"cmp"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/alert"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// Held makes the command of what rails hold.
func Held(p call.Program) *cobra.Command {
	group := &cobra.Command{
		Use:   "held",
		Short: "Look at what rails held, continue with it or drop it",
		Long: "Protected machines, caps, stale alerts, pauses and rules without an answer hold\n" +
			"a step for a person: an isolation, a scan, a release, a tag, … It stays listed\n" +
			"until somebody continues with it or drops it, until a newer version of the alert\n" +
			"is answered, and for as long as the ledger keeps its run.",
		Example: "  cordon held list\n" +
			"  cordon held run da638994417204415533_-1184209733 --reason 'spoke to the owner'\n" +
			"  cordon held drop --all --reason 'false alarm'",
	}
	return call.Group(group, "list, run or drop",
		heldListCommand(p), heldRunCommand(p), heldDropCommand(p))
}

func heldListCommand(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "list",
		Short: "List what is held, newest first",
		Long: "Ids are those of alerts, whole, as every command takes them; held run and held\n" +
			"drop take the beginning of one too. Changes nothing." +
			call.Exits,
		Example: "  cordon held list\n" +
			"  cordon held list --json | jq -r '.held[] | select(.over == null) | .alertId'",
		Args: call.NoOperand("held list"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listHeld(cmd, o)
		},
	}
	o.ReadFlags(c)
	return c
}

func heldRunCommand(p call.Program) *cobra.Command {
	o, all := &call.Operator{Program: p}, false
	c := &cobra.Command{
		Use:   "run ALERT...|--all",
		Short: "Continue with what was held: the steps that held list shows",
		Long: "Alert and machine are read again first: if the alert has changed, or the\n" +
			"machine's name, tags, group, value or operating system, it is refused with the\n" +
			"reason. So is everything while acting is paused. The app then answers the alert\n" +
			"again: rails do not hold it a second time, all else is as ever. It counts\n" +
			"against the caps. Asks first on a terminal; elsewhere it wants --yes." +
			call.Exits,
		Example: "  cordon held run da638994417204415533_-1184209733 --reason 'spoke to the owner'\n" +
			"  cordon held run --all --reason 'the outbreak is real' --yes --json",
		Args: alertsOrAll("held run", &all),
		RunE: func(cmd *cobra.Command, args []string) error {
			return takeHeld(cmd, o, args, all, continuing())
		},
	}
	o.WriteFlags(c, "why; it is recorded with the run")
	c.Flags().BoolVar(&all, "all", false, "all that can be continued now")
	return c
}

func heldDropCommand(p call.Program) *cobra.Command {
	o, all := &call.Operator{Program: p}, false
	c := &cobra.Command{
		Use:   "drop ALERT...|--all",
		Short: "Decide that what was held is not done",
		Long: "The run is recorded as dropped, with who and why. A change of the alert is\n" +
			"answered as ever. Asks first on a terminal; elsewhere it wants --yes." +
			call.Exits,
		Example: "  cordon held drop da638994417204415533_-1184209733 --reason 'false alarm'",
		Args:    alertsOrAll("held drop", &all),
		RunE: func(cmd *cobra.Command, args []string) error {
			return takeHeld(cmd, o, args, all, droppingHeld())
		},
	}
	o.WriteFlags(c, "why; it is recorded with the run")
	c.Flags().BoolVar(&all, "all", false, "all that is listed")
	return c
}

func alertsOrAll(command string, all *bool) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case *all && len(args) > 0:
			return call.Usagef("either alerts or --all, not both")
		case !*all && len(args) == 0:
			return call.Usagef("%s wants the ids of alerts that cordon held list shows, or --all", command)
		}
		for _, id := range args {
			if err := alert.CheckID(id); err != nil {
				return call.Usagef("alert id %w", err) // it quotes the id
			}
		}
		return nil
	}
}

func listHeld(cmd *cobra.Command, o *call.Operator) error {
	desk, done, err := o.Desk(cmd, config.Ledger)
	if err != nil {
		return err
	}
	defer done()
	all, err := desk.Held(cmd.Context())
	if err != nil {
		return err
	}
	pause, err := desk.Pause(cmd.Context())
	if err != nil {
		return err
	}
	return o.Show(cmd, all, func(w io.Writer) error {
		if err := sayPause(w, o.Clock(), pause); err != nil {
			return err
		}
		if len(all.Held) == 0 {
			return call.Say(w, "nothing is held")
		}
		return printHeld(w, o.Clock(), all.Held)
	})
}

// printHeld writes what is held, a line for each alert and below it its steps.
func printHeld(w io.Writer, now call.Clock, all []wire.HeldEntry) error {
	list := terminal.List{
		Heading: []string{"ALERT", "MACHINE", "SEVERITY", "RULE", "SINCE"},
		Cut:     []int{1, 3},
	}
	for _, h := range all {
		row := terminal.Entry{Cells: []string{
			h.AlertID, cmp.Or(h.MachineName, h.MachineID), h.Severity, h.Rule, now.Age(h.At),
		}}
		if h.Title != "" {
			row.Below = append(row.Below, h.Title)
		}
		for _, s := range h.Steps {
			row.Below = append(row.Below, s.Step+": "+s.Reason)
		}
		if h.Over != "" {
			row.Below = append(row.Below, "cannot be continued: "+h.Over)
		}
		list.Rows = append(list.Rows, row)
	}
	return list.Write(w, call.FactShown)
}
