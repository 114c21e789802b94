package chaos

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cordon/local/alertsim"
	"cordon/local/defendersim"
	"cordon/local/judge"
	"cordon/local/world"
)

// story is what happens in the tenant: two High alerts on one machine at the same moment, a Medium one on a second
// machine that is raised to High once its first version is answered, one on a third that is only pushed, one throttled
// isolation, and a look at the health function in the middle. All alerts belong to one incident, so that their news
// share mails. The seed makes ids and order.
type story struct {
	machines []defendersim.Machine
	alerts   []defendersim.Alert // the last one is raised
	pushed   string              // id of the one that only a push brings up; empty: there is none
	shared   string              // id of the one that only Graph shows, with two machines; empty: there is none
}

// withPush adds a High alert on a machine of its own that is too old for any poll: another system reports it, again and
// again until the webhook accepts it.
func (s story) withPush(seed uint64) story {
	random := rand.New(rand.NewPCG(seed, 5))
	name := fmt.Sprintf("hr-lt-0009-%d.corp.contoso.com", random.IntN(90)+10)
	sum := sha1.Sum([]byte(name))
	s.machines = append(s.machines, defendersim.Machine{
		ID:    hex.EncodeToString(sum[:]),
		Name:  name,
		OS:    "Windows11",
		Group: "Workstations",
	})
	s.pushed = fmt.Sprintf("da6389944173%08d_%d", 10000000+random.IntN(89999999), random.Int32()-1<<30)
	s.alerts = slices.Insert(s.alerts, len(s.alerts)-1, defendersim.Alert{
		ID:         s.pushed,
		IncidentID: s.alerts[0].IncidentID,
		Title:      "Suspicious activity, pushed",
		Category:   "Execution",
		Severity:   "High",
		Status:     "New",
		MachineID:  s.machines[len(s.machines)-1].ID,
	})
	return s
}

// withGraph adds a High alert on two machines of its own that only Graph shows. It is answered once for each of them.
func (s story) withGraph(seed uint64) story {
	random := rand.New(rand.NewPCG(seed, 13))
	s.shared = fmt.Sprintf("da6389944174%08d_%d", 10000000+random.IntN(89999999), random.Int32()-1<<30)
	for i, name := range []string{"ops-ws-0031", "ops-ws-0032"} {
		full := fmt.Sprintf("%s-%d.corp.contoso.com", name, random.IntN(90)+10)
		sum := sha1.Sum([]byte(full))
		m := defendersim.Machine{ID: hex.EncodeToString(sum[:]), Name: full, OS: "Windows11", Group: "Workstations"}
		one := defendersim.Alert{ID: s.shared, Title: "Suspicious activity, shown by Graph", MachineID: m.ID}
		if i > 0 {
			one.ID += ":" + m.ID
		}
		s.machines = append(s.machines, m)
		s.alerts = slices.Insert(s.alerts, len(s.alerts)-1, one)
	}
	return s
}

// onlyGraphs reports whether only Graph shows an alert.
func (s story) onlyGraphs(alertID string) bool {
	return s.shared != "" && strings.HasPrefix(alertID, s.shared)
}

// addShared has Graph show the alert that only it has.
func (a *act) addShared(now time.Time) {
	if a.story.shared == "" {
		return
	}
	shown := alertsim.Alert{
		ID:            a.story.shared,
		IncidentID:    strconv.FormatInt(a.story.raised().IncidentID, 10),
		Category:      "Execution",
		Severity:      "high",
		ServiceSource: alertsim.Endpoint,
		Created:       now,
		Updated:       now,
	}
	for _, alert := range a.story.alerts {
		if a.story.onlyGraphs(alert.ID) {
			m, _ := a.Defender.Machine(alert.MachineID)
			shown.Title = alert.Title
			shown.Evidence = append(shown.Evidence, alertsim.Device(m, now, alert.ID == shown.ID))
		}
	}
	a.Alerts.AddAlert(shown, now)
}

