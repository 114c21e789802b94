package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/local/defendersim"
	"cordon/local/entrasim"
	"cordon/local/funchost"
	"cordon/local/scenario"
	"cordon/local/servicebus"
	"cordon/local/tables"
	"cordon/local/world"
)

// trouble is something outside that fails for a while. It begins with the first isolation that is asked for.
type trouble struct {
	name  string
	first bool                                   // it is there before the handler is
	fault func(*http.Request) *defendersim.Fault // of the Defender API; nil: none
	begin func(s *story, felt func()) error      // of anything else; felt is to be called whenever somebody meets it
	// what must go on all the same, with so many alerts shown; nil: nothing
	during func(s *story, p *play, shown int)
	end    func(s *story)
	lasts  time.Duration
	cuts   bool // the Functions host's connection to the queues too
	// deliveries is how often a message may be delivered at most; 0: once, because nothing may be given back.
	deliveries int
}

func defenderTrouble(name string, lasts time.Duration, f defendersim.Fault) trouble {
	return trouble{name: name, lasts: lasts, fault: func(*http.Request) *defendersim.Fault { return &f }}
}

// tablesTrouble refuses so many of three requests to the tables, with 503 and 429 in turns.
func tablesTrouble(name string, lasts time.Duration, ofThree int32) trouble {
	return trouble{name: name, lasts: lasts, begin: func(s *story, felt func()) error {
		var asked atomic.Int32
		s.Tables.SetFault(func(*http.Request) *tables.Fault {
			i := asked.Add(1)
			if i%3 >= ofThree {
				return nil
			}
			felt()
			return &tables.Fault{Status: []int{http.StatusServiceUnavailable, http.StatusTooManyRequests}[i%2]}
		})
		return nil
	}, end: func(s *story) { s.Tables.SetFault(nil) }}
}

// troubles are what this file plays, each for some seconds with the waits shortened alike. What a client repeats by
// itself would not be felt, so they last a little longer than that.
func troubles() []trouble {
	return []trouble{
		defenderTrouble("Defender is down", 5*time.Second, defendersim.Fault{Status: http.StatusServiceUnavailable}),
		defenderTrouble("Defender says 429 and when to come back", 9*time.Second, defendersim.Fault{
			Status:     http.StatusTooManyRequests,
			RetryAfter: 2 * time.Second,
		}),
		defenderTrouble("Defender says 429 and nothing else", 5*time.Second,
			defendersim.Fault{Status: http.StatusTooManyRequests}),
		defenderTrouble("Defender's answers are lost", 3*time.Second, defendersim.Fault{ResetAfterHandling: true}),
		tablesTrouble("Tables are down", 12*time.Second, 3),
		tablesTrouble("Tables throttle", 10*time.Second, 2),
		{name: "no tokens", first: true, lasts: 5 * time.Second, begin: func(s *story, felt func()) error {
			s.Entra.SetFault(entrasim.Fault{Status: http.StatusServiceUnavailable})
			felt()
			return nil
		}, end: func(s *story) { s.Entra.SetFault(entrasim.Fault{}) }},
		{name: "no mail", lasts: 6 * time.Second, begin: func(s *story, felt func()) error {
			s.Mail.FailNext(1000, 451)
			felt()
			return nil
		}, during: isolatedWithoutMail, end: func(s *story) { s.Mail.FailNext(0, 451) }},
		{
			name:       "Service Bus drops connections",
			lasts:      5 * time.Second,
			cuts:       true,
			deliveries: 2,
			begin: func(s *story, felt func()) error {
				s.Bus.RefuseConnections(true)
				if s.Bus.DropConnections() == 0 {
					return errors.New("nobody was connected")
				}
				felt()
				return nil
			},
			end: func(s *story) { s.Bus.RefuseConnections(false) },
		},
		revokedKey(),
		{
			name:  "Service Bus refuses what is sent and Defender is down",
			lasts: 6 * time.Second,
			fault: func(*http.Request) *defendersim.Fault {
				return &defendersim.Fault{Status: http.StatusServiceUnavailable}
			},
			begin: func(s *story, felt func()) error {
				felt()
				return errors.Join(s.Bus.RefuseSends(world.AlertQueue, servicebus.Refusal{}),
					s.Bus.RefuseSends(world.NoticeQueue, servicebus.Refusal{}))
			},
			end: func(s *story) { s.Bus.AllowSends(world.AlertQueue); s.Bus.AllowSends(world.NoticeQueue) },
		},
	}
}

