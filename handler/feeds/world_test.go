package feeds

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"cordon/handler/archive"
	"cordon/handler/defender"
	"cordon/handler/follow"
	"cordon/handler/graph"
	"cordon/handler/graph/alerts"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/notice"
	"cordon/handler/playbook"
	"cordon/handler/poll"
	"cordon/handler/respond"
	"cordon/handler/sources"
	"cordon/local/alertsim"
	"cordon/local/defendersim"
	"cordon/local/servicebus"
	"cordon/local/tables"
)

// The settings of Cordon in these tests: the documented defaults.
const (
	tenant         = "tenant"
	overlap        = 15 * time.Minute
	snapshotMaxAge = 2 * time.Minute
	staleAfter     = day
	recheckAfter   = 120 * time.Second
	latchHold      = time.Minute
	messageLock    = time.Minute
	retryAfter     = 5 * time.Second
	noticeWindow   = 30 * time.Second
	sweepAfter     = 10 * time.Minute
	isolationLift  = 7 * day
	reach          = 7 * day // how late an alert may become visible and is still found
)

// The queues.
const (
	alertQueue  = "alerts"
	noticeQueue = "notices"
)

// isolateHigh is the playbook: High alerts that are not resolved isolate, and nothing else happens.
const isolateHigh = `version: 1
mode: enforce
rules:
  - name: contain-high-severity
    on: alert
    when: alert.severity == "High" && alert.status != "Resolved"
    do:
      - isolate: { type: Full, comment: "Alert {{.Alert.ID}}" }
      - mail: {}
protect:
  tags: [never-isolate]
limits:
  isolate: { perHour: 1000, perDay: 1000, perMachine: { perDay: 1000 }, then: hold }
`

// epoch is when Cordon starts for the first time.
var epoch = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// world is a tenant with its API, the tables, the broker, the people who get mail, and Cordon's processes, all under
// one clock. One thing happens at a time; only a poll reads and writes the ledger from several goroutines.
type world struct {
	feed   feed
	now    time.Time // our clock; the API's is Skew ahead
	sim    *defendersim.Sim
	graph  *alertsim.Sim // of the same tenant
	tables *tables.Server
	bus    *servicebus.Server
	clean  *defender.Client // reads the API without faults and unseen

	poller, second       *instance
	responders           [2]*instance
	follower, messengers *instance

	dead     map[part]breakdown   // sources of alerts that show none
	hiding   map[string]bool      // alerts that Graph never shows
	newest   map[string]time.Time // last update of each alert that any source showed
	down     map[part]breakdown
	broke    []breakdown // all of them, since the beginning
	glitches []*fault
	page     *fault
	losing   int                    // messages that the broker is about to lose
	losses   []string               // ids of those that it lost
	pending  []*servicebus.Delivery // messages that the responders have in hand and have not begun
	planned  []*step                // interrupts that wait for their moment
	later    []appearance           // changes that the API shows later
	onPage   func()                 // called after every page of alerts; nil: nothing
	depth    int                    // how many calls of functions are under way, one inside another
	chance   func(n int) int
	alerts   []string // ids in the order in which they were made
	latest   time.Time

	oracle
	looked
	site    *site           // nil: nobody looks at the console
	covered map[string]bool // what the coverage table counts
	story   []string        // what happened, for whoever reads a failure
}

type breakdown struct {
	from, until time.Time
	how         how
}

// fault is a failure that waits for its call, or a page fault with its end.
type fault struct {
	part  part
	left  int
	how   how
	until time.Time
}

// appearance is a change that the API shows at a time.
type appearance struct {
	at   time.Time
	show func()
}

// instance is one process of Cordon: on Azure every function but the HTTP ones has processes of its own.
type instance struct {
	*world
	name      string
	ledger    *ledger.Store
	poller    *poll.Poller
	responder *respond.Responder
	follower  *follow.Follower
	outbox    *notice.Outbox
	busy      bool
	listing   string // the watermark of the source that was listed last
}

// clock is our clock for everything that runs.
func (w *world) clock() time.Time { return w.now }

// apiNow is the API's clock, in the API's resolution.
func (w *world) apiNow() time.Time {
	return w.now.Add(w.feed.Skew).UTC().Truncate(100 * time.Nanosecond)
}

// Now and AfterFunc make the world the broker's clock. The broker looks at it with every call, so it needs no timers.
func (w *world) Now() time.Time { return w.now }

// AfterFunc never fires.
func (w *world) AfterFunc(time.Duration, func()) func() bool { return func() bool { return true } }

