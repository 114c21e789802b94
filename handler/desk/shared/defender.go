// Package shared answers people who look at the same with one call: who looks often, or many who look at once, may not
// use up what Defender answers in an hour, which isolations need. What is asked for people is shared by the process,
// for some seconds, and is bounded in all. Whatever acts, and whatever looks before it acts, asks anew.
//
// Neighbours: handler/desk looks and acts, handler/defender asks.
package shared

import (
	"context"
	"slices"
	"strings"
	"time"

	"cordon/handler/desk"
	"cordon/handler/machine"
)

// How old what people see of Defender may be. Names change rarely, and nobody decides anything by those in a list.
const (
	keepRead = 15 * time.Second
	keepName = 5 * time.Minute
)

// How often people may ask Defender through one process: less than half of what it answers, a hundred times a minute
// and 1,500 times an hour.
const (
	perMinute = 40
	perHour   = 700
)

// Defender is Defender as people act on it: each call is a call. What they look at is behind Reads.
type Defender struct {
	desk.Actions
	answers Answers
	seen    reads
}

// New shares what people see of Defender.
func New(api desk.Actions, now func() time.Time) *Defender {
	d := &Defender{
		Actions: api,
		answers: Answers{
			Now:       now,
			PerMinute: perMinute,
			PerHour:   perHour,
		},
	}
	d.seen.of = d
	return d
}

// Reads is Defender as people look at it.
func (d *Defender) Reads() desk.Reads { return &d.seen }

// Act implements desk.Actor. What was read before it is not shown to anybody who looks after it.
func (d *Defender) Act(ctx context.Context, machineID string, r machine.Request) (machine.Action, error) {
	defer d.answers.Forget()
	return d.Actions.Act(ctx, machineID, r)
}

// CancelAction implements desk.Actions, as Act does.
func (d *Defender) CancelAction(
	ctx context.Context,
	id string,
	kind machine.ActionType,
	comment string,
) (machine.Action, error) {
	defer d.answers.Forget()
	return d.Actions.CancelAction(ctx, id, kind, comment)
}

// reads implements desk.Reads. Nobody gets a list that another may change.
type reads struct{ of *Defender }

// ActionsSince implements desk.Reads. Those of a whole day serve everybody who asks on it.
func (r *reads) ActionsSince(ctx context.Context, since time.Time) ([]machine.Action, error) {
	day := since.UTC().Truncate(24 * time.Hour)
	all, err := Ask(ctx, &r.of.answers, "actions|"+day.Format(time.DateOnly), keepRead,
		func(ctx context.Context) ([]machine.Action, error) {
			return r.of.Actions.ActionsSince(ctx, day)
		})
	return slices.DeleteFunc(slices.Clone(all), func(a machine.Action) bool {
		return !a.Created.IsZero() && a.Created.Before(since)
	}), err
}

// ActionsOn implements desk.Reads, by the list of all machines: who looks at one has that read too.
func (r *reads) ActionsOn(ctx context.Context, machineID string, since time.Time) ([]machine.Action, error) {
	all, err := r.ActionsSince(ctx, since)
	return slices.DeleteFunc(all, func(a machine.Action) bool {
		return a.MachineID != machineID
	}), err
}

// Machine implements desk.Reads.
func (r *reads) Machine(ctx context.Context, id string) (machine.Machine, error) {
	return Ask(ctx, &r.of.answers, "machine|"+id, keepRead,
		func(ctx context.Context) (machine.Machine, error) {
			return r.of.Actions.Machine(ctx, id)
		})
}

// Machines implements desk.Reads. It is asked for names only.
func (r *reads) Machines(ctx context.Context, ids []string) ([]machine.Machine, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	ids = slices.Sorted(slices.Values(ids))
	found, err := Ask(ctx, &r.of.answers, "machines|"+strings.Join(ids, ","), keepName,
		func(ctx context.Context) ([]machine.Machine, error) {
			return r.of.Actions.Machines(ctx, ids)
		})
	return slices.Clone(found), err
}

// MachinesNamed implements desk.Reads.
func (r *reads) MachinesNamed(ctx context.Context, name string) ([]machine.Machine, error) {
	found, err := Ask(ctx, &r.of.answers, "named|"+name, keepRead,
		func(ctx context.Context) ([]machine.Machine, error) {
			return r.of.Actions.MachinesNamed(ctx, name)
		})
	return slices.Clone(found), err
}
