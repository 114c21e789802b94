package backtest

import (
	"context"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// tenant is Defender as it is read.
type tenant interface {
	AlertsUpdated(ctx context.Context, from, to time.Time, take func([]alert.Alert) error) error
	Machines(ctx context.Context, ids []string) ([]machine.Machine, error)
}

// notKnown is what the API does not say of the past.
func notKnown() []string {
	return []string{
		"Each alert is as it is now: its severity, status, classification and evidence when it was new are not known.",
		"Each alert is decided about once, as if it had been found when it was created.",
		"Each machine is as it is now: its tags, group, name and device value then are not known.",
		"Whether a machine was isolated then, what was under way on it, and how many other alerts there were is not " +
			"known. What rules read of that cannot be decided.",
		"Nothing is compared with what was done: there is no record.",
	}
}

// alerts decides about the alerts of a tenant that has no record.
type alerts struct {
	api        tenant
	staleAfter time.Duration
}

// read reads the alerts that were updated in a span and hands them to take as decisions about which nothing was
// decided.
func (a *alerts) read(ctx context.Context, from, to time.Time, take func(decisions)) error {
	return a.api.AlertsUpdated(ctx, from, to, func(found []alert.Alert) error {
		machines, err := a.machines(ctx, found)
		if err != nil {
			return err
		}
		page := make(decisions, 0, len(found))
		for _, one := range found {
			page = append(page, a.undecided(one, machines))
		}
		if len(page) > 0 {
			take(page)
		}
		return nil
	})
}

// machines are those of alerts, by their ids.
func (a *alerts) machines(ctx context.Context, found []alert.Alert) (map[string]machine.Machine, error) {
	var ids []string
	for _, one := range found {
		if one.MachineID != "" && one.CheckMachine() == nil {
			ids = append(ids, machine.ID(one.MachineID))
		}
	}
	slices.Sort(ids)
	all, err := a.api.Machines(ctx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	machines := make(map[string]machine.Machine, len(all))
	for _, m := range all {
		machines[m.ID] = m
	}
	return machines, nil
}

// undecided is an alert with its machine.
func (a *alerts) undecided(of alert.Alert, machines map[string]machine.Machine) decided.Decision {
	in := playbook.Input{
		Alert:      of,
		Now:        of.Created,
		Ceiling:    playbook.Enforce,
		StaleAfter: a.staleAfter,
	}
	if in.Now.IsZero() {
		in.Now = of.Updated
	}
	id := machine.ID(of.MachineID)
	m, found := machines[id]
	wrong := of.CheckMachine()
	switch {
	case id == "":
	case wrong != nil:
		in.MachineMissing = wrong.Error()
	case !found:
		in.MachineMissing = "Defender lists no such machine any more"
	default:
		in.Alert.MachineID = id
		in.Machine = &m
	}
	return decided.Decision{
		Run:        of.ID,
		AlertID:    of.ID,
		ObservedAt: in.Now,
		Facts:      decided.FactsOf(in),
	}
}
