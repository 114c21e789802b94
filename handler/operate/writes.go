package operate

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/incoming"
	"cordon/handler/ledger/journal"
	"cordon/handler/machine"
	"cordon/handler/operate/wire"
)

// What an order may be made of.
const (
	reasonMost  = 500 // characters
	objectsMost = 100
)

var (
	commandForm = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)
	machineForm = regexp.MustCompile(`^[0-9A-Fa-f]{40}$`)
	actionForm  = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// command checks what every order begins with.
func (p *person) command(o wire.Order) (desk.Command, error) {
	if !commandForm.MatchString(o.Command) {
		return desk.Command{}, wrong("command", "an order wants an id of its own in \"command\": "+
			"8 to 64 letters, digits and hyphens, the same again only for the same order")
	}
	if utf8.RuneCountInString(o.Reason) > reasonMost {
		return desk.Command{}, wrong("reason", fmt.Sprintf("a reason has at most %d characters", reasonMost))
	}
	reason := strings.TrimSpace(strings.Map(func(r rune) rune {
		if incoming.Hidden(r) || r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, incoming.Text(o.Reason, reasonMost)))
	if reason == "" {
		return desk.Command{}, wrong("reason", "an order wants a reason: it is recorded, and others read it")
	}
	return desk.Command{
		ID:     o.Command,
		Reason: reason,
		By:     p.by,
	}, nil
}

func wrong(code, detail string) error {
	return wire.NewProblem(http.StatusUnprocessableEntity, code, detail)
}

// kind is what an order may be about.
type kind struct {
	plural string
	check  func(id string) error
}

func alerts() kind {
	return kind{"alerts", func(id string) error {
		if err := alert.CheckID(id); err != nil {
			return fmt.Errorf("alert id %w", err)
		}
		return nil
	}}
}

func machines() kind {
	return kind{"machines", func(id string) error {
		if !machineForm.MatchString(id) {
			return fmt.Errorf("%.80q is no machine id, which has 40 hexadecimal digits; look names up first", id)
		}
		return nil
	}}
}

func actions() kind {
	return kind{"machine actions", func(id string) error {
		if !actionForm.MatchString(id) {
			return fmt.Errorf("%.80q is no id of a machine action", id)
		}
		return nil
	}}
}

// objects checks the ids that an order is about. Each counts once.
func (k kind) objects(ids []string) (once []string, err error) {
	if len(ids) == 0 || len(ids) > objectsMost {
		return nil,
			wrong("objects", fmt.Sprintf("an order is about 1 to %d %s, not %d", objectsMost, k.plural, len(ids)))
	}
	for _, id := range ids {
		if err := k.check(id); err != nil {
			return nil, wrong("objects", shown(err))
		}
		if !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	return once, nil
}

// results are what became of a command.
func results(c desk.Command, outcomes []desk.Outcome) wire.Results {
	all := wire.Results{
		Command:  c.ID,
		Results:  []wire.Result{},
		Repeated: len(outcomes) > 0,
	}
	for _, o := range outcomes {
		all.Repeated = all.Repeated && o.Before
		all.Results = append(all.Results, wire.Result{
			Object:  o.Object,
			Name:    o.Name,
			Done:    o.State == journal.Done,
			Outcome: o.Result,
			Action:  o.Action,
			Unknown: o.State == journal.Begun || o.State == journal.Unknown,
		})
	}
	return all
}

// Release implements Desk.
func (p *person) Release(ctx context.Context, o wire.ReleaseOrder) (wire.Results, error) {
	if p.office.Desk.Actions == nil {
		return nothing(notHere("Defender"))
	}
	for i, id := range o.Machines {
		o.Machines[i] = machine.ID(id)
	}
	return p.carry(ctx, o.Order, machines(), o.Machines, p.office.Desk.Releases)
}

// Cancel implements Desk.
func (p *person) Cancel(ctx context.Context, o wire.CancelOrder) (wire.Results, error) {
	if p.office.Desk.Actions == nil {
		return nothing(notHere("Defender"))
	}
	return p.carry(ctx, o.Order, actions(), []string{o.Action}, p.office.Desk.Cancels)
}

// Continue implements Desk.
func (p *person) Continue(ctx context.Context, o wire.HeldOrder) (wire.Results, error) {
	if p.office.Desk.API == nil || p.office.Desk.Queue == nil {
		return nothing(notHere("what goes on"))
	}
	return p.carry(ctx, o.Order, alerts(), o.Alerts, p.office.Desk.Continues)
}

// Drop implements Desk.
func (p *person) Drop(ctx context.Context, o wire.HeldOrder) (wire.Results, error) {
	return p.carry(ctx, o.Order, alerts(), o.Alerts, p.office.Desk.Drops)
}

// Enqueue implements Desk.
func (p *person) Enqueue(ctx context.Context, o wire.EnqueueOrder) (wire.Results, error) {
	if p.office.Desk.Queue == nil {
		return nothing(notHere("the queue"))
	}
	return p.carry(ctx, o.Order, alerts(), o.Alerts, p.office.Desk.Enqueues)
}

// carry has the desk carry out an order about some things.
func (p *person) carry(
	ctx context.Context,
	o wire.Order,
	k kind,
	ids []string,
	do func(context.Context, desk.Command, []string) ([]desk.Outcome, error),
) (wire.Results, error) {
	c, err := p.command(o)
	if err != nil {
		return nothing(err)
	}
	once, err := k.objects(ids)
	if err != nil {
		return nothing(err)
	}
	outcomes, err := do(ctx, c, once)
	return results(c, outcomes), problem(err)
}

func nothing(why error) (wire.Results, error) {
	return wire.Results{}, why
}

// SetPause implements Desk.
func (p *person) SetPause(
	ctx context.Context,
	paused bool,
	o wire.PauseOrder,
) (wire.PauseResult, error) {
	c, err := p.command(o.Order)
	if err != nil {
		return wire.PauseResult{}, err
	}
	outcome, changed, err := p.office.Desk.SetPause(ctx, c, paused)
	switch {
	case err != nil:
		return wire.PauseResult{}, problem(err)
	case outcome.State == journal.Failed || outcome.State == journal.Refused:
		return wire.PauseResult{}, wire.NewProblem(http.StatusConflict, "not_done", outcome.Result)
	case outcome.State != journal.Done:
		return wire.PauseResult{}, wire.NewProblem(http.StatusServiceUnavailable, "unknown", outcome.Result)
	}
	is, err := p.Pause(ctx)
	return wire.PauseResult{Pause: is, Changed: changed}, err
}
