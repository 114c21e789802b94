package oncall

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/machine"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// cancelling is one call of cancel.
type cancelling struct {
	call.Operator
	machine string // whose action it is; empty: of an isolated machine, or the action's whole id is given
	watch   bool
}

// Cancel makes the command that cancels a machine action.
func Cancel(p call.Program) *cobra.Command {
	x := &cancelling{Operator: call.Operator{Program: p}}
	c := &cobra.Command{
		Use:   "cancel ACTION --reason TEXT",
		Short: "Cancel a machine action that is not over",
		Long: "For an isolation of a machine that is off, say, which has not begun. One that is\n" +
			"done is not cancelled but released. ACTION is the id that cordon machine shows;\n" +
			"its beginning is enough for the action of cordon isolated, or with --machine.\n" +
			"The app hears of it as of every end of an action, and people are told. Asks\n" +
			"first on a terminal; elsewhere it wants --yes." +
			call.Exits,
		Example: "  cordon cancel 5382f7ea-7557-4ab7-9782-d50480024a4e --reason 'wrong machine'\n" +
			"  cordon cancel 5382f7ea --machine ws-0147 --reason 'wrong machine' --watch",
		Args: call.Exactly(1, "cancel takes one action"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return x.run(cmd, args[0])
		},
	}
	x.WriteFlags(c, "why; it stands in the comment of the machine action")
	c.Flags().StringVar(&x.machine, "machine", "", "the machine whose action it is")
	c.Flags().BoolVar(&x.watch, "watch", false, "wait until the action is over")
	return c
}

func (x *cancelling) run(cmd *cobra.Command, which string) error {
	if err := x.Check(cmd, true); err != nil {
		return err
	}
	desk, done, err := x.Desk(cmd, config.Ledger, config.Defender)
	if err != nil {
		return err
	}
	defer done()
	ctx := cmd.Context()
	id, what, err := x.find(ctx, desk, which)
	if err != nil {
		return err
	}
	if err := x.Confirm(cmd, fmt.Sprintf("Cancel %s?", terminal.Plain(what, call.CellShown))); err != nil {
		return err
	}
	results, err := desk.Cancel(ctx, wire.CancelOrder{
		Order:  x.Order(),
		Action: id,
	})
	err = x.Report(cmd, results, err, call.Named(results.Results))
	switch {
	case err != nil || !x.watch:
		return err
	case x.machine == "":
		return fmt.Errorf("cancelled, but it is not known on which machine: cordon machine NAME --watch shows how " +
			"it ends")
	}
	return x.wait(cmd, desk, id)
}

// find finds the action that is meant, and says which one it is.
func (x *cancelling) find(
	ctx context.Context,
	desk operate.Desk,
	which string,
) (id, what string, err error) {
	if x.machine != "" {
		m, err := machineOf(ctx, desk, x.machine)
		if err != nil {
			return "", "", err
		}
		return actionOf(m, which)
	}
	isolated, err := desk.Isolated(ctx)
	if err != nil {
		return "", "", err
	}
	var ids []string
	for _, i := range isolated.Machines {
		ids = append(ids, i.ActionID)
	}
	id, found, err := call.Meant(which, ids)
	if err != nil || !found {
		return which, "action " + which, err // the app knows all of them
	}
	at := slices.Index(ids, id)
	x.machine = isolated.Machines[at].MachineID
	return id, fmt.Sprintf("action %s on %s", id,
		cmp.Or(isolated.Machines[at].MachineName, isolated.Machines[at].MachineID)), nil
}

func actionOf(m wire.Machine, which string) (id, what string, err error) {
	ids := make([]string, len(m.Actions))
	for i, a := range m.Actions {
		ids[i] = a.ID
	}
	id, found, err := call.Meant(which, ids)
	if err == nil && !found {
		err = fmt.Errorf("%s has no action %s of 90 days; cordon machine shows them", cmp.Or(m.Name, m.ID),
			terminal.Plain(which, machineShown))
	}
	if err != nil {
		return "", "", err
	}
	a := m.Actions[slices.Index(ids, id)]
	return id, fmt.Sprintf("action %s on %s: %s, %s", id, cmp.Or(m.Name, m.ID), a.Type, a.Status), nil
}

// wait looks until the action is over.
func (x *cancelling) wait(cmd *cobra.Command, desk operate.Desk, id string) error {
	return x.Watch(cmd, func(ctx context.Context) (call.Look, error) {
		m, err := machineOf(ctx, desk, x.machine)
		at := slices.IndexFunc(m.Actions, func(a wire.MachineAction) bool {
			return a.ID == id
		})
		if at < 0 {
			return call.Look{Print: func(io.Writer) error { return nil }}, err
		}
		a := m.Actions[at]
		return call.Look{
			Value: a,
			Done:  machine.ActionStatus(a.Status).Final(),
			Print: func(w io.Writer) error {
				return call.Say(w, "%s: action %s is %s", terminal.Plain(cmp.Or(m.Name, m.ID), machineShown),
					terminal.Plain(a.ID, machineShown), terminal.Plain(a.Status, machineShown))
			},
		}, err
	})
}
