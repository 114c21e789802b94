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
		RunE: func(cmd *cobra.Command, args []string) error { return release(cmd, o, args[0]) },
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
	i, err := releasable(ctx, api, all, which)
	if err != nil {
		return err
	}
	name := terminal.Plain(cmp.Or(i.MachineName, i.MachineID), machineShown)
	if err := o.Confirm(cmd, fmt.Sprintf("Release %s (%s)?", name, i.MachineID)); err != nil {
		return err
	}
	comment := fmt.Sprintf("Released by %s: %s", o.By, o.Reason)
	action, err := api.Act(ctx, i.MachineID, machine.Request{Type: machine.Unisolate, Comment: comment})
	if trouble, _ := machine.TroubleOf(err); trouble == machine.UnknownFate {
		return fmt.Errorf("it is not known whether the release was accepted; "+
			"see cordon isolated before asking again: %w", err)
	}
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

// machines is Defender as machines are read.
type machines interface {
	Machine(ctx context.Context, id string) (machine.Machine, error)
}

// releasable finds the machine among those that are isolated, and says if it cannot be released now.
func releasable(ctx context.Context, api machines, all []desk.Isolation, which string) (desk.Isolation, error) {
	none := desk.Isolation{}
	found, err := called(ctx, api, all, which)
	if err != nil {
		return none, err
	}
	shown := terminal.Plain(which, machineShown)
	switch {
	case len(found) == 0:
		return none, fmt.Errorf("no isolated machine has the id or name %s; cordon isolated lists them", shown)
	case len(found) > 1:
		var ids []string
		for _, i := range found {
			ids = append(ids, i.MachineID)
		}
		return none, fmt.Errorf("%d isolated machines have the name %s; name one by its id: %s",
			len(found), shown, strings.Join(ids, ", "))
	case found[0].Release != "":
		return none, fmt.Errorf("a release of %s is under way already (%s)", shown, found[0].Release)
	case !found[0].Isolated():
		return none, fmt.Errorf("%s is not isolated yet: action %s is under way; "+
			"cancel it in the portal, or release it when it is done", shown, found[0].ActionID)
	}
	return found[0], nil
}

// called are the isolated machines of an id or a name. For a name each of them is read at the API: what the ledger
// remembers may be old, and one that cannot be read may be a second of that name.
func called(ctx context.Context, api machines, all []desk.Isolation, which string) ([]desk.Isolation, error) {
	named := func(i desk.Isolation) bool { return strings.EqualFold(i.MachineID, which) }
	if i := slices.IndexFunc(all, named); i >= 0 {
		return all[i : i+1], nil
	}
	var found []desk.Isolation
	for _, i := range all {
		m, err := api.Machine(ctx, i.MachineID)
		if err != nil {
			return nil, fmt.Errorf("the name of isolated machine %s cannot be read; "+
				"name the machine to release by its id: %w", i.MachineID, err)
		}
		i.MachineName = m.ComputerDNSName
		short, _, _ := strings.Cut(i.MachineName, ".")
		if i.MachineName != "" && (strings.EqualFold(i.MachineName, which) || strings.EqualFold(short, which)) {
			found = append(found, i)
		}
	}
	return found, nil
}
