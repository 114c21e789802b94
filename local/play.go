package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/local/alertsim"
	"cordon/local/defendersim"
	"cordon/local/judge"
	"cordon/local/scenario"
	"cordon/local/servicebus"
	"cordon/local/world"
)

// play puts a scenario into a world, in real time.
type play struct {
	*world.World
	scenario scenario.Scenario
	meddler  *meddler
	begun    time.Time
	ended    time.Time

	front  string        // host and port of the Functions host
	judged bool          // the playbook is the one that the promises are about
	pushed int           // alerts that the webhook accepted
	health *judge.Health // in the end
}

// everything plays the scenario and, if it is judged, waits until all is answered, or for settleTime; watch sees the
// runs meanwhile.
func (p *play) everything(ctx context.Context, watch func([]judge.Run)) {
	for _, m := range p.scenario.Machines {
		p.Defender.AddMachine(machineOf(m))
	}
	// a failed action is asked for twice again
	failures := map[string]int{"fail-action": 3, "hide-failure": 1}[p.meddler.name]
	for range failures {
		p.Defender.FailNextAction(p.meddler.victim().MachineID)
	}
	if p.meddler.name == "drop-mail" {
		p.Mail.DropNext(1)
	}
	for _, step := range p.steps() {
		if !until(ctx, 100*time.Millisecond, func() bool {
			watch(p.Runs())
			return time.Since(p.begun) >= step.at
		}) {
			return
		}
		step.do()
	}
	if !p.judged {
		return
	}
	settle, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	until(settle, 200*time.Millisecond, func() bool {
		watch(p.Runs())
		return p.settled()
	})
	if p.meddler.name == "erase-run" {
		p.EraseRuns(p.meddler.victim().ID)
	}
	p.ended = time.Now()
	p.askHealth(ctx)
}

// machineOf is a machine of a scenario as the Defender stand-in has it.
func machineOf(m scenario.Machine) defendersim.Machine {
	return defendersim.Machine{ID: m.ID, Name: m.Name, OS: m.OS, Group: m.Group, Tags: m.Tags, Offline: m.Offline}
}

// alertOf is an alert of a scenario that was made at a time, as the Defender stand-in has it.
func alertOf(a scenario.Alert, at time.Time) defendersim.Alert {
	return defendersim.Alert{
		ID:         a.ID,
		IncidentID: a.Incident,
		Title:      a.Title,
		Category:   a.Category,
		Severity:   a.Severity,
		Status:     "New",
		MachineID:  a.MachineID,
		Created:    at,
		Updated:    at,
	}
}

// healthTime is how long the health function may take to say that all is well, after everything is answered.
const healthTime = 15 * time.Second

// askHealth asks the health function at the host's front, as a person would, until all is well.
func (p *play) askHealth(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	until(ctx, 500*time.Millisecond, func() bool {
		if err := p.lookAtHealth(ctx); err != nil {
			p.health = &judge.Health{Body: err.Error()}
		}
		return p.health.Status == http.StatusOK && p.health.OK
	})
}

func (p *play) lookAtHealth(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.front+"/api/health", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var said struct{ OK bool }
	err = json.Unmarshal(body, &said)
	p.health = &judge.Health{Status: answer.StatusCode, OK: said.OK, Body: string(body)}
	return err
}

// add has the tenant show an alert: Defender, and Graph with it, or Graph alone if it is another product's.
func (p *play) add(a scenario.Alert, updated, visible time.Time) {
	if a.Product == "" {
		p.Defender.AddAlert(alertOf(a, updated), visible)
		return
	}
	p.Alerts.AddAlert(alertsim.Alert{
		ID:            a.ID,
		IncidentID:    strconv.FormatInt(a.Incident, 10),
		Title:         a.Title,
		Category:      a.Category,
		Severity:      strings.ToLower(a.Severity),
		ServiceSource: a.Product,
		Created:       updated,
		Updated:       updated,
	}, visible)
}

// step is one thing that happens at a time.
type step struct {
	at time.Duration
	do func()
}

