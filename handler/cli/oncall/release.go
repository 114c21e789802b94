package oncall

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
	"cordon/handler/machine"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// releasing is one call of release.
type releasing struct {
	call.Operator
	chosen
	watch bool
}

// Release makes the command that releases machines.
func Release(p call.Program) *cobra.Command {
	r := &releasing{Operator: call.Operator{Program: p}}
	c := &cobra.Command{
		Use:   "release MACHINE...|--rule NAME|--since TIME|--all --reason TEXT",
		Short: "Release isolated machines: named, or all that a rule isolated",
		Long: "Lists first what it will release, then asks Defender and says under which\n" +
			"action. The app records each and mails those who were told of the isolation.\n" +
			"Alerts that were seen before the release do not isolate the machine again,\n" +
			"unless one becomes more severe or is resolved and opened again; a newer one\n" +
			"does: cordon pause first, if a rule is wrong. Who and why stand in the action's\n" +
			"comment. --rule, --since and --all leave out what cannot be released now, and\n" +
			"say so. Of a name that several isolated machines have, the id is wanted. Asks\n" +
			"first on a terminal; elsewhere it wants --yes." +
			call.Exits,
		Example: "  cordon release ws-0147 --reason 'reimaged'\n" +
			"  cordon release 1e5bc9d7 72c2932e --reason 'false alarm' --watch\n" +
			"  cordon release --rule contain-workstations --since 2h --reason 'bad rule' --yes --json",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && !r.several():
				return call.Usagef("release wants machines that cordon isolated lists, or --rule, --since or --all")
			case len(args) > 0 && r.several():
				return call.Usagef("either machines or --rule, --since and --all, not both")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd, args)
		},
	}
	r.WriteFlags(c, "why; it stands in the comment of the machine action")
	c.Flags().StringVar(&r.rule, "rule", "", "all that this rule isolated")
	c.Flags().StringVar(&r.since, "since", "", "all that were isolated since then: 90m, 24h, 7d or a time")
	c.Flags().BoolVar(&r.all, "all", false, "all that are isolated")
	c.Flags().BoolVar(&r.watch, "watch", false, "wait until the releases are over")
	return c
}

func (r *releasing) run(cmd *cobra.Command, args []string) error {
	again := r.Command != "" && !r.several() && !slices.ContainsFunc(args, isNoMachineID)
	if err := r.Check(cmd, true); err != nil {
		return err
	}
	ctx := cmd.Context()
	desk, done, err := r.Desk(cmd, config.Ledger, config.Defender)
	if err != nil {
		return err
	}
	defer done()
	if again {
		return r.order(cmd, desk, byIDs(args))
	}
	isolated, err := desk.Isolated(ctx)
	if err != nil {
		return err
	}
	found, err := r.among(ctx, desk, isolated.Machines, args)
	if err != nil {
		return err
	}
	meant, left := releasable(found)
	if len(meant) == 0 || len(left) > 0 && !r.several() {
		return refused(left)
	}
	if err := r.preview(cmd, meant, left); err != nil {
		return err
	}
	return r.order(cmd, desk, meant)
}

// isNoMachineID tells names and the beginnings of ids from whole ids.
func isNoMachineID(text string) bool {
	const digits = 40
	return len(text) != digits || strings.Trim(strings.ToLower(text), "0123456789abcdef") != ""
}

// byIDs are machines by their ids alone: an order that is given again is about those, whatever is so of them by now.
func byIDs(ids []string) []wire.Isolation {
	all := make([]wire.Isolation, len(ids))
	for i, id := range ids {
		all[i].MachineID = strings.ToLower(id)
	}
	return all
}

// order asks for the releases, and says what became of each.
func (r *releasing) order(cmd *cobra.Command, desk operate.Desk, meant []wire.Isolation) error {
	ctx := cmd.Context()
	results, err := call.Parts(cmd, &r.Operator, machineIDs(meant),
		func(o wire.Order, some []string) (wire.Results, error) {
			return desk.Release(ctx, wire.ReleaseOrder{Order: o, Machines: some})
		})
	nameThem(results.Results, meant)
	err = r.Report(cmd, results, err, call.Named(results.Results))
	if err != nil || !r.watch {
		return err
	}
	return r.wait(cmd, desk, results)
}

