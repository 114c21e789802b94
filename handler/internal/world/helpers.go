package world

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
	"cordon/handler/playbook/read"
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
func (w *World) RoomFor(p *Process, machineID string) ledger.Slot {
	w.T.Helper()
	caps := w.Book.Limits().Of(playbook.Isolate)
	slot, err := p.Ledger.Reserve(context.Background(), ledger.Reservation{Action: "isolate", Key: machineID + ":probe", At: w.Clock(), Cap: ledger.Rate(caps.Rate), Machine: machineID})
	if err == nil {
		err = p.Ledger.GiveBack(context.Background(), "isolate", machineID+":probe")
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return slot
}

// Find records a finding and gives the message about it.
func (w *World) Find(p *Process, digest, machineID, file string) alert.Message {
	w.T.Helper()
	f := ledger.Finding{ID: ledger.FindingID("tools", digest), Hunt: "tools", Severity: "High", MachineID: machineID, FoundAt: w.Clock()}
	if err := f.SetRow(map[string]string{"DeviceId": machineID, "FileName": file}); err != nil {
		w.T.Fatal(err)
	}
	if err := p.Ledger.Prepare(w.T.Context()); err != nil {
		w.T.Fatal(err)
	}
	o, err := p.Ledger.ObserveFinding(w.T.Context(), f, w.Clock())
	if err != nil {
		w.T.Fatal(err)
	}
	return alert.Message{Tenant: Tenant, AlertID: f.ID, Version: o.Run.Version, Reason: "hunt", ObservedAt: w.Clock()}
}

// ByOthers is an action of somebody else on m1 that Succeeded now.
func (w *World) ByOthers(kind machine.ActionType, requestor, comment string) machine.Action {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	a := w.Add(kind, "m1", comment, machine.Full, "Portal")
	w.Actions[len(w.Actions)-1].Requestor = requestor
	return w.Finish(a.ID, machine.Succeeded)
}

// Desk is where a person continues with what was held, at a process of its own.
func (w *World) Desk() (*desk.Desk, *Process) {
	p := w.Start(-1, false)
	return &desk.Desk{API: p, Queue: p, Ledger: p.Ledger, Now: w.Clock}, p
}

// HeldOf is what is held of the first version of an alert.
func (w *World) HeldOf(id string) ledger.Held {
	w.T.Helper()
	h, found, err := w.Start(-1, false).Ledger.HeldOf(context.Background(), id, 1)
	if err != nil || !found {
		w.T.Fatalf("nothing is held of %s: %v", id, err)
	}
	return h
}

// Past adds an action that was asked for an hour ago by somebody else.
func (w *World) Past(kind machine.ActionType, status machine.ActionStatus) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	a := w.Add(kind, "m1", "by hand", "", "Portal")
	w.Actions[len(w.Actions)-1].Created, w.Actions[len(w.Actions)-1].Status = a.Created.Add(-time.Hour+time.Duration(len(w.Actions))*time.Minute), status
}

// Isolate lets an alert isolate the machine m1, with its outcome.
func (w *World) Isolate(id string) {
	w.AlertOn(id, "m1", alert.High)
	p := w.Start(-1, false)
	w.Drain(p, 5)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
}

// Died reports whether the process was killed.
func (p *Process) Died() bool {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return p.Breaths == 0
}

// Work answers the queue until it is empty or the process is killed; the message of a killed process is given again.
func (w *World) Work(p *Process) {
	for range 50 {
		m, more := w.Take()
		if !more {
			return
		}
		err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1)
		if err != nil || p.Died() {
			w.Queue = append(w.Queue, m)
		}
		if p.Died() {
			return
		}
		if err != nil {
			w.T.Fatalf("a healthy process failed: %v", err)
		}
	}
	w.T.Fatal("the queue does not run dry")
}

// Ask lets a person ask for an action on m1.
func (w *World) Ask(kind machine.ActionType, scope machine.Scope) machine.Action {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	return w.Add(kind, "m1", "by hand", scope, "alice@contoso.com")
}

// Pass lets time go by with a follow every so often.
func (w *World) Pass(p *Process, d, every time.Duration) {
	w.T.Helper()
	for end := w.Clock().Add(d); w.Clock().Before(end); {
		w.Advance(min(every, end.Sub(w.Clock())))
		w.Follow(p)
	}
}