// revokedKey lets the handler's key open nothing until somebody gives it back. The host has the same key.
func revokedKey() trouble {
	var old string
	return trouble{name: "the key of Service Bus is revoked", lasts: 5 * time.Second, cuts: true, deliveries: 2,
		begin: func(s *story, felt func()) error {
			old = s.Bus.ChangeKey("bm8gbG9uZ2Vy")
			if s.Bus.DropConnections() == 0 {
				return errors.New("nobody was connected")
			}
			felt()
			return nil
		}, end: func(s *story) { s.Bus.ChangeKey(old) }}
}

// isolatedWithoutMail asks that nothing waits for the mail server.
func isolatedWithoutMail(s *story, p *play, shown int) {
	for _, a := range p.scenario.Alerts[:shown] {
		if a.High() && a.Raised == 0 {
			s.eventually("the isolation of "+a.MachineID+" while no mail can be sent", func() bool {
				return s.Defender.Isolated(a.MachineID)
			})
		}
	}
	if n := len(s.Mail.Mails()); n != 0 {
		s.t.Errorf("%d mails were taken", n)
	}
}

// strike lets the trouble begin, now or with the first isolation that is asked for, and returns a count of how often it
// was felt.
func (x trouble) strike(s *story, line *cut) *atomic.Int32 {
	var felt atomic.Int32
	var once sync.Once
	begin := func() {
		line.off.Store(x.cuts)
		if x.begin == nil {
			return
		}
		if err := x.begin(s, func() { felt.Add(1) }); err != nil {
			s.t.Error(err)
		}
	}
	if x.first {
		begin()
		return &felt
	}
	var begun atomic.Bool
	s.Defender.SetFault(func(r *http.Request) *defendersim.Fault {
		if r.Method == http.MethodPost {
			once.Do(begin)
			begun.Store(true)
		}
		if x.fault == nil || !begun.Load() {
			return nil
		}
		felt.Add(1)
		return x.fault(r)
	})
	return &felt
}

// cut is a broker whose connection to the Functions host can be cut, as those of everybody else are.
type cut struct {
	funchost.Broker
	off atomic.Bool
}

var errCut = errors.New("connection lost")

func (c *cut) Receive(ctx context.Context, queue string) (funchost.Delivery, error) {
	for c.off.Load() {
		return funchost.Delivery{}, errCut
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond) // so that nobody waits on a line that is dead
	defer cancel()
	d, err := c.Broker.Receive(short, queue)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return c.Receive(ctx, queue)
	}
	return d, err
}

func (c *cut) Complete(ctx context.Context, queue, token string) error {
	if c.off.Load() {
		return errCut
	}
	return c.Broker.Complete(ctx, queue, token)
}

func (c *cut) Renew(ctx context.Context, queue, token string) (time.Time, error) {
	if c.off.Load() {
		return time.Time{}, errCut
	}
	return c.Broker.Renew(ctx, queue, token)
}

