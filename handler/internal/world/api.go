package world

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/mortal"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

type APIError struct {
	Kind  machine.Trouble
	Text  string
	After time.Duration
}

func (e *APIError) Error() string { return e.Text }

func (e *APIError) Trouble() machine.Trouble { return e.Kind }

func (e *APIError) RetryAfter() time.Duration { return e.After }

// Call makes an API call that answers v or err.
func Call[T any](p *Process, do func() (T, error)) (T, error) {
	var v T
	var err error
	if dead := p.Leave(func() {
		p.World.Mu.Lock()
		defer p.World.Mu.Unlock()
		v, err = do()
	}); dead != nil {
		return *new(T), dead
	}
	return v, err
}

func (p *Process) Alert(_ context.Context, id string) (alert.Alert, error) {
	return Call(p, func() (alert.Alert, error) {
		p.Reads++
		a, found := p.Alerts[id]
		if p.ReadFault != nil {
			return a, p.ReadFault
		}
		if !found {
			return a, &APIError{Kind: machine.NotFound, Text: "no alert " + id}
		}
		return a, nil
	})
}

// Whole gives a machine what a test does not care about and the API always says.
func Whole(m machine.Machine) machine.Machine {
	m.HealthStatus, m.OnboardingStatus = cmp.Or(m.HealthStatus, "Active"), cmp.Or(m.OnboardingStatus, "Onboarded")
	if m.Tags == nil {
		m.Tags = []string{}
	}
	return m
}

func (p *Process) Machine(_ context.Context, id string) (machine.Machine, error) {
	switch p.Poison {
	case "":
	case id:
		time.Sleep(500 * time.Millisecond)
		p.Kill()
	default:
		time.Sleep(time.Second)
	}
	return Call(p, func() (machine.Machine, error) {
		m, found := p.World.Machines[id]
		if !found {
			return m, &APIError{Kind: machine.NotFound, Text: "no machine " + id}
		}
		return Whole(m), nil
	})
}

func (p *Process) List(keep func(machine.Action) bool) ([]machine.Action, error) {
	return Call(p, func() ([]machine.Action, error) {
		var found []machine.Action
		for _, a := range p.Actions {
			if keep(a) && !p.Now.Before(a.Created.Add(p.Lag)) {
				found = append(found, a)
			}
		}
		return found, nil
	})
}

func (p *Process) CurrentActions(_ context.Context, since time.Time) ([]machine.Action, error) {
	return p.List(func(a machine.Action) bool {
		return !a.Status.Final() || a.OfIsolation() && !a.Created.Before(since)
	})
}

func (p *Process) ActionsOn(_ context.Context, id string, since time.Time) ([]machine.Action, error) {
	return p.List(func(a machine.Action) bool {
		return a.MachineID == id && !a.Created.Before(since)
	})
}

func (p *Process) ActionsSince(_ context.Context, since time.Time) ([]machine.Action, error) {
	if p.OnList != nil {
		p.OnList()
	}
	return p.List(func(a machine.Action) bool {
		return !a.Created.Before(since)
	})
}

func (p *Process) Action(_ context.Context, id string) (machine.Action, error) {
	return Call(p, func() (machine.Action, error) {
		for _, a := range p.Actions {
			if a.ID == id && !p.Forgets {
				return a, nil
			}
		}
		return machine.Action{}, &APIError{Kind: machine.NotFound, Text: "no action " + id}
	})
}

func (p *Process) Act(_ context.Context, id string, r machine.Request) (machine.Action, error) {
	a, err := Call(p, func() (machine.Action, error) {
		fault := error(nil)
		if p.OnPost != nil {
			fault = p.OnPost()
		}
		if fault != nil && !errors.Is(fault, ErrLost) {
			return machine.Action{}, fault
		}
		p.Posts++
		for _, a := range p.Actions {
			w := p.World
			if w.Strict &&
				a.MachineID == id &&
				a.Type == r.Type &&
				!a.Status.Final() {
				return machine.Action{}, &APIError{Kind: machine.AlreadyActive, Text: "Action is already in progress"}
			}
		}
		a := p.World.Add(r.Type, cmp.Or(p.Books, id), r.Comment, r.Scope, "PublicApi")
		return a, fault
	})
	if errors.Is(err, mortal.ErrDead) {
		return a, &APIError{Kind: machine.UnknownFate, Text: err.Error()}
	}
	return a, err
}