// LatchOn reads the isolation's latch of m1.
func (w *World) LatchOn(p *Process) ledger.Latch {
	w.T.Helper()
	l, err := p.Ledger.Latch(context.Background(), "m1", ledger.Isolation)
	if err != nil {
		w.T.Fatal(err)
	}
	return l
}

func (w *World) OpenEpisodes(p *Process) int {
	w.T.Helper()
	open, err := p.Ledger.OpenEpisodes(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	return len(open)
}

// ProtectedAlert puts an alert on a machine that was protected after it was seen, and answers it.
func (w *World) ProtectedAlert(p *Process, id string, severity alert.Severity) {
	w.T.Helper()
	w.AlertOn(id, "m1", severity)
	w.Tag("never-isolate")
	w.Queue[len(w.Queue)-1].Message.Machine = nil
	w.Drain(p, 5)
}

// Tag gives m1 these tags and no others.
func (w *World) Tag(tags ...string) { w.Edit("m1", func(m *machine.Machine) { m.Tags = tags }) }

// Edited changes an alert and answers the change.
func (w *World) Edited(p *Process, id string, change func(*alert.Alert)) {
	w.T.Helper()
	w.EditAlert(id, change)
	w.Drain(p, 20)
}

// NewsOf are the events that people were told about an alert.
func (w *World) NewsOf(id string) []notice.Event {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	var news []notice.Event
	for _, e := range w.Order {
		if e.AlertID == id {
			news = append(news, e)
		}
	}
	return news
}

// Edit changes what the API says of a machine.
func (w *World) Edit(id string, change func(*machine.Machine)) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	m := w.Machines[id]
	change(&m)
	w.Machines[id] = m
}

// Grow adds evidence to an alert, as Defender does many times an hour, and answers the version that this makes.
func (w *World) Grow(p *Process, id string) {
	w.T.Helper()
	w.Advance(150 * time.Second)
	w.Mu.Lock()
	a := w.Alerts[id]
	a.Evidence = append(a.Evidence, alert.Evidence{Kind: "Process", ProcessID: int64(len(a.Evidence) + 1)})
	a.Updated = w.Now
	w.Mu.Unlock()
	w.Change(a)
	w.Drain(p, 8)
}

