package oncall

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/desk"
	"cordon/handler/machine"
	"cordon/handler/terminal"
)

// releaseView is the JSON of release.
type releaseView struct {
	MachineID   string               `json:"machineId"`
	MachineName string               `json:"machineName,omitempty"`
	ActionID    string               `json:"actionId"`
	Status      machine.ActionStatus `json:"status"`
}

// Release makes the command that releases a machine.
func Release(getenv func(string) string) *cobra.Command {
	o := &call.Operator{Getenv: getenv}
	c := &cobra.Command{
		Use:   "release MACHINE --reason TEXT",
		Short: "Release an isolated machine, named by its id or its name",
		Long: "Asks Defender for the release and says under which action. FollowActions records\n" +
			"it and mails those who were told of the isolation. Alerts that were seen before\n" +
			"the release do not isolate the machine again, unless one becomes more severe or\n" +
			"is resolved and opened again; a newer one does. Who and why stand in the\n" +
			"action's comment. Of a name that several isolated machines have, the id is\n" +
			"wanted. Needs the settings of the ledger and of the app registration or managed\n" +
			"identity. Asks first on a terminal; elsewhere it wants --yes." +
			call.UsualExits(),
		Example: "  cordon release ws-0147 --reason 'reimaged'\n" +
			"  cordon release 1e5bc9d7e413ddd7902c2932e418702b84d0cc07 --reason 'false alarm' --yes --json",
		Args: call.Exactly(1, "release takes one machine"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return release(cmd, o, args[0])
		},
	}
	o.WriteFlags(c, "why; it stands in the comment of the machine action")
	return c
}

func release(cmd *cobra.Command, o *call.Operator, which string) error {
	if err := o.Check(cmd, true); err != nil {
		return err
	}
	ctx := cmd.Context()
	settings, store, api, err := o.Reach(ctx)
	if err != nil {
		return err
	}
	all, err := desk.Isolations(ctx, store.Latches, api, time.Now(), settings.IsolationLift)
	if err != nil {
		return err
	}
	i, err := desk.Releasable(ctx, api, all, terminal.Plain(which, machineShown))
	if err != nil {
		return err
	}
	name := terminal.Plain(cmp.Or(i.MachineName, i.MachineID), machineShown)
	err = o.Confirm(cmd, fmt.Sprintf("Release %s (%s)?", name, i.MachineID))
	if err != nil {
		return err
	}
	action, err := desk.Release(ctx, api, i, desk.Says(o.By, o.Reason))
	if err != nil {
		return err
	}
	view := releaseView{
		MachineID:   i.MachineID,
		MachineName: i.MachineName,
		ActionID:    action.ID,
		Status:      action.Status,
	}
	return o.Show(cmd, view, func(w io.Writer) error {
		return call.Say(w, "release of %s requested: action %s is %s; cordon isolated shows when it is done",
			name, action.ID, action.Status)
	})
}

// machineShown is how much is shown of the name of a machine, in characters.
const machineShown = 100