func newWorld(f feed, book *playbook.Book) (*world, error) {
	w := &world{
		feed:    f,
		now:     epoch,
		dead:    map[part]breakdown{},
		hiding:  map[string]bool{},
		newest:  map[string]time.Time{},
		down:    map[part]breakdown{},
		covered: map[string]bool{},
		oracle:  newOracle(),
		chance:  chances(f.Chance),
	}
	w.sim = defendersim.New(defendersim.Options{
		Now:           w.apiNow,
		Quotas:        &defendersim.Quotas{},
		ListLag:       f.ListLag,
		Lift:          isolationLift,
		ShuffleAlerts: true,
		Seed:          1,
		ActionDelay: func(string, string) (time.Duration, time.Duration, defendersim.Status) {
			return f.Acting / 3, f.Acting, defendersim.Succeeded
		},
	})
	ofGraph := alertsim.Options{
		Tenant:    w.sim,
		Now:       w.apiNow,
		PerMinute: -1,
		Lag:       f.GraphLag,
	}
	if f.OwnIDs {
		ofGraph.GraphID = func(id string) string { return "graph-" + id }
		ofGraph.NoProviderID = true
		w.cover("ids that differ")
	}
	w.graph = alertsim.New(ofGraph)
	w.tables = tables.New(tables.Options{Now: w.clock})
	if !f.Fresh {
		w.tables.PutRow("tswitches", tables.Row{
			PartitionKey: tenant,
			RowKey:       "beginning",
			Properties:   map[string]any{"At": epoch.Add(-400 * day).Format(time.RFC3339Nano)},
		})
	}
	queue := servicebus.QueueConfig{
		LockDuration:     messageLock,
		DuplicateWindow:  f.Window,
		TTL:              7 * day,
		MaxDeliveryCount: 10,
	}
	alerts, notices := queue, queue
	alerts.Name, notices.Name = alertQueue, noticeQueue
	var err error
	if w.bus, err = servicebus.New(servicebus.Options{
		Clock:  w,
		Queues: []servicebus.QueueConfig{alerts, notices},
	}); err != nil {
		return nil, err
	}
	w.clean = client(answers(func(r *http.Request) (*http.Response, error) { return w.ask(r), nil }))
	for i, m := range machines() {
		w.sim.AddMachine(m)
		w.machineAt[m.ID] = i
	}
	for _, p := range []struct {
		to   **instance
		name string
	}{
		{&w.poller, "poller"}, {&w.second, "second poller"}, {&w.responders[0], "responder A"},
		{&w.responders[1], "responder B"}, {&w.follower, "follower"}, {&w.messengers, "messenger"},
	} {
		if *p.to, err = w.start(p.name, book); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// machines are the tenant's: two that may be isolated and one that must not.
func machines() []defendersim.Machine {
	var all []defendersim.Machine
	for i, name := range []string{"one", "two", "dc"} {
		all = append(all, defendersim.Machine{ID: fmt.Sprintf("%040x", i+1), Name: name + ".corp.contoso.com"})
	}
	all[2].Tags = []string{"never-isolate"}
	return all
}

// start makes a process with clients of its own, wired as the program wires them.
func (w *world) start(name string, book *playbook.Book) (*instance, error) {
	p := &instance{world: w, name: name}
	var err error
	p.ledger, err = ledger.Open(rows.Options{
		ConnectionString: w.tables.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           tenant,
		Transport:        &ledgerPort{instance: p},
		Now:              w.clock,
	})
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	api, from := p.alertAPI()
	to := &queuePort{p}
	p.outbox = notice.New(notice.Options{
		Notices:    p.ledger.Notices,
		Hunts:      p.ledger.Hunts,
		Queue:      to,
		Mailer:     w,
		Log:        log,
		Now:        w.clock,
		Window:     noticeWindow,
		Lock:       messageLock,
		RetryAfter: retryAfter,
		Domain:     "example.com",
		To:         []string{"soc@example.com"},
	})
	p.poller = poll.New(poll.Options{
		API:        api,
		Sources:    from,
		Queue:      to,
		Teller:     p.outbox,
		Operator:   []string{"ops@example.com"},
		Runs:       p.ledger.Runs,
		Latches:    p.ledger.Latches,
		Switches:   p.ledger.Switches,
		Ledger:     p.ledger,
		Log:        log,
		Now:        w.clock,
		Overlap:    overlap,
		Lookback:   w.feed.Lookback,
		SweepAfter: sweepAfter,
		Retention:  400 * day,

		FactsRetention: 90 * day,
	})
	p.responder = respond.New(respond.Options{
		API:            api,
		Queue:          to,
		Runs:           p.ledger.Runs,
		Latches:        p.ledger.Latches,
		Budget:         p.ledger.Budget,
		Held:           p.ledger.Held,
		Findings:       p.ledger.Findings,
		Neighbours:     p.ledger.Neighbours,
		Switches:       p.ledger.Switches,
		Trouble:        p.ledger.Trouble,
		Archive:        &archive.Archive{Decisions: p.ledger.Decisions, Version: "test"},
		Teller:         p.outbox,
		Book:           book,
		Log:            log,
		Now:            w.clock,
		Ceiling:        playbook.Enforce,
		SnapshotMaxAge: snapshotMaxAge,
		StaleAfter:     staleAfter,
		Lift:           isolationLift,
		RecheckAfter:   recheckAfter,
		Hold:           latchHold,
		SendWithin:     latchHold / 3,
		RetryAfter:     retryAfter,
		Operator:       []string{"ops@example.com"},
	})
	p.follower = follow.New(follow.Options{
		API:          api,
		Queue:        to,
		Runs:         p.ledger.Runs,
		Latches:      p.ledger.Latches,
		Budget:       p.ledger.Budget,
		Switches:     p.ledger.Switches,
		Teller:       p.outbox,
		Log:          log,
		Now:          w.clock,
		Overlap:      10 * time.Minute,
		Lift:         isolationLift,
		StaleAfter:   staleAfter,
		RecheckAfter: recheckAfter,
		PendingAfter: 15 * time.Minute,
		ReissueAfter: time.Minute,
	})
	return p, nil
}

// alertAPI is the API of a process, and where its poller reads alerts.
func (p *instance) alertAPI() (*watchedAPI, []poll.Source) {
	api := &watchedAPI{Client: client(&apiPort{p}), instance: p}
	if p.feed.Source == fromDefender || p.feed.Source == "" {
		return api, []poll.Source{poll.Defender(api)}
	}
	graph := &watchedGraph{
		Client: alerts.New(graph.Options{
			Base: &url.URL{Scheme: "http", Host: "graph.example.com"},
			HTTP: &http.Client{Transport: &graphPort{p}},
		}),
		instance: p,
	}
	api.reader = &sources.Reader{Graph: graph, Seen: p.ledger.Runs.Seen, Now: p.clock}
	if p.feed.Source == fromGraph {
		return api, []poll.Source{poll.Graph(graph)}
	}
	api.reader.Defender = &watchedAPI{Client: api.Client, instance: p}
	return api, []poll.Source{poll.Defender(api), poll.Graph(graph)}
}

func client(through http.RoundTripper) *defender.Client {
	return defender.New(defender.Options{
		Base: &url.URL{Scheme: "http", Host: "api.example.com"},
		HTTP: &http.Client{Transport: through},
	})
}

// answers is a function as a transport.
type answers func(*http.Request) (*http.Response, error)

// RoundTrip calls it.
func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// note adds a line to the story.
func (w *world) note(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf("%12v  ", w.now.Sub(epoch))+fmt.Sprintf(format, args...))
}

// cover notes that the feed has something of a kind.
func (w *world) cover(what string) { w.covered[what] = true }

// isDown says whether a part is out of order, and how.
func (w *world) isDown(p part) (how, bool) {
	for _, is := range []part{p, everything} {
		if b, known := w.down[is]; known && w.now.Before(b.until) {
			return b.how, true
		}
	}
	return "", false
}

// allWell reports whether every part works and nothing is waiting to go wrong.
func (w *world) allWell() bool {
	for _, b := range w.down {
		if w.now.Before(b.until) {
			return false
		}
	}
	return len(w.glitches) == 0 && (w.page == nil || !w.now.Before(w.page.until))
}

// glitched says whether a single failure of a part is due with this call.
func (w *world) glitched(p part) (how, bool) {
	for i, g := range w.glitches {
		if g.part != p {
			continue
		}
		if g.left > 0 {
			g.left--
			continue
		}
		w.glitches = slices.Delete(w.glitches, i, i+1)
		w.note("a call of the %s fails: %s", p, g.how)
		w.cover("a single call of the " + string(p) + " fails")
		w.unwell = w.now
		return g.how, true
	}
	return "", false
}

// guard serialises what a poll's goroutines do to the world.
type guard struct{ sync.Mutex }
