package oncall

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/alert"
	"cordon/handler/cli/call"
	"cordon/handler/terminal"
)

// heldView is one line of what is held.
type heldView struct {
	AlertID     string     `json:"alertId"`
	Version     int        `json:"version"`
	MachineID   string     `json:"machineId"`
	MachineName string     `json:"machineName"`
	Title       string     `json:"title"`
	Severity    string     `json:"severity"`
	Rule        string     `json:"rule"`
	Steps       []heldStep `json:"steps"`  // at least one
	Reason      string     `json:"reason"` // of all of them
	At          time.Time  `json:"at"`
	Over        string     `json:"over,omitempty"` // why it cannot be continued any more
}

// heldStep is one step that is held.
type heldStep struct {
	Step   string `json:"step"`
	Reason string `json:"reason"`
}

// Held makes the command of what rails hold.
func Held(getenv func(string) string) *cobra.Command {
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
		heldListCommand(getenv), heldRunCommand(getenv), heldDropCommand(getenv))
}

func heldListCommand(getenv func(string) string) *cobra.Command {
	o := &call.Operator{Getenv: getenv}
	c := &cobra.Command{
		Use:   "list",
		Short: "List what is held, oldest first, and whether it can still be continued",
		Long: "Needs the settings of the ledger: AzureWebJobsStorage (or its account) and\n" +
			"CORDON_TENANT_ID. Changes nothing." +
			call.UsualExits(),
		Example: "  cordon held list\n" +
			"  cordon held list --json | jq -r '.held[] | select(.over == null) | .alertId'",
		Args: call.NoOperand("held list"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listHeld(cmd, o)
		},
	}
	o.JSONFlag(c)
	return c
}

func heldRunCommand(getenv func(string) string) *cobra.Command {
	o, all := &call.Operator{Getenv: getenv}, false
	c := &cobra.Command{
		Use:   "run ALERT...|--all",
		Short: "Continue with what was held: the steps that held list shows",
		Long: "Alert and machine are read again first: if the alert has changed, or the\n" +
			"machine's name, tags, group, value or operating system, it is refused with the\n" +
			"reason. So is everything while acting is paused. The app then answers the alert\n" +
			"again: rails do not hold it a second time, all else is as ever. It counts\n" +
			"against the caps. Needs the settings of the ledger, the queues and the app\n" +
			"registration or managed identity. Asks first on a terminal; elsewhere it wants\n" +
			"--yes." +
			call.UsualExits(),
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

func heldDropCommand(getenv func(string) string) *cobra.Command {
	o, all := &call.Operator{Getenv: getenv}, false
	c := &cobra.Command{
		Use:   "drop ALERT...|--all",
		Short: "Decide that what was held is not done",
		Long: "The run is recorded as dropped, with who and why. A change of the alert is\n" +
			"answered as ever. Needs the settings of the ledger. Asks first on a terminal;\n" +
			"elsewhere it wants --yes." +
			call.UsualExits(),
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
	_, store, err := o.Ledger(cmd.Context())
	if err != nil {
		return err
	}
	states, err := deskOver(store).List(cmd.Context())
	if err != nil {
		return err
	}
	views := []heldView{}
	for _, s := range states {
		v := heldView{
			AlertID:     s.AlertID,
			Version:     s.Version,
			MachineID:   s.MachineID,
			MachineName: s.MachineName,
			Title:       s.Title,
			Severity:    s.Severity,
			Rule:        s.Rule,
			Reason:      s.Reason,
			At:          s.At,
			Over:        s.Over,
		}
		for _, step := range s.Wanted() {
			v.Steps = append(v.Steps, heldStep{step.Step, step.Reason})
		}
		views = append(views, v)
	}
	return o.Show(cmd, map[string]any{"held": views}, func(w io.Writer) error {
		if len(views) == 0 {
			return call.Say(w, "nothing is held")
		}
		for _, v := range views {
			if err := v.print(w); err != nil {
				return err
			}
		}
		return nil
	})
}

// print writes what is held of an alert as lines that a narrow terminal has room for.
func (v heldView) print(w io.Writer) error {
	can := "can be continued"
	if v.Over != "" {
		can = "cannot be continued: " + v.Over
	}
	lines := []string{v.AlertID + " on " + cmp.Or(v.MachineName, v.MachineID)}
	for _, s := range v.Steps {
		lines = append(lines, "  "+s.Step+": "+s.Reason)
	}
	lines = append(lines,
		fmt.Sprintf("  %s, rule %s, since %s; %s", v.Severity, v.Rule, call.Stamp(v.At), can))
	return terminal.Lines(w, call.FactShown, lines...)
}
