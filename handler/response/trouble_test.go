package response

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/local/tables"
)

// outage is the API and the queue of a process, out of order for a while.
type outage struct {
	*process
	machines    func() error // what stands in the way of reads of machines alone
	lists       func() error // and of lists of actions alone
	reads, acts func() error // what stands in the way of reads and requests; nil, or a nil answer: nothing
	answers     func() error // what becomes of the answer of a request that was carried out
	sends       func() error
}

func fault(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func (o *outage) Alert(ctx context.Context, id string) (alert.Alert, error) {
	if err := fault(o.reads); err != nil {
		return alert.Alert{}, err
	}
	return o.process.Alert(ctx, id)
}

func (o *outage) Machine(ctx context.Context, id string) (machine.Machine, error) {
	if err := fault(o.reads); err != nil {
		return machine.Machine{}, err
	}
	if err := fault(o.machines); err != nil {
		return machine.Machine{}, err
	}
	return o.process.Machine(ctx, id)
}

func (o *outage) CurrentActions(ctx context.Context, since time.Time) ([]machine.Action, error) {
	if err := fault(o.reads); err != nil {
		return nil, err
	}
	if err := fault(o.lists); err != nil {
		return nil, err
	}
	return o.process.CurrentActions(ctx, since)
}

func (o *outage) ActionsOn(ctx context.Context, id string, since time.Time) ([]machine.Action, error) {
	if err := fault(o.reads); err != nil {
		return nil, err
	}
	if err := fault(o.lists); err != nil {
		return nil, err
	}
	return o.process.ActionsOn(ctx, id, since)
}

func (o *outage) Act(ctx context.Context, id string, r machine.Request) (machine.Action, error) {
	if err := fault(o.acts); err != nil {
		return machine.Action{}, err
	}
	a, err := o.process.Act(ctx, id, r)
	return a, errors.Join(err, fault(o.answers))
}

func (o *outage) SendAlerts(ctx context.Context, messages []alert.Envelope) error {
	if err := fault(o.sends); err != nil {
		return err
	}
	return o.process.SendAlerts(ctx, messages)
}

// hour returns a fault that lasts for an hour from now.
func (w *world) hour(err error) func() error {
	end := w.clock().Add(time.Hour)
	return func() error {
		if w.clock().Before(end) {
			return err
		}
		return nil
	}
}

// twenty puts four High alerts on each of five machines.
func (w *world) twenty() {
	for i := range 20 {
		w.alertOn(fmt.Sprintf("da%02d", i), fmt.Sprintf("m%d", i%5), alert.High)
	}
}

// answered asks for the end of all twenty: one isolation a machine and nothing told but that, and to the operator that it took long.
func (w *world) answered(p *process) {
	w.t.Helper()
	w.drain(p, 400)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.drain(p, 400)
	for i := range 20 {
		if run := w.run(fmt.Sprintf("da%02d", i), 1); run.State != ledger.Closed || run.Outcome != "isolated" {
			w.t.Errorf("da%02d is %s (%s): %s", i, run.State, run.Outcome, run.Trouble)
		}
	}
	for i := range 5 {
		if n := w.isolations(fmt.Sprintf("m%d", i)); n != 1 {
			w.t.Errorf("machine m%d has %d isolations", i, n)
		}
	}
	for _, e := range w.order {
		if e.Kind != notice.Requested && e.Kind != notice.Isolated && e.Kind != notice.Stuck {
			w.t.Errorf("told %q of %s", e.Kind, e.MachineID)
		}
	}
}

// TestHourOfAPITroubleBurnsNoDeliveryAndEverythingIsAnsweredAfterIt gives every message once: whatever the API does, it is
// answered and goes on with a copy, ever slower, and at the end each machine has one isolation.
func TestHourOfAPITroubleBurnsNoDeliveryAndEverythingIsAnsweredAfterIt(t *testing.T) {
	t.Parallel()
	down := &apiError{trouble: machine.Transient, text: "503"}
	unknown := &apiError{trouble: machine.UnknownFate, text: "503"}
	soon := &apiError{trouble: machine.Transient, text: "429", after: 30 * time.Second}
	for name, set := range map[string]func(w *world, o *outage){
		"down":                      func(w *world, o *outage) { o.reads, o.acts = w.hour(down), w.hour(unknown) },
		"429 and when to come back": func(w *world, o *outage) { o.reads, o.acts = w.hour(soon), w.hour(soon) },
		"429 and nothing else":      func(w *world, o *outage) { o.reads, o.acts = w.hour(down), w.hour(down) },
		"requests are lost":         func(w *world, o *outage) { o.acts = w.hour(unknown) },
		"answers are lost":          func(w *world, o *outage) { o.answers = w.hour(unknown) },
		"the list is down":          func(w *world, o *outage) { o.reads = w.hour(down) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.twenty()
			p := w.start(-1, false)
			o := &outage{process: p}
			set(w, o)
			p.responder.API = o
			tries, end := 0, w.clock().Add(time.Hour)
			for w.clock().Before(end) {
				m, more := w.take()
				if !more {
					break // all of them wait for the outcome
				}
				tries++
				if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
					t.Fatalf("%s was given back: %v", m.ID, err)
				}
				if run := w.run(m.Message.AlertID, 1); run.State == ledger.Started && run.Trouble == "" {
					t.Errorf("run %s does not say what keeps it", run.ID())
				}
			}
			if tries > 20*40 {
				t.Errorf("%d tries in an hour", tries)
			}
			w.answered(p)
		})
	}
}

