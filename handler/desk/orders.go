package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk/isolated"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/push"
)

// Reads is Defender as people look at it.
type Reads interface {
	isolated.ActionsAPI
	ActionsOn(ctx context.Context, machineID string, since time.Time) ([]machine.Action, error)
	Machine(ctx context.Context, id string) (machine.Machine, error)
	Machines(ctx context.Context, ids []string) ([]machine.Machine, error)
	MachinesNamed(ctx context.Context, name string) ([]machine.Machine, error)
}

// Actions is Defender as its machine actions are read, asked for and taken back.
type Actions interface {
	Reads
	Actor
	Action(ctx context.Context, id string) (machine.Action, error)
	CancelAction(ctx context.Context, id string, kind machine.ActionType, comment string) (machine.Action, error)
}

// Releases releases machines, named by their ids. The isolated machines are listed once for all of them.
func (d *Desk) Releases(ctx context.Context, c Command, ids []string) ([]Outcome, error) {
	all, err := isolated.Machines(ctx, d.Latches, d.Actions, d.Now(), d.Lift)
	if err != nil {
		return nil, err
	}
	tasks := make([]Task, 0, len(ids))
	for _, id := range ids {
		i, found := isolationOf(all, id)
		tasks = append(tasks, Task{
			Object: id,
			Name:   i.MachineName,
			Do: func(ctx context.Context, c Command) (Did, error) {
				if !found {
					return Did{}, Refusef("no isolated machine has the id %s; cordon isolated lists them", id)
				}
				return d.release(ctx, i, c)
			},
		})
	}
	return d.Carry(ctx, VerbRelease, c, tasks)
}

func isolationOf(all []isolated.Isolation, id string) (isolated.Isolation, bool) {
	at := slices.IndexFunc(all, func(i isolated.Isolation) bool {
		return i.MachineID == id
	})
	if at < 0 {
		return isolated.Isolation{}, false
	}
	return all[at], true
}