func (p *Process) CancelAction(
	_ context.Context,
	id string,
	_ machine.ActionType,
	comment string,
) (machine.Action, error) {
	return Call(p, func() (machine.Action, error) {
		for i := range p.Actions {
			if p.Actions[i].ID == id {
				p.Actions[i].CancelComment += comment
			}
		}
		return p.World.Finish(id, machine.Cancelled), nil
	})
}

func (p *Process) Machines(_ context.Context, ids []string) ([]machine.Machine, error) {
	return Call(p, func() ([]machine.Machine, error) {
		var found []machine.Machine
		for _, id := range ids {
			if m, known := p.World.Machines[id]; known {
				found = append(found, Whole(m))
			}
		}
		return found, nil
	})
}

func (p *Process) MachinesNamed(_ context.Context, name string) ([]machine.Machine, error) {
	return Call(p, func() ([]machine.Machine, error) {
		var found []machine.Machine
		for _, m := range p.World.Machines {
			if m.ComputerDNSName == name {
				found = append(found, Whole(m))
			}
		}
		return found, nil
	})
}

func (p *Process) Tag(_ context.Context, id, tag string, remove bool) error {
	_, err := Call(p, func() (int, error) {
		if p.OnPost != nil {
			fault := p.OnPost()
			if fault != nil && !errors.Is(fault, ErrLost) {
				return 0, fault
			}
		}
		p.Posts++
		m := p.World.Machines[id]
		m.Tags = slices.DeleteFunc(slices.Clone(m.Tags), func(there string) bool {
			return there == tag
		})
		if !remove {
			m.Tags = append(m.Tags, tag)
		}
		p.World.Machines[id] = m
		return 0, nil
	})
	return err
}

func (p *Process) UpdateAlert(_ context.Context, id string, c alert.Change) (alert.Alert, error) {
	return Call(p, func() (alert.Alert, error) {
		if p.OnPost != nil {
			fault := p.OnPost()
			if fault != nil && !errors.Is(fault, ErrLost) {
				return alert.Alert{}, fault
			}
		}
		p.Posts++
		a := p.Alerts[id]
		a.Status, a.AssignedTo = cmp.Or(c.Status, a.Status), cmp.Or(c.AssignedTo, a.AssignedTo)
		a.Classification = cmp.Or(c.Classification, a.Classification)
		a.Determination = cmp.Or(c.Determination, a.Determination)
		if c.Comment != "" {
			p.Comments = append(p.Comments, c.Comment)
		}
		a.Updated = p.Now
		p.Alerts[id] = a
		return a, nil
	})
}

func (p *Process) AlertComments(context.Context, string) ([]string, error) {
	return Call(p, func() ([]string, error) {
		return slices.Clone(p.Comments), nil
	})
}

func (p *Process) SendAlerts(_ context.Context, messages []alert.Envelope) error {
	_, err := Call(p, func() (int, error) {
		for _, m := range messages {
			if !slices.ContainsFunc(p.Queue, func(e alert.Envelope) bool { return e.ID == m.ID }) {
				p.Queue = append(p.Queue, m)
			}
		}
		return 0, nil
	})
	return err
}

func (p *Process) Tell(_ context.Context, group string, e notice.Event) error {
	_, err := Call(p, func() (int, error) {
		key := group + " " + e.Key()
		if _, known := p.Told[key]; !known {
			p.Told[key] = e
			p.Order = append(p.Order, e)
		}
		return 0, nil
	})
	return err
}
