package world

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/respond"
)

// GivesUp lets Defender give up an offline machine, as it does three days and a quarter of an hour after the request.
func (w *World) GivesUp(p *Process) {
	w.T.Helper()
	for range 72 {
		w.Advance(time.Hour)
		w.Follow(p)
	}
	w.Advance(14 * time.Minute)
	w.FailOpen(p, machine.TimeOut)
	w.Drain(p, 20)
}

// Promises counts how often people were told that something is asked for again.
func (w *World) Promises() int {
	n := 0
	for _, e := range w.Order {
		if strings.Contains(e.Detail, "asked for again (try") {
			n++
		}
	}
	return n
}

// RoomFor says what a machine would hear that were to be isolated now.
func (w *World) RoomFor(p *Process, machineID string) budget.Slot {
	w.T.Helper()
	caps := w.Book.Limits().Of(playbook.Isolate)
	slot, err := p.Ledger.Budget.Reserve(context.Background(), budget.Reservation{
		Action:  "isolate",
		Key:     machineID + ":probe",
		At:      w.Clock(),
		Cap:     budget.Rate(caps.Rate),
		Machine: machineID,
	})
	if err == nil {
		err = p.Ledger.Budget.GiveBack(context.Background(), "isolate", machineID+":probe")
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return slot
}

// ByOthers is an action of somebody else on m1 that Succeeded now.
func (w *World) ByOthers(kind machine.ActionType, requestor, comment string) machine.Action {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	a := w.Add(kind, "m1", comment, machine.Full, "Portal")
	w.Actions[len(w.Actions)-1].Requestor = requestor
	return w.Finish(a.ID, machine.Succeeded)
}

// Past adds an action that was asked for an hour ago by somebody else.
func (w *World) Past(kind machine.ActionType, status machine.ActionStatus) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	a := w.Add(kind, "m1", "by hand", "", "Portal")
	added := &w.Actions[len(w.Actions)-1]
	added.Created = a.Created.Add(-time.Hour + time.Duration(len(w.Actions))*time.Minute)
	added.Status = status
}

// Isolate lets an alert isolate the machine m1, with its outcome.
func (w *World) Isolate(id string) {
	w.AlertOn(id, "m1", alert.High)
	p := w.Start(-1, false)
	w.Drain(p, 5)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
}

// Ask lets a person ask for an action on m1.
func (w *World) Ask(kind machine.ActionType, scope machine.Scope) machine.Action {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	return w.Add(kind, "m1", "by hand", scope, "alice@contoso.com")
}

// LatchOn reads the isolation's latch of m1.
func (w *World) LatchOn(p *Process) latches.Latch {
	w.T.Helper()
	l, err := p.Ledger.Latches.Of(context.Background(), "m1", latches.Isolation)
	if err != nil {
		w.T.Fatal(err)
	}
	return l
}

func (w *World) OpenEpisodes(p *Process) int {
	w.T.Helper()
	open, err := p.Ledger.Latches.OpenEpisodes(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	return len(open)
}

// FailOpen lets every open action end as failed, and hears of it.
func (w *World) FailOpen(p *Process, status machine.ActionStatus) {
	w.T.Helper()
	w.FinishAll(status)
	w.Follow(p)
}

// ByHand releases a machine as a person does, and lets it be noticed.
func (w *World) ByHand(p *Process, machineID string) {
	w.T.Helper()
	w.Mu.Lock()
	release := w.Add(machine.Unisolate, machineID, "reimaged", "", "Portal")
	w.Finish(release.ID, machine.Succeeded)
	w.Mu.Unlock()
	w.Advance(time.Minute)
	w.Follow(p)
	w.Advance(10 * time.Minute)
}

// Isolated is a world in which machine m1 is isolated for alert da1.
func Isolated(t *testing.T) (*World, *Process) {
	t.Helper()
	w := New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Advance(time.Minute)
	return w, p
}

// Numbered answers everything about actions with a refusal of its own number.
type Numbered struct {
	respond.API
	N int
}

func (r *Numbered) Refuse() error {
	r.N++
	return &APIError{Kind: machine.Refused, Text: fmt.Sprintf("400 BadRequest: no [correlation 7f3a-%d]", r.N)}
}

func (r *Numbered) ActionsOn(context.Context, string, time.Time) ([]machine.Action, error) {
	return nil, r.Refuse()
}