// TestStoryTroubleOutsideLosesNothingAndBurnsNoDelivery lets one thing outside fail in the midst of the work:
// afterwards everything is answered once, nothing was set aside, and no message was given back to come again at once.
func TestStoryTroubleOutsideLosesNothingAndBurnsNoDelivery(t *testing.T) {
	t.Parallel()
	for _, x := range troubles() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t,
				world.Options{
					Playbook: uncapped(t),
					Lock:     3 * time.Second,
					Defender: defendersim.Options{Quotas: &defendersim.Quotas{}, ListLag: 300 * time.Millisecond},
				},
				map[string]string{
					"CORDON_LATCH_HOLD":    "3s",
					"CORDON_RECHECK_AFTER": "4s",
					"CORDON_MESSAGE_LOCK":  "3s",
					"CORDON_RETRY_AFTER":   "200ms",
				})
			p := s.populate(crowd(6))
			line := &cut{Broker: &world.Broker{Bus: s.Bus}}
			felt := x.strike(s, line)
			third := len(p.scenario.Alerts) / 3
			s.open(func(o *funchost.Options) {
				if x.cuts {
					o.Broker = line
				}
			})
			p.appear(p.scenario.Alerts[:third])
			for i, a := range p.scenario.Alerts[:third] {
				if !x.first {
					break
				}
				// Nothing can be polled, but somebody may ask.
				if err := s.Bus.Send(world.AlertQueue, servicebus.Message{
					ID:   fmt.Sprint("by hand ", i),
					Body: []byte(`{"alertId":"` + a.ID + `"}`),
				}); err != nil {
					t.Fatal(err)
				}
			}
			s.eventually("the trouble to be felt", func() bool { return felt.Load() > 0 })
			ends := time.After(x.lasts)
			p.appear(p.scenario.Alerts[third : 2*third])
			if x.during != nil {
				x.during(s, p, 2*third)
			}
			<-ends
			if x.end != nil {
				x.end(s)
			}
			s.Defender.SetFault(nil)
			line.off.Store(false)
			p.appear(p.scenario.Alerts[2*third:])
			s.raise(p)
			s.kept(p)
			for _, queue := range []string{world.AlertQueue, world.NoticeQueue} {
				if most, id := s.mostDeliveries(queue); most > max(x.deliveries, 1) {
					t.Errorf("message %s of %s was delivered %d times", id, queue, most)
				}
			}
		})
	}
}

// TestStoryAfterAnOutageHighIsEnqueuedFirst shows alerts while the API cannot be read, the most urgent ones last.
func TestStoryAfterAnOutageHighIsEnqueuedFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t, world.Options{Playbook: uncapped(t), Defender: defendersim.Options{Quotas: &defendersim.Quotas{}}},
		nil)
	p := s.populate(crowd(6))
	var felt atomic.Int32
	s.Defender.SetFault(func(*http.Request) *defendersim.Fault {
		felt.Add(1)
		return &defendersim.Fault{Status: http.StatusServiceUnavailable}
	})
	slices.SortStableFunc(p.scenario.Alerts, func(a, b scenario.Alert) int {
		return strings.Compare(b.Severity, a.Severity)
	})
	high := map[string]bool{}
	for i, a := range p.scenario.Alerts {
		p.scenario.Alerts[i].Raised = 0
		high[a.ID] = a.Severity == "High"
	}
	s.open(nil)
	p.appear(p.scenario.Alerts)
	s.eventually("the outage to be felt", func() bool { return felt.Load() > 0 })
	s.Defender.SetFault(nil)
	s.kept(p)
	others := 0
	for _, r := range s.Bus.Records(world.AlertQueue) {
		var m struct {
			AlertID string
			Attempt int
		}
		if err := json.Unmarshal(r.Body, &m); err != nil {
			t.Fatal(err)
		}
		if m.Attempt > 0 || r.Fate == servicebus.Duplicate {
			continue // a copy, or one that was sent again meanwhile
		}
		if !high[m.AlertID] {
			others++
		} else if others > 0 {
			t.Errorf("the High alert %s was enqueued behind %d others", m.AlertID, others)
		}
	}
	if others != 6 {
		t.Errorf("%d messages about other alerts, want 6", others)
	}
}
