package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"cordon/local/defendersim"
	"cordon/local/funchost"
	"cordon/local/tables"
	"cordon/local/world"
)

// forgetful is a broker that gives every tenth message out twice: in turns beside its first delivery, as when a lock
// runs out while the message is answered, and after it, as when the completion is lost.
type forgetful struct {
	funchost.Broker

	mu     sync.Mutex
	first  int             // first deliveries so far
	undone map[string]bool // lock tokens whose completion is lost
	twice  int             // messages that were given out again
}

func (f *forgetful) Receive(ctx context.Context, queue string) (funchost.Delivery, error) {
	d, err := f.Broker.Receive(ctx, queue)
	if err != nil || d.DeliveryCount > 1 {
		return d, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.first++
	switch f.first % 20 {
	case 5:
		f.twice++
		return d, f.Broker.Abandon(ctx, queue, d.LockToken)
	case 15:
		f.undone[d.LockToken] = true
	}
	return d, nil
}

var errLockLost = errors.New("the lock is gone")

func (f *forgetful) Complete(ctx context.Context, queue, token string) error {
	f.mu.Lock()
	lost := f.undone[token]
	if lost {
		f.twice++
		delete(f.undone, token)
	}
	f.mu.Unlock()
	if lost {
		return errors.Join(errLockLost, f.Broker.Abandon(ctx, queue, token))
	}
	return f.Broker.Complete(ctx, queue, token)
}

func (f *forgetful) repeats() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.twice
}

// TestStoryManyInstancesShareTheWorkAndKeepEveryPromise has four responders and two of every other function, each a
// process of its own, on one queue and one ledger, with every tenth message delivered again.
func TestStoryManyInstancesShareTheWorkAndKeepEveryPromise(t *testing.T) {
	t.Parallel()
	s := newStage(t,
		world.Options{
			Playbook: uncapped(t),
			Defender: defendersim.Options{Quotas: &defendersim.Quotas{}, ListLag: 300 * time.Millisecond},
		}, nil)
	p := s.populate(crowd(40))
	// The real service takes some milliseconds, in which others are at work.
	s.Tables.SetFault(func(*http.Request) *tables.Fault { return &tables.Fault{Delay: 5 * time.Millisecond} })
	again := &forgetful{Broker: &world.Broker{Bus: s.Bus}, undone: map[string]bool{}}
	var sites []*site
	for range 2 {
		sites = append(sites, s.open(func(o *funchost.Options) {
			o.Broker, o.Instances = again, map[string]int{"RespondToAlert": 2}
		}))
	}
	p.appear(p.scenario.Alerts)
	s.raise(p)
	s.kept(p)
	for _, function := range []string{"RespondToAlert", "PollAlerts"} {
		all := 0
		for _, x := range sites {
			for _, n := range x.did(function) {
				all += n
			}
		}
		for i, x := range sites {
			did := x.did(function)
			if function == "RespondToAlert" && len(did) != 2 {
				t.Errorf("host %d has %d responders that answered anything", i, len(did))
			}
			for instance, n := range did {
				if 10*n < all {
					t.Errorf("%s %d of host %d did %d of %d", function, instance, i, n, all)
				}
			}
		}
		t.Logf("%s: %d invocations", function, all)
	}
	if n := again.repeats(); n < len(p.scenario.Alerts)/10 {
		t.Errorf("only %d messages were delivered again", n)
	}
}