func newStory(seed uint64) story {
	random := rand.New(rand.NewPCG(seed, 3))
	var s story
	for _, name := range []string{"fin-lt-0147", "dev-ws-0020"} {
		full := fmt.Sprintf("%s-%d.corp.contoso.com", name, random.IntN(90)+10)
		sum := sha1.Sum([]byte(full))
		s.machines = append(s.machines, defendersim.Machine{
			ID:    hex.EncodeToString(sum[:]),
			Name:  full,
			OS:    "Windows11",
			Group: "Workstations",
		})
	}
	incident := 48000 + random.Int64N(1000)
	for i, severity := range []string{"High", "High", "Medium"} {
		s.alerts = append(s.alerts, defendersim.Alert{
			ID:         fmt.Sprintf("da6389944172%08d_%d", 10000000+random.IntN(89999999), random.Int32()-1<<30),
			IncidentID: incident,
			Title:      fmt.Sprintf("Suspicious activity %d", i+1),
			Category:   "Execution",
			Severity:   severity,
			Status:     "New",
			MachineID:  s.machines[i/2].ID,
		})
	}
	if random.IntN(2) == 0 {
		s.alerts[0], s.alerts[1] = s.alerts[1], s.alerts[0]
	}
	return s
}

// raised is the alert that becomes High.
func (s story) raised() defendersim.Alert { return s.alerts[len(s.alerts)-1] }

// versions is how many views of an alert a rule can tell apart.
func (s story) versions(alertID string) int {
	if alertID == s.raised().ID {
		return 2
	}
	return 1
}

// act is one playing of a story in a world.
type act struct {
	*scene
	story  story
	raised bool
	pushed bool      // the webhook accepted it
	pushAt time.Time // of the last try
	asking sync.WaitGroup
	asked  bool
	stall  time.Duration // the longest that this machine kept the story waiting
	idle   time.Time     // since when nothing was open although the point was not struck
	looked time.Time     // at health
	health health        // of the end
}

// Times of one run. A run that is not over by patience has lost something.
const (
	patience = 100 * time.Second
	glance   = 40 * time.Millisecond
	again    = 500 * time.Millisecond
	calm     = 3 * time.Second // for the point of a run to be reached by what goes on without end
)

// prepare puts the tenant up as it is when the handler starts.
func (a *act) prepare() {
	for _, m := range a.story.machines {
		a.Defender.AddMachine(m)
	}
	now := time.Now().UTC()
	a.addShared(now)
	for _, alert := range a.story.alerts {
		if a.story.onlyGraphs(alert.ID) {
			continue
		}
		alert.Created, alert.Updated = now, now
		visible := now
		if alert.ID == a.story.pushed {
			visible = now.Add(-beforePolls) // also to a source that lags
			alert.Created, alert.Updated = visible, visible
		}
		a.Defender.AddAlert(alert, visible)
	}
	var once sync.Once
	a.Defender.SetFault(func(r *http.Request) *defendersim.Fault {
		var f *defendersim.Fault
		if world.IsIsolate(r) {
			once.Do(func() { f = &defendersim.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second} })
		}
		return f
	})
}

// play lets the story happen until everything is answered, or returns what is still open when patience ends.
func (a *act) play(ctx context.Context) (open []string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer a.asking.Wait()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		a.goOn(ctx)
		if open = a.open(); len(open) == 0 {
			if a.met() && a.look(ctx) {
				return nil
			}
			open = []string{"the point is not reached, or health says " + a.health.text}
		}
		from := time.Now()
		select {
		case <-tick.C:
			a.stall = max(a.stall, time.Since(from)-glance)
		case <-ctx.Done():
			return append(open, "after "+patience.String())
		}
	}
}

// met reports whether the run's point was struck, or it is of no use to wait for it any longer. It is asked only while
// nothing is open, and often.
func (a *act) met() bool {
	switch {
	case time.Since(a.looked) < again:
		return false
	case a.gate.point.Kind == "" || !a.gate.struckAt().IsZero():
		return true
	case a.idle.IsZero():
		a.idle = time.Now()
	}
	return time.Since(a.idle) > calm
}

// beforePolls is longer than the first poll looks back.
const beforePolls = 3 * time.Hour