func (d *Desk) release(ctx context.Context, i isolated.Isolation, c Command) (Did, error) {
	if obstacle := i.Obstacle(); obstacle != "" {
		return Did{}, Refusef("%s", obstacle)
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	action, err := Release(ctx, d.Actions, i, c)
	if err != nil {
		return Did{}, err
	}
	return Did{
		Text:   fmt.Sprintf("release asked for: action %s", action.ID),
		Action: action.ID,
	}, nil
}

// Cancels takes back machine actions that are not over.
func (d *Desk) Cancels(ctx context.Context, c Command, actions []string) ([]Outcome, error) {
	tasks := make([]Task, len(actions))
	for i, id := range actions {
		tasks[i] = Task{
			Object:  id,
			Machine: d.machineOf(ctx, id),
			Do: func(ctx context.Context, c Command) (Did, error) {
				return d.cancel(ctx, id, c)
			},
		}
	}
	return d.Carry(ctx, VerbCancel, c, tasks)
}

// machineOf is the machine of an action, for the journal; empty if it cannot be found out now.
func (d *Desk) machineOf(ctx context.Context, actionID string) string {
	ctx, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	a, err := d.Actions.Action(ctx, actionID)
	if err != nil {
		return ""
	}
	return a.MachineID
}

// askTime is how long Defender may take to answer: less than what is waited for before it is asked again.
const askTime = 25 * time.Second

func (d *Desk) cancel(ctx context.Context, actionID string, c Command) (Did, error) {
	ctx, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	a, err := d.Actions.Action(ctx, actionID)
	if err != nil {
		return Did{}, refusedIfGone(err, "the machine action")
	}
	if a.Status.Final() {
		return Did{}, Refusef("action %s (%s) is over: it is %s; release the machine to undo an isolation",
			a.ID, a.Type, a.Status)
	}
	name := a.MachineID
	if m, err := d.Actions.Machine(ctx, a.MachineID); err == nil {
		name = cmp.Or(m.ComputerDNSName, name)
	}
	is, err := d.Actions.CancelAction(ctx, a.ID, a.Type, c.comment("Cancelled"))
	if err != nil {
		return Did{}, err
	}
	return Did{
		Text:   fmt.Sprintf("%s of %s is %s", a.Type, name, is.Status),
		Name:   name,
		Action: a.ID,
	}, nil
}

// Continues continues with what is held of some alerts, of each with the newest version.
func (d *Desk) Continues(ctx context.Context, c Command, alerts []string) ([]Outcome, error) {
	return d.takeHeld(ctx, VerbContinue, c, alerts, func(ctx context.Context, h held.Entry, c Command) (string, error) {
		return "it goes on, and is answered within a minute", d.Continue(ctx, h, c)
	})
}

// Drops decides of what is held of some alerts that it is not done.
func (d *Desk) Drops(ctx context.Context, c Command, alerts []string) ([]Outcome, error) {
	return d.takeHeld(ctx, VerbDrop, c, alerts, func(ctx context.Context, h held.Entry, c Command) (string, error) {
		return "dropped", d.Drop(ctx, h, c)
	})
}

func (d *Desk) takeHeld(
	ctx context.Context,
	verb string,
	c Command,
	alerts []string,
	take func(context.Context, held.Entry, Command) (string, error),
) ([]Outcome, error) {
	all, err := d.Held.All(ctx)
	if err != nil {
		return nil, err
	}
	newest := map[string]held.Entry{}
	for _, h := range all {
		newest[h.AlertID] = h
	}
	tasks := make([]Task, 0, len(alerts))
	for _, id := range alerts {
		h, there := newest[id]
		tasks = append(tasks, Task{
			Object:  id,
			Name:    cmp.Or(h.MachineName, h.MachineID),
			Machine: h.MachineID,
			Do: func(ctx context.Context, c Command) (Did, error) {
				if !there {
					return Did{}, Refusef("nothing is held of this alert; see cordon held list")
				}
				text, err := take(ctx, h, c)
				return Did{Text: text}, err
			},
		})
	}
	return d.Carry(ctx, verb, c, tasks)
}

// SetPause stops all acting, or lets it go on. What is so already is not changed. changed: the command did it, now or
// when it was given first.
func (d *Desk) SetPause(
	ctx context.Context,
	c Command,
	paused bool,
) (outcome Outcome, changed bool, err error) {
	verb, text := VerbResume, "acting goes on"
	if paused {
		verb, text = VerbPause, "acting is paused"
	}
	const soBefore = "it was so before"
	all, err := d.Carry(ctx, verb, c, []Task{{
		Do: func(ctx context.Context, c Command) (Did, error) {
			changed, err := d.setPause(ctx, c, paused)
			if !changed {
				return Did{Text: soBefore}, err
			}
			return Did{Text: text}, err
		},
	}})
	if err != nil {
		return Outcome{}, false, err
	}
	outcome = all[0]
	return outcome, outcome.State == journal.Done && outcome.Result != soBefore, nil
}

func (d *Desk) setPause(ctx context.Context, c Command, paused bool) (changed bool, err error) {
	at := d.Now()
	was, err := d.Switches.SetPause(ctx, switches.Turn{
		Paused:  paused,
		By:      c.By.Name,
		Reason:  c.Reason,
		Command: c.ID,
		At:      at,
		Before: func(was switches.Pause) error {
			return d.Overwritten(ctx, was.Command, "", c)
		},
	})
	if err != nil {
		return false, err
	}
	if was.Paused == paused {
		if was.Command == "" || was.Command != c.ID {
			return false, nil
		}
		at = was.At // another try of the command was faster
	}
	return true, d.tellPause(ctx, paused, c, at)
}

// Enqueues has alerts answered now.
func (d *Desk) Enqueues(ctx context.Context, c Command, alerts []string) ([]Outcome, error) {
	tasks := make([]Task, 0, len(alerts))
	for _, id := range alerts {
		tasks = append(tasks, Task{
			Object: id,
			Do: func(ctx context.Context, _ Command) (Did, error) {
				if err := alert.CheckID(id); err != nil {
					return Did{}, Refusef("alert id %s", err)
				}
				err := push.Enqueue(ctx, d.Queue,
					d.Runs.Tenant(),
					"asked",
					d.Now().UTC(),
					[]string{id})
				return Did{Text: "enqueued"}, err
			},
		})
	}
	return d.Carry(ctx, VerbEnqueue, c, tasks)
}
