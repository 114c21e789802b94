package oncall

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/alert"
	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/desk"
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

// heldResult is one line of what run and drop did.
type heldResult struct {
	AlertID string `json:"alertId"`
	Done    bool   `json:"done"`
	Why     string `json:"why,omitempty"`
}

func Held(getenv func(string) string) *cobra.Command {
	group := &cobra.Command{
		Use:   "held",
		Short: "Look at what rails held, continue with it or drop it",
		Long: "Protected machines, caps, stale alerts, pauses and rules without an answer hold a step for a person: an isolation, a scan,\n" +
			"a release, a tag, … It stays listed until somebody continues with it or drops it, until a newer version of the alert is\n" +
			"answered, and for as long as the ledger keeps its run.",
		Example: "  cordon held list\n  cordon held run da638994417204415533_-1184209733 --reason 'spoke to the owner'\n  cordon held drop --all --reason 'false alarm'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return call.Usagef("held wants list, run or drop; see cordon held --help")
			}
			return call.Usagef("held has no command %q; see cordon held --help", args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args refuses every call
	}
	group.AddCommand(heldListCommand(getenv), heldRunCommand(getenv), heldDropCommand(getenv))
	return group
}

func heldListCommand(getenv func(string) string) *cobra.Command {
	o := &call.Operator{Getenv: getenv}
	c := &cobra.Command{
		Use:   "list",
		Short: "List what is held, oldest first, and whether it can still be continued",
		Long: "Needs the settings of the ledger: AzureWebJobsStorage (or its account) and CORDON_TENANT_ID. Changes nothing." +
			call.Exits(call.Done, call.Failed),
		Example: "  cordon held list\n  cordon held list --json | jq -r '.held[] | select(.over == null) | .alertId'",
		Args:    call.NoOperand("held list"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return listHeld(o, cmd) },
	}
	o.JSONFlag(c)
	return c
}

