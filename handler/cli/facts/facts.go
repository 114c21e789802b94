// Package facts gathers what a decision about an alert looks at: from files that hold what the Defender API answers, or
// from the API itself. Of the ledger it reads nothing. It changes nothing.
package facts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/incoming"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// FromFiles decodes the alert, which was read from a file, and reads its machine and the machine's actions. A path that
// is empty leaves them unknown. lift is how long an isolation stands.
func FromFiles(
	in *playbook.Input,
	alertPath string,
	body []byte,
	machinePath, actionsPath string,
	lift time.Duration,
) (err error) {
	in.Alert, err = defender.DecodeAlert(body)
	if err != nil {
		return fmt.Errorf("the alert in %s cannot be read: %w", alertPath, err)
	}
	wrong := in.Alert.CheckMachine()
	switch {
	case wrong != nil:
		in.MachineMissing = wrong.Error()
	case machinePath == "":
		in.MachineMissing = "no --machine was given"
	default:
		m, err := fileOf(machinePath, "machine", defender.DecodeMachine)
		if err != nil {
			return err
		}
		in.Machine = &m
	}
	if actionsPath == "" {
		in.ActionsMissing = "no --actions were given"
		return nil
	}
	actions, err := fileOf(actionsPath, "actions", defender.DecodeActions)
	if err == nil {
		fromActions(in, actions, lift)
	}
	return err
}

func fileOf[T any](path, what string, decode func([]byte) (T, error)) (T, error) {
	var found T
	body, err := incoming.File(path)
	if err == nil {
		found, err = decode(body)
	}
	if err != nil {
		return found, fmt.Errorf("the %s in %s cannot be read: %w", what, path, err)
	}
	return found, nil
}

// API is Defender as it is read.
type API interface {
	Alert(ctx context.Context, id string) (alert.Alert, error)
	Machine(ctx context.Context, id string) (machine.Machine, error)
	ActionsOn(ctx context.Context, machineID string, since time.Time) ([]machine.Action, error)
}

// actionsShown is how far back a machine's actions are asked for: as long as the API keeps them.
const actionsShown = 180 * 24 * time.Hour

// FromAPI reads the alert, its machine and, if the playbook needs them, the machine's actions. That the alert cannot be
// read is an error; what else cannot is left unknown. lift is how long an isolation stands.
func FromAPI(
	ctx context.Context,
	in *playbook.Input,
	api API,
	alertID string,
	needs playbook.Needs,
	lift time.Duration,
) (err error) {
	in.Alert, err = api.Alert(ctx, alertID)
	if err != nil {
		return err
	}
	if in.Alert.MachineID == "" {
		return nil
	}
	if err := in.Alert.CheckMachine(); err != nil {
		in.MachineMissing = err.Error()
		return nil
	}
	m, err := api.Machine(ctx, in.Alert.MachineID)
	if err != nil {
		in.MachineMissing = err.Error()
		return nil
	}
	in.Machine = &m
	if !needs.Isolated && !needs.OpenActions {
		return nil
	}
	actions, err := api.ActionsOn(ctx, m.ID, time.Now().Add(-actionsShown))
	if err != nil {
		in.ActionsMissing = err.Error()
		return nil
	}
	fromActions(in, actions, lift)
	return nil
}

// fromActions says of the alert's machine what follows from machine actions; those of other machines are left out.
func fromActions(in *playbook.Input, actions []machine.Action, lift time.Duration) {
	var own []machine.Action
	in.OpenActions = []machine.Action{}
	for _, a := range actions {
		if !strings.EqualFold(a.MachineID, in.Alert.MachineID) {
			continue
		}
		own = append(own, a)
		if !a.Status.Final() {
			in.OpenActions = append(in.OpenActions, a)
		}
	}
	isolation := machine.StateOf(machine.Isolate, own, in.Now, lift, nil)
	in.Isolation = &isolation
}
