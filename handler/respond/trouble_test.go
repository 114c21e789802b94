package respond_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/respond"
	"cordon/local/tables"
)

// outage is the API and the queue of a process, out of order for a while.
type outage struct {
	*world.Process
	machines    func() error // what stands in the way of reads of machines alone
	lists       func() error // and of lists of actions alone
	reads, acts func() error // what stands in the way of reads and requests; nil, or a nil answer: nothing
	answers     func() error // what becomes of the answer of a request that was carried out
	sends       func() error
}

func (o *outage) Alert(ctx context.Context, id string) (alert.Alert, error) {
	if err := world.Fault(o.reads); err != nil {
		return alert.Alert{}, err
	}
	return o.Process.Alert(ctx, id)
}

func (o *outage) Machine(ctx context.Context, id string) (machine.Machine, error) {
	if err := world.Fault(o.reads); err != nil {
		return machine.Machine{}, err
	}
	if err := world.Fault(o.machines); err != nil {
		return machine.Machine{}, err
	}
	return o.Process.Machine(ctx, id)
}

func (o *outage) CurrentActions(ctx context.Context, since time.Time) ([]machine.Action, error) {
	if err := world.Fault(o.reads); err != nil {
		return nil, err
	}
	if err := world.Fault(o.lists); err != nil {
		return nil, err
	}
	return o.Process.CurrentActions(ctx, since)
}

func (o *outage) ActionsOn(ctx context.Context, id string, since time.Time) ([]machine.Action, error) {
	if err := world.Fault(o.reads); err != nil {
		return nil, err
	}
	if err := world.Fault(o.lists); err != nil {
		return nil, err
	}
	return o.Process.ActionsOn(ctx, id, since)
}

func (o *outage) Act(ctx context.Context, id string, r machine.Request) (machine.Action, error) {
	if err := world.Fault(o.acts); err != nil {
		return machine.Action{}, err
	}
	a, err := o.Process.Act(ctx, id, r)
	return a, errors.Join(err, world.Fault(o.answers))
}

func (o *outage) SendAlerts(ctx context.Context, messages []alert.Envelope) error {
	if err := world.Fault(o.sends); err != nil {
		return err
	}
	return o.Process.SendAlerts(ctx, messages)
}

// TestHourOfAPITroubleBurnsNoDeliveryAndEverythingIsAnsweredAfterIt gives every message once: whatever the API does,
// it is answered and goes on with a copy, ever slower, and at the end each machine has one isolation.
func TestHourOfAPITroubleBurnsNoDeliveryAndEverythingIsAnsweredAfterIt(t *testing.T) {
	long.Test(t)
	t.Parallel()
	down := &world.APIError{Kind: machine.Transient, Text: "503"}
	unknown := &world.APIError{Kind: machine.UnknownFate, Text: "503"}
	soon := &world.APIError{Kind: machine.Transient, Text: "429", After: 30 * time.Second}
	for name, set := range map[string]func(w *world.World, o *outage){
		"down": func(w *world.World, o *outage) {
			o.reads, o.acts = w.Hour(down), w.Hour(unknown)
		},
		"429 and when to come back": func(w *world.World, o *outage) { o.reads, o.acts = w.Hour(soon), w.Hour(soon) },
		"429 and nothing else":      func(w *world.World, o *outage) { o.reads, o.acts = w.Hour(down), w.Hour(down) },
		"requests are lost":         func(w *world.World, o *outage) { o.acts = w.Hour(unknown) },
		"answers are lost":          func(w *world.World, o *outage) { o.answers = w.Hour(unknown) },
		"the list is down":          func(w *world.World, o *outage) { o.reads = w.Hour(down) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			w.Twenty()
			p := w.Start(-1, false)
			o := &outage{Process: p}
			set(w, o)
			p.Change(func(options *respond.Options) { options.API = o })
			tries, end := 0, w.Clock().Add(time.Hour)
			for w.Clock().Before(end) {
				m, more := w.Take()
				if !more {
					break // all of them wait for the outcome
				}
				tries++
				if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
					t.Fatalf("%s was given back: %v", m.ID, err)
				}
				if run := w.Run(m.Message.AlertID, 1); run.State == runs.Started && run.Trouble == "" {
					t.Errorf("run %s does not say what keeps it", run.ID())
				}
			}
			if tries > 20*40 {
				t.Errorf("%d tries in an hour", tries)
			}
			w.Answered(p)
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
				w := world.New(t)
				w.Twenty()
				p := w.Start(-1, false)
				refuses, asked := w.Hour(world.ErrLost), 0
				w.Tables.SetFault(func(*http.Request) *tables.Fault {
					if asked++; asked%every != 0 || refuses() == nil {
						return nil
					}
					return &tables.Fault{Status: []int{
						http.StatusTooManyRequests, http.StatusServiceUnavailable,
					}[asked%2]}
				})
				for refuses() != nil {
					m, more := w.Take()
					if !more {
						break
					}
					if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
						t.Fatalf("%s was given back: %v", m.ID, err)
					}
					if every == 1 && w.Posts > 0 && refuses() != nil {
						t.Fatal("a machine was isolated without the ledger")
					}
				}
				w.Tables.SetFault(nil)
				w.Answered(p)
			})
		})
	}
}

// TestHourWithoutCopiesSetsNoMessageAside has the queue refuse what is sent while the API is down too. A message that
// is given back comes again at once, and is set aside after ten deliveries.
func TestHourWithoutCopiesSetsNoMessageAside(t *testing.T) {
	long.Test(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := world.New(t)
		w.Twenty()
		waiting := w.Queue
		w.Queue = nil
		p := w.Start(-1, false)
		begun, from := time.Now(), w.Clock()
		during := func(err error) func() error {
			return func() error {
				if time.Since(begun) < time.Hour {
					return err
				}
				return nil
			}
		}
		o := &outage{
			Process: p,
			reads:   during(&world.APIError{Kind: machine.Transient, Text: "503"}),
			sends:   during(errors.New("server busy")),
		}
		p.Change(func(options *respond.Options) { options.API, options.Queue = o, o })
		p.Change(func(options *respond.Options) {
			options.Now = func() time.Time { return from.Add(time.Since(begun)) }
		})
		var deliveries sync.Map
		var group sync.WaitGroup
		for _, m := range waiting {
			group.Go(func() {
				for n := 1; ; n++ {
					deliveries.Store(m.ID, n)
					ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute) // as an invocation has it
					err := p.Responder.Respond(ctx, m.Message.Encode(), n)
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
		w.Advance(time.Since(begun))
		p.Change(func(options *respond.Options) { options.Now = w.Clock })
		w.Answered(p)
	})
}
