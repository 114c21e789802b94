package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/local/defendersim"
	"cordon/local/funchost"
	"cordon/local/judge"
	"cordon/local/scenario"
	"cordon/local/world"
)

// site is one Functions host of a story and what its functions did.
type site struct {
	*funchost.Host

	mu       sync.Mutex
	received int // messages
	events   []funchost.Event
}

// counted is a broker whose deliveries to a site are counted.
type counted struct {
	funchost.Broker
	site *site
}

func (c *counted) Receive(ctx context.Context, queue string) (funchost.Delivery, error) {
	d, err := c.Broker.Receive(ctx, queue)
	if err == nil {
		c.site.mu.Lock()
		defer c.site.mu.Unlock()
		c.site.received++
	}
	return d, err
}

// open starts a Functions host on the world of the story; change alters its options, nil leaves them.
func (s *story) open(change func(*funchost.Options)) *site {
	s.t.Helper()
	root, err := app()
	if err != nil {
		s.t.Fatal(err)
	}
	opened := &site{}
	o := s.Host(root)
	o.Stdout, o.Stderr, o.OnInvocation = s.log, s.log, opened.note
	o.Logf = func(format string, args ...any) { s.log(funchost.Line{Text: "host: " + fmt.Sprintf(format, args...)}) }
	if change != nil {
		change(&o)
	}
	o.Broker = &counted{o.Broker, opened}
	if opened.Host, err = funchost.Start(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(opened.Close)
	return opened
}

func (s *site) note(e funchost.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// idle reports whether every message that the site received has been answered.
func (s *site) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	answered := 0
	for _, e := range s.events {
		if e.DeliveryCount > 0 {
			answered++
		}
	}
	return answered == s.received
}

// did counts the invocations of a function that succeeded, by instance.
func (s *site) did(function string) map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := map[int]int{}
	for _, e := range s.events {
		if e.Function == function && e.Err == nil {
			done[e.Instance]++
		}
	}
	return done
}

// crowd is a tenant with so many machines that need isolation, each with three High alerts of one incident, and a
// look-alike beside each that has one Medium alert. Every fifth of the latter is on a machine of its own and is raised
// to High.
func crowd(machines int) scenario.Scenario {
	var s scenario.Scenario
	add := func(name string) scenario.Machine {
		m := scenario.Machine{
			ID:    fmt.Sprintf("%040x", 0xc0de000000+len(s.Machines)),
			Name:  name + ".corp.contoso.com",
			OS:    "Windows11",
			Group: "Workstations",
		}
		s.Machines = append(s.Machines, m)
		return m
	}
	alert := func(m scenario.Machine, severity string) *scenario.Alert {
		n := len(s.Alerts)
		s.Alerts = append(s.Alerts, scenario.Alert{
			ID:        fmt.Sprintf("da6389944172%08d_-%d", 10000000+n, 700000000+n),
			Incident:  int64(61000 + len(s.Machines)),
			Title:     "Suspicious credential dump from LSASS",
			Category:  "CredentialAccess",
			Severity:  severity,
			MachineID: m.ID,
		})
		return &s.Alerts[n]
	}
	for i := range machines {
		hit := add(fmt.Sprintf("WS-%04d", i))
		for range 3 {
			alert(hit, "High")
		}
		quiet := alert(add(fmt.Sprintf("WS-%04d-2", i)), "Medium")
		if i%5 == 0 {
			quiet.Raised = time.Second
		}
	}
	return s
}

// populate puts the machines of a scenario into the tenant.
func (s *story) populate(of scenario.Scenario) *play {
	for _, m := range of.Machines {
		s.Defender.AddMachine(machineOf(m))
	}
	return &play{World: s.World, scenario: of, meddler: &meddler{}, begun: time.Now()}
}

// appear shows alerts of the scenario to the API.
func (p *play) appear(alerts []scenario.Alert) {
	for _, a := range alerts {
		now := time.Now().UTC()
		p.Defender.AddAlert(alertOf(a, now), now)
	}
}

// raise makes those alerts High that the scenario raises, once their first version was seen.
func (s *story) raise(p *play) {
	s.t.Helper()
	for _, a := range p.scenario.Alerts {
		if a.Raised == 0 {
			continue
		}
		s.eventually("the first version of "+a.ID, func() bool { return p.knows(a.ID) })
		if err := p.Defender.UpdateAlert(a.ID, func(x *defendersim.Alert) { x.Severity = "High" }); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (p *play) knows(alertID string) bool {
	return slices.ContainsFunc(p.Runs(), func(r judge.Run) bool { return r.AlertID == alertID })
}

// kept waits until everything is answered and holds the stand-ins' records against every promise: one run a version,
// one action a machine, every mail true and only once, no message set aside.
func (s *story) kept(p *play) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 4*time.Minute)
	defer cancel()
	if !until(ctx, 100*time.Millisecond, p.settled) {
		s.t.Errorf("not everything is answered: %s", p.open())
	}
	p.ended = time.Now()
	e := p.evidence()
	e.Strict = true
	verdict := judge.Judge(e)
	for _, problem := range verdict.Problems {
		s.t.Error("broken: ", problem)
	}
	if verdict.UntrueMails+verdict.Lost > 0 {
		s.t.Errorf("%+v", verdict)
	}
}

// open says what is not answered yet.
func (p *play) open() string {
	var open []string
	for _, r := range p.Runs() {
		if r.State != "closed" {
			open = append(open, fmt.Sprintf("%s v%d %s", r.AlertID, r.Version, r.State))
		}
	}
	for _, queue := range []string{world.AlertQueue, world.NoticeQueue} {
		open = append(open, fmt.Sprintf("%s %+v", queue, p.Bus.Counts(queue)))
	}
	for _, key := range p.Unsent() {
		open = append(open, "unsent notice "+key)
	}
	return strings.Join(open, ", ")
}

// noneSetAside asks that no queue has a dead letter.
func (s *story) noneSetAside() {
	s.t.Helper()
	for _, dead := range s.Dead() {
		s.t.Errorf("a dead letter: %s", dead)
	}
}

// mostDeliveries is how often the message of a queue was delivered that was delivered most often.
func (s *story) mostDeliveries(queue string) (most int, id string) {
	for _, r := range s.Bus.Records(queue) {
		if r.Deliveries > most {
			most, id = r.Deliveries, r.MessageID
		}
	}
	return most, id
}

// uncapped is the default playbook in enforce mode with caps that a crowd does not reach.
func uncapped(t *testing.T) string {
	t.Helper()
	root, err := app()
	if err != nil {
		t.Fatal(err)
	}
	return uncappedOf(t, root)
}

// uncappedOf is the same of another app root.
func uncappedOf(t *testing.T, root string) string {
	t.Helper()
	text, err := world.Enforcing(root)
	if err != nil {
		t.Fatal(err)
	}
	const caps = "perHour: 20, perDay: 60"
	if !strings.Contains(text, caps) {
		t.Fatalf("playbook.yaml has no line with %q to raise", caps)
	}
	return strings.Replace(text, caps, "perHour: 500, perDay: 500", 1)
}