// TestHourOfThrottledTablesBurnsNoDeliveryAndNothingIsDoneWithoutThem has every request to the tables refused, or every
// third one, in time that the client's own repeats pass too.
func TestHourOfThrottledTablesBurnsNoDeliveryAndNothingIsDoneWithoutThem(t *testing.T) {
	t.Parallel()
	for name, every := range map[string]int{"all": 1, "every third": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.twenty()
				p := w.start(-1, false)
				refuses, asked := w.hour(errLost), 0
				w.tables.SetFault(func(*http.Request) *tables.Fault {
					if asked++; asked%every != 0 || refuses() == nil {
						return nil
					}
					return &tables.Fault{Status: []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}[asked%2]}
				})
				for refuses() != nil {
					m, more := w.take()
					if !more {
						break
					}
					if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
						t.Fatalf("%s was given back: %v", m.ID, err)
					}
					if every == 1 && w.posts > 0 && refuses() != nil {
						t.Fatal("a machine was isolated without the ledger")
					}
				}
				w.tables.SetFault(nil)
				w.answered(p)
			})
		})
	}
}

// TestHourWithoutCopiesSetsNoMessageAside has the queue refuse what is sent while the API is down too. A message that is
// given back comes again at once, and is set aside after ten deliveries.
func TestHourWithoutCopiesSetsNoMessageAside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.twenty()
		waiting := w.queue
		w.queue = nil
		p := w.start(-1, false)
		begun, from := time.Now(), w.clock()
		during := func(err error) func() error {
			return func() error {
				if time.Since(begun) < time.Hour {
					return err
				}
				return nil
			}
		}
		o := &outage{process: p, reads: during(&apiError{trouble: machine.Transient, text: "503"}), sends: during(errors.New("server busy"))}
		p.responder.API, p.responder.Queue = o, o
		p.responder.Now = func() time.Time { return from.Add(time.Since(begun)) }
		var deliveries sync.Map
		var group sync.WaitGroup
		for _, m := range waiting {
			group.Go(func() {
				for n := 1; ; n++ {
					deliveries.Store(m.ID, n)
					ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute) // as an invocation has it
					err := p.responder.Respond(ctx, m.Message.Encode(), n)
					cancel()
					if err == nil || n == 10 {
						return
					}
				}
			})
		}
		group.Wait()
		for id, n := range deliveries.Range {
			if n == 10 {
				t.Errorf("%s is set aside after %s", id, time.Since(begun))
			}
		}
		w.advance(time.Since(begun))
		p.responder.Now = w.clock
		w.answered(p)
	})
}
