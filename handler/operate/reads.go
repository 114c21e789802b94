package operate

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"cordon/handler/desk"
	"cordon/handler/doctor"
	"cordon/handler/ledger/journal"
	"cordon/handler/machine"
	"cordon/handler/operate/wire"
)

// Isolated implements Desk.
func (p *person) Isolated(ctx context.Context) (wire.Isolated, error) {
	all := wire.Isolated{Machines: []wire.Isolation{}}
	if p.office.Desk.Seen == nil {
		return all, notHere("Defender")
	}
	found, err := p.office.Desk.Isolated(ctx)
	if err != nil {
		return all, problem(err)
	}
	for _, e := range found {
		all.Machines = append(all.Machines, isolation(e))
	}
	return all, nil
}

func isolation(e desk.Explained) wire.Isolation {
	return wire.Isolation{
		MachineID:   e.MachineID,
		MachineName: e.MachineName,
		State:       string(e.State),
		Ledger:      string(e.Ledger),
		API:         string(e.API),
		Since:       e.Since,
		Until:       e.Until,
		ActionID:    e.ActionID,
		By:          string(e.By),
		Requestor:   e.Requestor,
		RunID:       e.RunID,
		AlertID:     e.Run.AlertID,
		Title:       e.Run.Title,
		Severity:    e.Run.Severity,
		Rule:        e.Run.Rule,
		Reason:      e.Run.Reason,
		Drift:       e.Drift,
		Releasable:  e.Obstacle() == "",
		Obstacle:    e.Obstacle(),
	}
}

// Machine implements Desk.
func (p *person) Machine(ctx context.Context, which string) (wire.Machine, error) {
	if p.office.Desk.Seen == nil {
		return wire.Machine{}, notHere("Defender")
	}
	k, err := p.office.Desk.Machine(ctx, which)
	if err != nil {
		return wire.Machine{}, problem(err)
	}
	m := wire.Machine{
		ID:       k.Machine.ID,
		Name:     k.Machine.ComputerDNSName,
		OS:       k.Machine.OSPlatform,
		Group:    k.Machine.RBACGroupName,
		Tags:     append([]string{}, k.Machine.Tags...),
		Value:    k.Machine.DeviceValue,
		Health:   k.Machine.HealthStatus,
		LastSeen: k.Machine.LastSeen,
		State:    string(k.State),
		Held:     held(k.Held),
		Actions:  []wire.MachineAction{},
		More:     k.More,
		Commands: entries(k.Commands),
		Episodes: k.Episodes,
	}
	if k.Isolation != nil {
		is := isolation(*k.Isolation)
		m.Isolation = &is
	}
	for _, a := range k.Actions {
		m.Actions = append(m.Actions, action(a))
	}
	return m, nil
}

func action(a machine.Action) wire.MachineAction {
	return wire.MachineAction{
		ID:        a.ID,
		Type:      string(a.Type),
		Status:    string(a.Status),
		Requestor: a.Requestor,
		Comment:   a.Comment,
		Created:   a.Created,
		Updated:   a.Updated,
	}
}

// Held implements Desk.
func (p *person) Held(ctx context.Context) (wire.Held, error) {
	all, err := p.office.Desk.List(ctx)
	return wire.Held{Held: held(all)}, problem(err)
}

func held(all []desk.HeldState) []wire.HeldEntry {
	found := []wire.HeldEntry{}
	for _, h := range all {
		e := wire.HeldEntry{
			AlertID:     h.AlertID,
			Version:     h.Version,
			MachineID:   h.MachineID,
			MachineName: h.MachineName,
			Title:       h.Title,
			Severity:    h.Severity,
			Rule:        h.Rule,
			Reason:      h.Reason,
			At:          h.At,
			Over:        h.Over,
		}
		for _, step := range h.Wanted() {
			e.Steps = append(e.Steps, wire.HeldStep{
				Step:   step.Step,
				Reason: step.Reason,
			})
		}
		found = append(found, e)
	}
	return found
}

// Pause implements Desk.
func (p *person) Pause(ctx context.Context) (wire.Pause, error) {
	is, err := p.office.Desk.Switches.Pause(ctx)
	return wire.Pause{
		Paused: is.Paused,
		By:     is.By,
		Reason: is.Reason,
		At:     is.At,
	}, problem(err)
}

// Playbook implements Desk.
func (p *person) Playbook(context.Context) (wire.Playbook, error) {
	if p.office.Playbook == nil {
		return wire.Playbook{}, notHere("the playbook")
	}
	is, err := p.office.Playbook()
	return is, problem(err)
}

// Health implements Desk.
func (p *person) Health(ctx context.Context) (wire.Health, error) {
	if p.office.Health == nil {
		return wire.Health{}, notHere("health")
	}
	return p.office.Health(ctx), nil
}

// Doctor implements Desk.
func (p *person) Doctor(ctx context.Context) (wire.Doctor, error) {
	if p.office.Doctor == nil {
		return wire.Doctor{}, notHere("the doctor")
	}
	findings, err := p.office.Doctor(ctx)
	if err != nil {
		return wire.Doctor{}, problem(err)
	}
	return wire.Doctor{
		OK:       doctor.Worst(findings) != doctor.Fail,
		Version:  p.office.Version,
		Findings: findings,
	}, nil
}

// How many entries of the journal a page has.
const (
	journalPage = 50
	journalMost = 200
)

// Journal implements Desk.
func (p *person) Journal(ctx context.Context, q wire.JournalAsked) (wire.Journal, error) {
	limit := cmp.Or(q.Limit, journalPage)
	if limit < 1 || limit > journalMost {
		return wire.Journal{},
			wire.NewProblem(http.StatusBadRequest, "limit", "limit is out of bounds: expected 1 to 200")
	}
	if q.Command != "" {
		return p.became(ctx, q, limit)
	}
	found, next, err := p.office.Desk.Journal.Page(ctx, limit, q.After)
	return wire.Journal{Entries: entries(found), Next: next}, problem(err)
}

// became reads what became of one command.
func (p *person) became(ctx context.Context, q wire.JournalAsked, limit int) (wire.Journal, error) {
	if !commandForm.MatchString(q.Command) {
		return wire.Journal{}, wire.NewProblem(http.StatusBadRequest, "command",
			fmt.Sprintf("%.80q is no id of a command: expected 8 to 64 letters, digits and hyphens", q.Command))
	}
	order, given, err := p.office.Desk.Journal.Order(ctx, q.Command)
	switch {
	case err != nil:
		return wire.Journal{}, problem(err)
	case !given:
		return wire.Journal{}, wire.NewProblem(http.StatusNotFound, "no_command", "nobody gave command "+q.Command+
			", or it is older than CORDON_RETENTION; cordon journal lists what people did")
	}
	found, next, err := p.office.Desk.Journal.Of(ctx, order, limit, q.After)
	return wire.Journal{Entries: entries(found), Next: next}, problem(err)
}

func entries(found []journal.Entry) []wire.Entry {
	all := []wire.Entry{}
	for _, e := range found {
		all = append(all, wire.Entry{
			Command: e.Command,
			Verb:    e.Verb,
			Object:  e.Object,
			Name:    e.Name,
			By:      e.By,
			ByID:    e.ByID,
			Client:  e.Client,
			Address: e.Address,
			Reason:  e.Reason,
			At:      e.At,
			State:   string(e.State),
			Result:  e.Result,
			Action:  e.Action,
			Ended:   e.Ended,
		})
	}
	return all
}