// releasable tells what can be released now from what cannot.
func releasable(found []wire.Isolation) (can, cannot []wire.Isolation) {
	for _, i := range found {
		if i.Releasable {
			can = append(can, i)
		} else {
			cannot = append(cannot, i)
		}
	}
	return can, cannot
}

// refused says why machines cannot be released.
func refused(left []wire.Isolation) error {
	var lines []string
	for _, i := range left {
		lines = append(lines,
			terminal.Plain(fmt.Sprintf("%s (%s): %s", cmp.Or(i.MachineName, "a machine without a name"),
				i.MachineID, i.Obstacle), call.FactShown))
	}
	return fmt.Errorf("nothing was released: %s", strings.Join(lines, "; "))
}

// preview shows what will be released and to how many, and asks.
func (r *releasing) preview(cmd *cobra.Command, meant, left []wire.Isolation) error {
	w := cmd.ErrOrStderr()
	if !r.Yes || len(meant) > 1 {
		if err := printIsolated(w, r.Clock(), meant); err != nil {
			return err
		}
	}
	for _, i := range left {
		if err := terminal.Lines(w, call.FactShown, fmt.Sprintf("left out: %s (%s): %s",
			cmp.Or(i.MachineName, "(no name)"), i.MachineID, i.Obstacle)); err != nil {
			return err
		}
	}
	question := fmt.Sprintf("Release these %d machines?", len(meant))
	if len(meant) == 1 {
		question = fmt.Sprintf("Release %s (%s)?",
			terminal.Plain(cmp.Or(meant[0].MachineName, meant[0].MachineID), machineShown), meant[0].MachineID)
	}
	return r.Confirm(cmd, question)
}

// nameThem gives results the names that the person saw, where the answer has none, and sorts by them.
func nameThem(results []wire.Result, seen []wire.Isolation) {
	for n := range results {
		at := slices.IndexFunc(seen, func(i wire.Isolation) bool {
			return i.MachineID == results[n].Object
		})
		if at >= 0 && results[n].Name == "" {
			results[n].Name = seen[at].MachineName
		}
	}
	slices.SortStableFunc(results, func(a, b wire.Result) int {
		return cmp.Compare(a.Name, b.Name)
	})
}

// wait looks until all releases are over.
func (r *releasing) wait(cmd *cobra.Command, desk operate.Desk, results wire.Results) error {
	return r.Watch(cmd, func(ctx context.Context) (call.Look, error) {
		isolated, err := desk.Isolated(ctx)
		left := slices.DeleteFunc(isolated.Machines, func(i wire.Isolation) bool {
			return !slices.ContainsFunc(results.Results, func(one wire.Result) bool {
				return one.Object == i.MachineID
			})
		})
		over := err == nil
		for _, i := range left {
			if over {
				over, err = isOver(ctx, desk, i.MachineID, actionOn(results, i.MachineID))
			}
		}
		return call.Look{
			Value: wire.Isolated{Machines: left},
			Done:  over,
			Print: func(w io.Writer) error {
				if len(left) == 0 {
					return call.Say(w, "all of them are released")
				}
				return printIsolated(w, r.Clock(), left)
			},
		}, err
	})
}

// actionOn is the action that was asked for a machine; empty: none was.
func actionOn(results wire.Results, machineID string) string {
	at := slices.IndexFunc(results.Results, func(r wire.Result) bool {
		return r.Object == machineID
	})
	return results.Results[at].Action
}

// isOver reports whether an action of a machine has ended. Nothing is waited for where there is no action.
func isOver(ctx context.Context, desk operate.Desk, machineID, actionID string) (bool, error) {
	if actionID == "" {
		return true, nil
	}
	m, err := desk.Machine(ctx, machineID)
	at := slices.IndexFunc(m.Actions, func(a wire.MachineAction) bool {
		return a.ID == actionID
	})
	return at >= 0 && machine.ActionStatus(m.Actions[at].Status).Final(), err
}
