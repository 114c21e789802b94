package cases

import (
	"cmp"
	"fmt"
	"maps"
	"time"

	"cordon/handler/cli/facts"
	"cordon/handler/defender"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
)

// usualLift is how long an isolation stands in a case: the default of CORDON_ISOLATION_LIFT.
const usualLift = 7 * 24 * time.Hour

// usualID is the machine's id in a case that names none.
const usualID = "1111111111111111111111111111111111111111"

// input is the case as a decision sees it.
func (c testCase) input() (playbook.Input, error) {
	in, err := c.circumstances()
	if err != nil {
		return in, err
	}
	in.Alert, err = entity(defender.DecodeAlert, c.Alert, map[string]any{
		"id":                "da1_1",
		"machineId":         usualID,
		"status":            "New",
		"alertCreationTime": in.Now.Add(-time.Minute).Format(time.RFC3339),
	})
	if err != nil {
		return in, fmt.Errorf("alert: %w", err)
	}
	in.AlertsOnMachine = cmp.Or(c.OnMachine, new(int))
	in.AlertsInIncident = cmp.Or(c.InIncident, new(int))
	if c.Machine == nil {
		return in, nil
	}
	m, err := entity(defender.DecodeMachine, c.Machine, map[string]any{
		"id":               in.Alert.MachineID,
		"lastSeen":         in.Now.Add(-time.Hour).Format(time.RFC3339),
		"healthStatus":     "Active",
		"onboardingStatus": "Onboarded",
		"machineTags":      []string{},
	})
	if err != nil {
		return in, fmt.Errorf("machine: %w", err)
	}
	in.Machine = &m
	actions, err := c.actions(in.Alert.MachineID)
	if err == nil {
		facts.FromActions(&in, actions, usualLift)
	}
	return in, err
}

// circumstances are when and under which ceiling is decided.
func (c testCase) circumstances() (playbook.Input, error) {
	in := playbook.Input{
		Now:         time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC),
		Ceiling:     playbook.Enforce,
		StaleAfter:  24 * time.Hour,
		Paused:      c.Paused != "",
		PauseReason: c.Paused,
	}
	var err error
	if c.Now != "" {
		in.Now, err = time.Parse(time.RFC3339, c.Now)
		if err != nil {
			return in, fmt.Errorf("now: %q is no time; such as 2026-03-02T12:00:00Z", c.Now)
		}
	}
	if c.Mode != "" {
		in.Ceiling, err = playbook.ParseMode(c.Mode)
		if err != nil {
			return in, fmt.Errorf("mode: %w", err)
		}
	}
	if c.StaleAfter != "" {
		in.StaleAfter, err = time.ParseDuration(c.StaleAfter)
		if err != nil {
			return in, fmt.Errorf("staleAfter: %q is no duration; such as 24h", c.StaleAfter)
		}
	}
	return in, nil
}

func (c testCase) actions(machineID string) ([]machine.Action, error) {
	for _, a := range c.Actions {
		if _, named := a["machineId"]; !named {
			a["machineId"] = machineID
		}
	}
	body, err := outgoing.Encode(map[string]any{"value": c.Actions})
	if c.Actions == nil {
		body = []byte(`{"value":[]}`)
	}
	if err != nil {
		return nil, fmt.Errorf("actions: %w", err)
	}
	return defender.DecodeActions(body)
}

// entity reads an entity of a case with the API's decoder; what the case leaves out is usual.
func entity[T any](decode func([]byte) (T, error), given, usual map[string]any) (T, error) {
	whole := maps.Clone(usual)
	maps.Copy(whole, given)
	body, err := outgoing.Encode(whole)
	if err != nil {
		return *new(T), err
	}
	return decode(body)
}
