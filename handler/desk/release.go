package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"cordon/handler/machine"
)

// Machines is Defender as machines are read.
type Machines interface {
	// Machine reads a machine as it is now.
	Machine(ctx context.Context, id string) (machine.Machine, error)
}

// Releasable finds the machine of an id or a name among those that are isolated. The error says why it cannot be
// released now, or that several have the name.
func Releasable(ctx context.Context, api Machines, all []Isolation, which string) (Isolation, error) {
	none := Isolation{}
	found, err := called(ctx, api, all, which)
	if err != nil {
		return none, err
	}
	switch {
	case len(found) == 0:
		return none, Refusef("no isolated machine has the id or name %s; cordon isolated lists them", which)
	case len(found) > 1:
		var ids []string
		for _, i := range found {
			ids = append(ids, i.MachineID)
		}
		return none, Refusef("%d isolated machines have the name %s; name one by its id: %s",
			len(found), which, strings.Join(ids, ", "))
	case found[0].Obstacle() != "":
		return none, Refusef("%s", found[0].Obstacle())
	}
	return found[0], nil
}

// Obstacle says why the machine cannot be released now; empty: it can.
func (i Isolation) Obstacle() string {
	name := cmp.Or(i.MachineName, i.MachineID)
	switch {
	case i.Release != "":
		return fmt.Sprintf("a release of %s is under way already (%s)", name, i.Release)
	case !i.Isolated():
		return fmt.Sprintf("%s is not isolated yet: action %s is under way; cancel it with cordon cancel, "+
			"or release the machine when it is done", name, i.ActionID)
	}
	return ""
}

// called are the isolated machines of an id or a name. For a name each of them is read at the API: what the ledger
// remembers may be old, and one that cannot be read may be a second of that name.
func called(ctx context.Context, api Machines, all []Isolation, which string) ([]Isolation, error) {
	named := func(i Isolation) bool {
		return strings.EqualFold(i.MachineID, which)
	}
	i := slices.IndexFunc(all, named)
	if i >= 0 {
		return all[i : i+1], nil
	}
	var found []Isolation
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

// Actor is Defender as machine actions are asked for.
type Actor interface {
	// Act asks for a machine action.
	Act(ctx context.Context, machineID string, r machine.Request) (machine.Action, error)
}

// Release asks Defender for a release; who asks, why and under which command stand in its comment. FollowActions records
// it. The error of a request whose answer was lost says so: look before asking again.
func Release(ctx context.Context, api Actor, i Isolation, c Command) (machine.Action, error) {
	action, err := api.Act(ctx, i.MachineID, machine.Request{
		Type:    machine.Unisolate,
		Comment: c.comment("Released"),
	})
	trouble, _ := machine.TroubleOf(err)
	if trouble == machine.UnknownFate {
		return action, fmt.Errorf("it is not known whether the release was accepted; "+
			"see cordon isolated before asking again: %w", err)
	}
	return action, err
}