func (p *play) steps() []step {
	var steps []step
	for _, a := range p.scenario.Alerts {
		updated, visible := p.begun.Add(a.Updated).UTC(), p.begun.Add(a.Visible)
		steps = append(steps, step{a.Updated, func() { p.add(a, updated, visible) }})
		if a.Pushed {
			// A source that does not know a pushed alert yet leaves it to the polls, which never see this one.
			steps = append(steps, step{a.Visible + 2*graphLag, func() { p.push(a.ID) }})
		}
		if a.Raised > 0 {
			steps = append(steps,
				step{a.Raised, func() {
					p.Defender.UpdateAlert(a.ID, func(x *defendersim.Alert) { x.Severity = "High" })
				}})
		}
	}
	if p.scenario.Throttle > 0 {
		steps = append(steps, step{p.scenario.Throttle, p.throttle})
	}
	if p.meddler.name == "poison" {
		steps = append(steps, step{p.scenario.Length / 2, p.poison})
	}
	if p.meddler.name == "erase-memory" {
		steps = append(steps, step{p.scenario.Length * 3 / 4, p.eraseMemory})
	}
	if p.meddler.name == "erase-latch" {
		steps = append(steps, step{p.scenario.Length * 3 / 4, p.eraseLatch})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return int(a.at - b.at) })
	return append(steps, step{p.scenario.Length + time.Second, func() {}})
}

// eraseLatch takes a latch away, once the machine is isolated: on a busy computer that may be late, and before it there
// is nothing that could be missed. What comes later waits meanwhile.
func (p *play) eraseLatch() {
	const patience = 20 * time.Second
	machineID := p.meddler.machine("LT-7").ID
	for until := time.Now().Add(patience); !p.HasLatch(machineID) && time.Now().Before(until); {
		time.Sleep(100 * time.Millisecond)
	}
	p.EraseLatches(machineID)
}

// throttle answers the next requests with 429 and a Retry-After, whatever they are.
func (p *play) throttle() {
	until := time.Now().Add(1500 * time.Millisecond)
	p.Defender.SetFault(func(*http.Request) *defendersim.Fault {
		if time.Now().After(until) {
			return nil
		}
		return &defendersim.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second}
	})
}

// settled reports whether nothing is left to do: every run over or waiting for a machine that is offline, every notice
// sent, the queues empty.
func (p *play) settled() bool {
	offline := map[string]bool{}
	for _, m := range p.scenario.Machines {
		offline[m.ID] = m.Offline
	}
	answered := map[string]bool{}
	for _, r := range p.Runs() {
		over := r.State == "closed" || (p.meddler.name == "lose-finding" && strings.HasPrefix(r.AlertID, "hunt:")) ||
			r.State == "parked" || (r.State == "waiting" && offline[r.MachineID])
		if !over {
			return false
		}
		answered[r.AlertID] = true
	}
	if len(answered) < len(p.answers())+len(p.scenario.Hunted) && p.meddler.name != "hide-alert" &&
		p.meddler.name != "drop-push" {
		return false
	}
	for _, queue := range []string{world.AlertQueue, world.NoticeQueue} {
		if c := p.Bus.Counts(queue); c.Active+c.Scheduled > 0 {
			return false
		}
	}
	return len(p.Unsent()) == 0
}

// poison puts a message on the queue of alerts that is none.
func (p *play) poison() {
	_ = p.Bus.Send(world.AlertQueue, servicebus.Message{ID: "poison", Body: []byte("no message")}) // the queue is there
}

// evidence gathers what the stand-ins recorded.
func (p *play) evidence() judge.Evidence {
	e := p.Evidence()
	e.Pushed, e.Health = p.pushed, p.health
	e.Seconds = float64(p.ended.Sub(p.begun).Round(100*time.Millisecond)) / float64(time.Second)
	for _, m := range p.scenario.Machines {
		e.Machines = append(e.Machines, judge.Machine{
			ID:        m.ID,
			Name:      m.Name,
			Protected: m.Protected,
			Offline:   m.Offline,
		})
	}
	e.Alerts = p.answers()
	e.GraphCalls = len(p.Alerts.Calls())
	p.hunted(&e)
	return e
}

// answers are the alerts that are answered, each by its id in the ledger: one that names a second machine is answered
// for that as well.
func (p *play) answers() []judge.Alert {
	var all []judge.Alert
	for _, a := range p.scenario.Alerts {
		one := judge.Alert{ID: a.ID, MachineID: a.MachineID, Versions: 1, High: a.High()}
		if a.Raised > 0 {
			one.Versions = 2
		}
		all = append(all, one)
		if a.AlsoOn != "" {
			one.ID, one.MachineID = a.ID+":"+a.AlsoOn, a.AlsoOn
			all = append(all, one)
		}
	}
	return all
}

// until polls a condition until it holds or the context ends.
func until(ctx context.Context, every time.Duration, holds func() bool) bool {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return holds()
		case <-ticker.C:
		}
	}
	return true
}