// Listed are the versions that the list of what is held has of an alert.
func (w *World) Listed(id string) []int {
	w.T.Helper()
	d, _ := w.Desk()
	states, err := d.List(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	var versions []int
	for _, s := range states {
		if s.AlertID == id {
			versions = append(versions, s.Version)
		}
	}
	return versions
}

// Take2 answers the next message alone.
func (w *World) Take2(p *Process) {
	w.T.Helper()
	m, _ := w.Take()
	if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
		w.T.Fatal(err)
	}
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

// EditAlert changes an alert at the API and lets ingest see it.
func (w *World) EditAlert(id string, change func(*alert.Alert)) {
	w.T.Helper()
	w.Advance(time.Minute)
	w.Mu.Lock()
	a := w.Alerts[id]
	w.Mu.Unlock()
	change(&a)
	a.Updated = w.Clock()
	w.Change(a)
}

// CategoryOn shows an alert that asks for what its category names.
func (w *World) CategoryOn(id, machineID, category string) alert.Alert {
	w.T.Helper()
	w.Mu.Lock()
	if _, known := w.Machines[machineID]; !known {
		w.Machines[machineID] = machine.Machine{ID: machineID, ComputerDNSName: machineID + ".corp.contoso.com", OSPlatform: "Windows11"}
	}
	w.Mu.Unlock()
	a := alert.Alert{ID: id, MachineID: machineID, Category: category, Severity: alert.High, Status: alert.StatusNew, Title: "t", Created: w.Clock(), Updated: w.Clock()}
	w.Change(a)
	return a
}

func (w *World) Resolve(id string) {
	w.T.Helper()
	w.Advance(time.Minute)
	w.Mu.Lock()
	a := w.Alerts[id]
	w.Mu.Unlock()
	a.Status, a.Updated = alert.StatusResolved, w.Clock()
	w.Change(a)
}

// Asked lists what was asked of the API, in order.
func (w *World) Asked(machineID string) string {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	var types []string
	for _, a := range w.Actions {
		if a.MachineID == machineID {
			types = append(types, string(a.Type))
		}
	}
	return strings.Join(types, " ")
}

// Play answers whatever is due for some time, as if all functions ran, and counts the tries.
func (w *World) Play(p *Process, d time.Duration, polls bool) (tries int) {
	w.T.Helper()
	for end := w.Clock().Add(d); w.Clock().Before(end); {
		if polls {
			w.Polled(p)
		}
		w.Mu.Lock()
		due := len(w.Queue) > 0
		for _, m := range w.Queue {
			due = due && m.At.Before(end)
		}
		w.Mu.Unlock()
		m, more := alert.Envelope{}, false
		if due {
			m, more = w.Take()
		}
		if !more {
			w.Advance(time.Hour)
			w.Follow(p)
			continue
		}
		tries++
		if err := p.Responder.Respond(w.T.Context(), m.Message.Encode(), 1); err != nil {
			w.T.Fatal(err)
		}
	}
	return tries
}

// Polled notes that a poll succeeded just now.
func (w *World) Polled(p *Process) {
	w.T.Helper()
	mark, err := p.Ledger.Watermark(w.T.Context())
	if err != nil {
		w.T.Fatal(err)
	}
	if _, err := p.Ledger.Advance(w.T.Context(), mark, w.Clock()); err != nil {
		w.T.Fatal(err)
	}
}

// Hour returns a fault that lasts for an hour from now.
func (w *World) Hour(err error) func() error {
	end := w.Clock().Add(time.Hour)
	return func() error {
		if w.Clock().Before(end) {
			return err
		}
		return nil
	}
}

// Twenty puts four High alerts on each of five machines.
func (w *World) Twenty() {
	for i := range 20 {
		w.AlertOn(fmt.Sprintf("da%02d", i), fmt.Sprintf("m%d", i%5), alert.High)
	}
}

// Answered asks for the end of all twenty: one isolation a machine and nothing told but that, and to the operator that it took long.
func (w *World) Answered(p *Process) {
	w.T.Helper()
	w.Drain(p, 400)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Drain(p, 400)
	for i := range 20 {
		if run := w.Run(fmt.Sprintf("da%02d", i), 1); run.State != ledger.Closed || run.Outcome != "isolated" {
			w.T.Errorf("da%02d is %s (%s): %s", i, run.State, run.Outcome, run.Trouble)
		}
	}
	for i := range 5 {
		if n := w.Isolations(fmt.Sprintf("m%d", i)); n != 1 {
			w.T.Errorf("machine m%d has %d isolations", i, n)
		}
	}
	for _, e := range w.Order {
		if e.Kind != notice.Requested && e.Kind != notice.Isolated && e.Kind != notice.Stuck {
			w.T.Errorf("told %q of %s", e.Kind, e.MachineID)
		}
	}
}

// Some answers at most so many messages; a message of a process that was killed comes again.
func (w *World) Some(p *Process, limit int) {
	w.T.Helper()
	for range limit {
		m, more := w.Take()
		if !more {
			return
		}
		if err := p.Responder.Respond(w.T.Context(), m.Message.Encode(), 1); err != nil || p.Died() {
			w.Queue = append(w.Queue, m)
			return
		}
	}
}

// Retitle changes an alert so that it is another version.
func (w *World) Retitle(a alert.Alert) {
	w.T.Helper()
	w.Advance(time.Minute)
	a.Title, a.Updated = "changed", w.Clock()
	w.Change(a)
}

// Settled lets all actions succeed and follows until nothing moves.
func (w *World) Settled(p *Process) {
	w.T.Helper()
	for range 3 {
		w.Drain(p, 20)
		w.FinishAll(machine.Succeeded)
		w.Follow(p)
	}
}

// Asks hands a bare message for an alert to a process, as a push and cordon enqueue send it.
func (w *World) Asks(p *Process, id string) {
	w.T.Helper()
	if err := p.Responder.Respond(context.Background(), alert.Message{AlertID: id, Reason: "pushed"}.Encode(), 1); err != nil {
		w.T.Errorf("%s: %v", id, err)
	}
}

// LookedUp is how often alerts were read from the API one by one.
func (w *World) LookedUp() int {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	return w.Reads
}

// ToldOf are the events of a kind.
func (w *World) ToldOf(kind notice.Kind) (events []notice.Event) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	for _, e := range w.Order {
		if e.Kind == kind {
			events = append(events, e)
		}
	}
	return events
}

const Day = 24 * time.Hour

func Fault(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
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

func NewWorldWith(t *testing.T, source string) *World {
	t.Helper()
	w := New(t)
	book, err := read.Load("test.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	w.Book = book
	return w
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