func heldRunCommand(getenv func(string) string) *cobra.Command {
	o, all := &call.Operator{Getenv: getenv}, false
	c := &cobra.Command{
		Use:   "run ALERT...|--all",
		Short: "Continue with what was held: the steps that held list shows",
		Long: "Alert and machine are read again first: if the alert has changed, or the machine's name, tags, group, value or\n" +
			"operating system, it is refused with the reason. So is everything while acting is paused. The app then answers the\n" +
			"alert again: rails do not hold it a second time, all else is as ever. It counts against the caps.\n" +
			"Needs the settings of the ledger, the queues and the app registration or managed identity.\n" +
			"Asks first on a terminal; elsewhere it wants --yes." + call.Exits(call.Done, call.Failed),
		Example: "  cordon held run da638994417204415533_-1184209733 --reason 'spoke to the owner'\n  cordon held run --all --reason 'the outbreak is real' --yes --json",
		Args:    alertsOrAll("held run", &all),
		RunE: func(cmd *cobra.Command, args []string) error {
			return takeHeld(o, cmd, args, all, "Continue with", []config.Need{config.Queues}, func(ctx context.Context, d *desk.Desk, s desk.HeldState) error {
				return d.Continue(ctx, s.Held, o.By, o.Reason)
			})
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
		Long: "The run is recorded as dropped, with who and why. A change of the alert is answered as ever.\n" +
			"Needs the settings of the ledger. Asks first on a terminal; elsewhere it wants --yes." + call.Exits(call.Done, call.Failed),
		Example: "  cordon held drop da638994417204415533_-1184209733 --reason 'false alarm'",
		Args:    alertsOrAll("held drop", &all),
		RunE: func(cmd *cobra.Command, args []string) error {
			return takeHeld(o, cmd, args, all, "Drop", nil, func(ctx context.Context, d *desk.Desk, s desk.HeldState) error {
				return d.Drop(ctx, s.Held, o.By, o.Reason)
			})
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

func listHeld(o *call.Operator, cmd *cobra.Command) error {
	_, store, err := o.Ledger(cmd.Context())
	if err != nil {
		return err
	}
	states, err := (&desk.Desk{Ledger: store, Now: time.Now}).List(cmd.Context())
	if err != nil {
		return err
	}
	views := []heldView{}
	for _, s := range states {
		v := heldView{s.AlertID, s.Version, s.MachineID, s.MachineName, s.Title, s.Severity, s.Rule, nil, s.Reason, s.At, s.Over}
		for _, step := range s.Wanted() {
			v.Steps = append(v.Steps, heldStep{step.Step, step.Reason})
		}
		views = append(views, v)
	}
	return o.Show(cmd, map[string]any{"held": views}, func(w io.Writer) error {
		if len(views) == 0 {
			_, err := fmt.Fprintln(w, "nothing is held")
			return err
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
	lines = append(lines, fmt.Sprintf("  %s, rule %s, since %s; %s", v.Severity, v.Rule, call.Stamp(v.At), can))
	return terminal.Lines(w, call.FactShown, lines...)
}

// takeHeld does something with each that is asked for, and says what became of each.
func takeHeld(o *call.Operator, cmd *cobra.Command, ids []string, all bool, verb string, needs []config.Need, act func(context.Context, *desk.Desk, desk.HeldState) error) error {
	if err := o.Check(cmd, true); err != nil {
		return err
	}
	ctx := cmd.Context()
	at, done, err := openDesk(ctx, o, needs)
	if err != nil {
		return err
	}
	defer done(ctx)
	states, err := at.List(ctx)
	if err != nil {
		return err
	}
	chosen, results := chooseHeld(states, ids, all, len(needs) > 0)
	if len(chosen) > 0 {
		if err := o.Confirm(cmd, fmt.Sprintf("%s\n%s %d?", shownOf(chosen), verb, len(chosen))); err != nil {
			return err
		}
	}
	for _, s := range chosen {
		r := heldResult{AlertID: s.AlertID, Done: true}
		if err := act(ctx, at, s); err != nil {
			r.Done, r.Why = false, err.Error()
		}
		results = append(results, r)
	}
	return reportHeld(o, cmd, results)
}

// openDesk opens what a command needs: the ledger, and for what is continued the API and the queue.
func openDesk(ctx context.Context, o *call.Operator, needs []config.Need) (*desk.Desk, func(context.Context), error) {
	if len(needs) == 0 {
		_, store, err := o.Ledger(ctx)
		return &desk.Desk{Ledger: store, Now: time.Now}, func(context.Context) {}, err
	}
	settings, store, api, err := o.Reach(ctx, needs...)
	if err != nil {
		return nil, nil, err
	}
	to, done, err := setup.CommandBroker(settings)
	return &desk.Desk{Ledger: store, API: api, Queue: to, Now: time.Now}, done, err
}

// chooseHeld finds what is asked for. Of an alert with several versions the newest counts; of all, what can be continued.
func chooseHeld(states []desk.HeldState, ids []string, all, continuable bool) (chosen []desk.HeldState, missing []heldResult) {
	if all {
		for _, s := range states {
			if s.Over == "" || !continuable {
				chosen = append(chosen, s)
			}
		}
		return chosen, []heldResult{}
	}
	missing = []heldResult{}
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		best := -1
		for j, s := range states {
			if s.AlertID == id && (best < 0 || s.Version > states[best].Version) {
				best = j
			}
		}
		if best < 0 {
			missing = append(missing, heldResult{AlertID: id, Why: "nothing is held of this alert; see cordon held list"})
			continue
		}
		chosen = append(chosen, states[best])
	}
	return chosen, missing
}

// shownOf says what is asked about, a line a machine.
func shownOf(states []desk.HeldState) string {
	var lines []string
	for _, s := range states[:min(len(states), 10)] {
		var steps []string
		for _, step := range s.Wanted() {
			steps = append(steps, step.Step)
		}
		lines = append(lines, terminal.Plain("  "+strings.Join(steps, ", ")+" on "+cmp.Or(s.MachineName, s.MachineID), call.FactShown))
	}
	if len(states) > len(lines) {
		lines = append(lines, fmt.Sprintf("  and %d more", len(states)-len(lines)))
	}
	return strings.Join(lines, "\n")
}

// reportHeld prints what became of each. Not to have done all is an error.
func reportHeld(o *call.Operator, cmd *cobra.Command, results []heldResult) error {
	missed := 0
	rows := [][]string{{"ALERT", "RESULT", "WHY"}}
	for _, r := range results {
		said := "done"
		if !r.Done {
			said = "not done"
			missed++
		}
		rows = append(rows, []string{r.AlertID, said, r.Why})
	}
	err := o.Show(cmd, map[string]any{"results": results}, func(w io.Writer) error {
		if len(results) == 0 {
			_, err := fmt.Fprintln(w, "nothing is held that could be taken")
			return err
		}
		return terminal.Table(w, call.FactShown, rows...)
	})
	if err == nil && missed > 0 {
		err = fmt.Errorf("%d of %d were not done", missed, len(results))
	}
	return err
}