// push reports the alert as another system does: until it is accepted, whatever became of the tries before.
func (a *act) push(ctx context.Context) {
	if a.story.pushed == "" || a.pushed || time.Since(a.pushAt) < again {
		return
	}
	a.pushAt = time.Now()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.host.Addr()+"/api/alerts",
		strings.NewReader(`{"alertId":"`+a.story.pushed+`"}`))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return
	}
	defer answer.Body.Close()
	a.pushed = answer.StatusCode == http.StatusAccepted
}

// run is the run of a version; the zero one if there is none yet.
func (a *act) run(alertID string, version int) judge.Run {
	for _, r := range a.Runs() {
		if r.AlertID == alertID && r.Version == version {
			return r
		}
	}
	return judge.Run{}
}

// goOn does what is due in the story.
func (a *act) goOn(ctx context.Context) {
	a.push(ctx)
	if !a.raised && a.run(a.story.raised().ID, 1).Over() {
		a.raised = true
		// it is there
		_ = a.Defender.UpdateAlert(a.story.raised().ID, func(x *defendersim.Alert) { x.Severity = "High" })
	}
	if !a.asked && len(a.Defender.Actions()) > 0 {
		a.asked = true
		a.asking.Go(func() { _, _ = a.ask(ctx) }) // whoever is struck here gets no answer
	}
}

// health is the body of the health function, as far as it is held against the truth.
type health struct {
	OK            bool              `json:"ok"`
	OpenEpisodes  int               `json:"openEpisodes"`
	UnsentNotices string            `json:"unsentNotices"`
	Runs          map[string]string `json:"runs"` // that are not over
	Queues        map[string]string `json:"queues"`
	text          string
}

func (a *act) ask(ctx context.Context) (health, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.host.Addr()+"/api/health", nil)
	if err != nil {
		return health{}, err
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return health{}, err
	}
	defer answer.Body.Close()
	var h health
	var body json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return health{}, err
	}
	h.text = string(body)
	return h, json.Unmarshal(body, &h)
}

// look asks for the health of the end and reports whether it is good. It comes after everything is answered, so
// anything else than good is asked again.
func (a *act) look(ctx context.Context) bool {
	h, err := a.ask(ctx)
	a.looked = time.Now()
	if err != nil && ctx.Err() == nil {
		h.text = err.Error()
	}
	if h.text != "" {
		a.health = h
	}
	return err == nil && h.OK
}

// open lists what is left to do; empty when nothing is, and poll and follow have gone through once since the strike.
func (a *act) open() []string {
	var open []string
	if a.story.pushed != "" && !a.pushed {
		open = append(open, "the push is not accepted")
	}
	for _, alert := range a.story.alerts {
		for v := range a.story.versions(alert.ID) {
			if r := a.run(alert.ID, v+1); !r.Over() {
				open = append(open, fmt.Sprintf("version %d of alert %s is %q", v+1, alert.ID, r.State))
			}
		}
	}
	for _, queue := range []string{world.AlertQueue, world.NoticeQueue} {
		if c := a.Bus.Counts(queue); c.Active+c.Scheduled > 0 {
			open = append(open,
				fmt.Sprintf("queue %s holds %d messages and %d for later", queue, c.Active, c.Scheduled))
		}
	}
	for _, n := range a.Notices() {
		if n.State != "sent" {
			open = append(open, fmt.Sprintf("notice %d is %s", n.Seq, n.State))
		}
	}
	for _, row := range a.Tables.Rows("cordonlatches") {
		if state, _ := row.Properties["State"].(string); row.RowKey == "isolation" && state != "achieved" &&
			state != "ended" {
			open = append(open, fmt.Sprintf("the latch of machine %v is %s", row.Properties["MachineID"], state))
		}
	}
	for _, key := range a.Unsent() {
		open = append(open, "the index of notices to send names "+key)
	}
	return append(open, a.rounds()...)
}

// rounds lists the timers that have not gone through since the strike.
func (a *act) rounds() []string {
	since := a.gate.struckAt()
	events, _, _ := a.records()
	done := map[string]bool{}
	for _, e := range events {
		if e.Err == nil && e.Start.After(since) {
			done[e.Function] = true
		}
	}
	var open []string
	for _, function := range []string{"PollAlerts", "FollowActions"} {
		if !done[function] {
			open = append(open, function+" has not gone through")
		}
	}
	return open
}
