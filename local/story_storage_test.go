package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/local/defendersim"
	"cordon/local/funchost"
	"cordon/local/tables"
	"cordon/local/world"
)

// TestStoryStorageGoneForTwoMinutesLosesNothing takes the storage account away in the midst of the work, the host's
// leases and the ledger's tables alike, and gives it back after two minutes. Nothing is shortened but the schedules:
// what the host and the handler do meanwhile depends on how long their waits are.
func TestStoryStorageGoneForTwoMinutesLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, world.Options{Playbook: uncapped(t)},
		map[string]string{"CORDON_RETRY_AFTER": "5s", "CORDON_LATCH_HOLD": "1m", "CORDON_RECHECK_AFTER": "1m"})
	p := s.populate(crowd(6))
	store, err := funchost.NewStorage("")
	if err != nil {
		t.Fatal(err)
	}
	var first sync.Once
	lost := make(chan struct{})
	s.Defender.SetFault(func(r *http.Request) *defendersim.Fault {
		if r.Method == http.MethodPost {
			first.Do(func() {
				s.Tables.SetFault(func(*http.Request) *tables.Fault {
					return &tables.Fault{Status: http.StatusServiceUnavailable, Drop: true}
				})
				store.Lose()
				close(lost)
			})
		}
		return nil
	})
	s.open(func(o *funchost.Options) { o.Storage = store })
	third := len(p.scenario.Alerts) / 3
	p.appear(p.scenario.Alerts[:third])
	s.eventually("the first isolation that is asked for", func() bool {
		select {
		case <-lost:
			return true
		default:
			return false
		}
	})
	back := time.After(2 * time.Minute)
	p.appear(p.scenario.Alerts[third : 2*third])
	for _, timer := range []string{"PollAlerts/0: timer PollAlerts", "FollowActions/0: timer FollowActions"} {
		instance, _, _ := strings.Cut(timer, ":")
		for _, said := range []string{
			"host: " + timer + ": its lease cannot be renewed, the host shuts down: the storage does not answer",
			"host: " + instance + ": the host starts without its storage and hears nothing",
			"host: " + timer + ": the storage does not answer; tried again in",
		} {
			s.eventually(said, func() bool { return s.logged(said) > 0 })
		}
	}
	<-back
	s.Tables.SetFault(nil)
	store.Restore()
	p.appear(p.scenario.Alerts[2*third:])
	s.raise(p)
	s.kept(p)
	for _, queue := range []string{world.AlertQueue, world.NoticeQueue} {
		if most, id := s.mostDeliveries(queue); most > 2 {
			t.Errorf("message %s of %s was delivered %d times", id, queue, most)
		}
	}
}
