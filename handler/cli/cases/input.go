package cases

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
)

// usualLift is how long an isolation stands in a case: the default of CORDON_ISOLATION_LIFT.
const usualLift = 7 * 24 * time.Hour

// usualID is the machine's id in a case that names none.
const usualID = "1111111111111111111111111111111111111111"

// usualAge is how long ago something is that does not say when it was.
const usualAge = time.Minute

// ago is a time before another, as the API writes it.
func ago(now time.Time, d time.Duration) string { return now.Add(-d).Format(time.RFC3339Nano) }

// input is what a decision sees, but for what follows from the machine's actions, which are listed beside it.
func (g given) input() (in playbook.Input, actions []machine.Action, err error) {
	in, err = g.circumstances()
	if err != nil {
		return in, nil, err
	}
	if in.Alert, err = g.alert(in.Now); err != nil {
		return in, nil, fmt.Errorf("alert: %w", err)
	}
	in.Hunt = (*playbook.Hunt)(g.Hunt)
	if in.Machine, err = g.machine(in.Now, in.Alert.MachineID); err != nil {
		return in, nil, fmt.Errorf("machine: %w", err)
	}
	if in.Machine != nil {
		actions, err = g.actions(in.Now, in.Alert.MachineID)
	}
	return in, actions, err
}

// circumstances are when and under which ceiling is decided, and what is known besides alert and machine.
func (g given) circumstances() (playbook.Input, error) {
	in := playbook.Input{
		Ceiling:          playbook.Enforce,
		StaleAfter:       24 * time.Hour,
		OwnTags:          g.OwnTags,
		Asked:            g.Asked,
		AlertsOnMachine:  cmp.Or(g.OnMachine, new(int)),
		AlertsInIncident: cmp.Or(g.InIncident, new(int)),
	}
	if g.Paused != nil {
		in.Paused, in.PauseReason = *g.Paused != "", *g.Paused
	}
	var err error
	if in.Now, err = g.time(); err != nil {
		return in, err
	}
	if in.Beginning, err = timeOf("beginning", g.Beginning); err != nil {
		return in, err
	}
	if in.Since, err = timeOf("since", g.Since); err != nil {
		return in, err
	}
	if g.Mode != "" {
		in.Ceiling, err = playbook.ParseMode(g.Mode)
		if err != nil {
			return in, fmt.Errorf("mode: %w", err)
		}
	}
	if g.StaleAfter != "" {
		in.StaleAfter, err = time.ParseDuration(g.StaleAfter)
		if err != nil {
			return in, fmt.Errorf("staleAfter: %q is no duration; such as 24h", g.StaleAfter)
		}
	}
	return in, nil
}

// usualNow is when a case decides that does not say: a Monday.
const usualNow = "2026-01-05T12:00:00Z"

func (g given) time() (time.Time, error) { return timeOf("now", cmp.Or(g.Now, usualNow)) }

// timeOf is the time that a key says; zero if it says none.
func timeOf(key, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return at, fmt.Errorf("%s: %q is no time; such as 2026-03-02T12:00:00Z", key, value)
	}
	return at.UTC(), nil
}

// serviceSource is the field of an alert that only Microsoft Graph has.
const serviceSource = "serviceSource"

func (g given) alert(now time.Time) (alert.Alert, error) {
	a, err := entity(defender.DecodeAlert, g.Alert, map[string]any{
		"id":                usualAlert,
		"machineId":         usualID,
		"status":            "New",
		"alertCreationTime": ago(now, usualAge),
		"lastUpdateTime":    ago(now, usualAge),
	})
	if source, said := g.Alert[serviceSource].(string); said {
		a.ServiceSource = source
	}
	return a, err
}

// machine is the machine of the alert; nil if it was not read. A machine of another id is what the API answered instead
// of the alert's.
func (g given) machine(now time.Time, machineID string) (*machine.Machine, error) {
	_, unread := g.Unread[unreadMachine]
	id, named := g.Machine["id"].(string)
	if g.Machine == nil || unread && (!named || strings.EqualFold(id, machineID)) {
		return nil, nil
	}
	m, err := entity(defender.DecodeMachine, g.Machine, map[string]any{
		"id":               cmp.Or(machineID, usualID),
		"lastSeen":         ago(now, time.Hour),
		"healthStatus":     "Active",
		"onboardingStatus": "Onboarded",
		"machineTags":      []string{},
	})
	return &m, err
}

// actions are the machine's actions. One without an id gets one, and one without a time was asked for a minute ago.
func (g given) actions(now time.Time, machineID string) ([]machine.Action, error) {
	all := []map[string]any{}
	for i, a := range g.Actions {
		whole := map[string]any{
			"id":                  fmt.Sprintf("action-%d", i+1),
			"machineId":           machineID,
			"creationDateTimeUtc": ago(now, usualAge),
		}
		maps.Copy(whole, a)
		all = append(all, whole)
	}
	body, err := outgoing.Encode(map[string]any{"value": all})
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

// say makes the decision know what the case says outright: who isolated the machine, and what could not be read.
func (g given) say(in *playbook.Input) {
	if g.IsolatedBy != "" {
		in.Isolation = &machine.State{Is: g.IsolatedBy != nobody}
		if in.Isolation.Is {
			in.Isolation.By = machine.Owner(g.IsolatedBy)
		}
	}
	for fact, why := range g.Unread {
		switch fact {
		case unreadMachine:
			in.MachineMissing = why
		case unreadIsolated:
			in.Isolation = nil
			in.ActionsMissing = cmp.Or(why, in.ActionsMissing)
		case unreadOpen:
			in.OpenActions = nil
			in.ActionsMissing = cmp.Or(why, in.ActionsMissing)
		case unreadOnMachine:
			in.AlertsOnMachine = nil
			in.AlertsMissing = cmp.Or(why, in.AlertsMissing)
		case unreadInIncident:
			in.AlertsInIncident = nil
			in.AlertsMissing = cmp.Or(why, in.AlertsMissing)
		}
	}
}
