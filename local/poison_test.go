package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/local/funchost"
	"cordon/local/judge"
	"cordon/local/scenario"
	"cordon/local/smtpsink"
	"cordon/local/world"
)

// poison kills the process that asks for anything about one machine. The first time it waits until the process asks for
// all the others too, so that all of them are in flight when it dies; later the others wait a little, so that whatever
// is begun beside the poison dies with it.
type poison struct {
	machine string
	others  int
	about   func(*http.Request) string // the machine that a request asks for; empty: none
	kill    func() error

	mu     sync.Mutex
	inside map[string]bool // machines that were asked for before the first death
	all    chan struct{}   // closed when all of them were
	deaths int
}

func (p *poison) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		machine := p.about(r)
		if machine == "" {
			next.ServeHTTP(w, r)
			return
		}
		p.wait(machine, r)
		if machine == p.machine {
			p.mu.Lock()
			p.deaths++
			p.mu.Unlock()
			_ = p.kill() // it is dead, or the story fails
			return
		}
		if r.Context().Err() == nil {
			next.ServeHTTP(w, r)
		}
	})
}

// wait keeps a request back: before the first death until everybody is there, later for a moment.
func (p *poison) wait(machine string, r *http.Request) {
	p.mu.Lock()
	first := p.deaths == 0
	if p.inside[machine] = true; first && len(p.inside) == p.others+1 {
		select {
		case <-p.all:
		default:
			close(p.all)
		}
	}
	p.mu.Unlock()
	if first {
		select {
		case <-p.all:
		case <-r.Context().Done():
		}
	}
	if machine != p.machine {
		pause := time.NewTimer(300 * time.Millisecond)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-r.Context().Done():
		}
	}
}

// ofLatch is the machine whose latch is read.
func ofLatch(machines []scenario.Machine) func(*http.Request) string {
	return func(r *http.Request) string {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/cordonlatches(") {
			return ""
		}
		return named(machines, r.URL.Path)
	}
}

// ofRequest is the machine that a request to the Defender API names, in path or query.
func ofRequest(machines []scenario.Machine) func(*http.Request) string {
	return func(r *http.Request) string { return named(machines, r.URL.String()) }
}

func named(machines []scenario.Machine, text string) string {
	i := slices.IndexFunc(machines, func(m scenario.Machine) bool { return strings.Contains(text, m.ID) })
	if i < 0 {
		return ""
	}
	return machines[i].ID
}

// TestStoryPoisonIsParkedAndItsNeighboursAreAnswered has sixteen messages in flight in one process, one of which kills
// it whenever it is answered: at the read of its machine's latch, or at whatever it asks the Defender API about its
// machine.
func TestStoryPoisonIsParkedAndItsNeighboursAreAnswered(t *testing.T) {
	t.Parallel()
	for where, atLatch := range map[string]bool{"before its intent": true, "at its request": false} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, world.Options{Playbook: uncapped(t), Lock: 3 * time.Second}, map[string]string{
				"CORDON_OPERATOR_MAIL": "operator@example.org",
				"CORDON_LATCH_HOLD":    "3s",
				"CORDON_RECHECK_AFTER": "4s",
				"CORDON_MESSAGE_LOCK":  "3s",
				"CORDON_RETRY_AFTER":   "500ms",
			})
			p := s.populate(sixteen())
			victim := p.scenario.Machines[7]
			x := &poison{
				machine: victim.ID,
				others:  15,
				about:   ofRequest(p.scenario.Machines),
				inside:  map[string]bool{},
				all:     make(chan struct{}),
			}
			tables, defender := http.Handler(s.Tables), x.before(s.Defender.Handler())
			if atLatch {
				x.about = ofLatch(p.scenario.Machines)
				tables, defender = x.before(s.Tables), s.Defender.Handler()
			}
			root, err := app()
			if err != nil {
				t.Fatal(err)
			}
			p.appear(p.scenario.Alerts)
			responders := s.open(func(o *funchost.Options) {
				o.AppRoot = staged(t, root, "RespondToAlert")
				s.apart(o, tables, defender)
			})
			x.kill = func() error { return responders.Kill("RespondToAlert", 0) }
			s.open(func(o *funchost.Options) {
				o.AppRoot = staged(t, root, "PollAlerts", "FollowActions", "SendNotice")
			})
			s.eventually("the poison to be parked", func() bool {
				return slices.ContainsFunc(p.Runs(), func(r judge.Run) bool {
					return r.MachineID == victim.ID && r.State == "parked"
				})
			})
			s.eventually("the operator to be told", func() bool {
				return slices.ContainsFunc(s.Mail.Mails(), func(m smtpsink.Mail) bool {
					return slices.Equal(m.To, []string{"operator@example.org"}) &&
						strings.Contains(m.Text, p.scenario.Alerts[7].ID)
				})
			})
			t.Logf("the process died %d times", x.deaths)
			s.eventually("an answer to everything", p.settled)
			for _, r := range p.Runs() {
				if r.MachineID != victim.ID && (r.State != "closed" || r.Outcome != "isolated") {
					t.Errorf("the neighbour %s is %s: %s %s", r.AlertID, r.State, r.Outcome, r.Reason)
				}
			}
			for _, m := range p.scenario.Machines {
				if s.Defender.Isolated(m.ID) == (m.ID == victim.ID) {
					t.Errorf("machine %s isolated: %v", m.Name, s.Defender.Isolated(m.ID))
				}
			}
			if n := s.isolations(); n != 15 {
				t.Errorf("%d isolations", n)
			}
			s.noneSetAside()
		})
	}
}

// sixteen is a tenant with one High alert on each of sixteen machines.
func sixteen() scenario.Scenario {
	var s scenario.Scenario
	for i := range 16 {
		m := scenario.Machine{
			ID:   fmt.Sprintf("%040x", 0xab1e00000+i),
			Name: fmt.Sprintf("LT-%02d.corp.contoso.com", i),
			OS:   "Windows11",
		}
		s.Machines = append(s.Machines, m)
		s.Alerts = append(s.Alerts, scenario.Alert{
			ID:        fmt.Sprintf("da6389955263%08d_-%d", 20000000+i, 800000000+i),
			Incident:  int64(71000 + i),
			Title:     "Possible ransomware activity",
			Category:  "Ransomware",
			Severity:  "High",
			MachineID: m.ID,
		})
	}
	return s
}
