package response

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
	"cordon/handler/playbook/read"
	"cordon/local/tables"
)

const tenant = "tenant"

// lift is how long Defender lets an isolation stand.
const lift = 7 * 24 * time.Hour

// isolateHigh is the playbook of these tests.
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
  isolate: { perHour: 5, perDay: 9, then: hold }
`

// world is everything outside the process: the API, the tables, the queue, and people. Processes come and go.
type world struct {
	t      *testing.T
	tables *tables.Server
	book   *playbook.Book

	mu        sync.Mutex
	now       time.Time
	alerts    map[string]alert.Alert
	machines  map[string]machine.Machine
	actions   []machine.Action
	posts     int           // requests that change something and reached the API
	reads     int           // of single alerts
	readFault error         // of the next reads of single alerts; nil: none
	comments  []string      // of alerts
	lag       time.Duration // after which a new action is listed
	strict    bool          // a second isolation beside an open one is refused; else it becomes a second action
	onPost    func() error  // a fault of the next isolate requests; nil: none. errLost: carried out, answer lost
	queue     []alert.Envelope
	told      map[string]notice.Event // by group and key
	order     []notice.Event
}

var (
	errLost = &apiError{trouble: machine.UnknownFate, text: "connection reset"}
	errDead = &deadError{}
)

type apiError struct {
	trouble machine.Trouble
	text    string
	after   time.Duration
}

func (e *apiError) Error() string             { return e.text }
func (e *apiError) Trouble() machine.Trouble  { return e.trouble }
func (e *apiError) RetryAfter() time.Duration { return e.after }

// deadError is what a killed process gets from everything: it can do nothing any more.
type deadError struct{}

func (*deadError) Error() string { return "the process was killed" }
func (*deadError) NonRetriable() {}

func newWorld(t *testing.T) *world {
	t.Helper()
	book, err := read.Load("test.yaml", []byte(isolateHigh))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, book: book, now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), alerts: map[string]alert.Alert{}, machines: map[string]machine.Machine{}, told: map[string]notice.Event{}}
	w.tables = tables.New(tables.Options{Now: w.clock})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// process is one life of the handler. Each call that leaves it costs one breath; when they are used up nothing leaves it
// or comes back to it any more.
type process struct {
	*world
	responder *Responder
	follower  *Follower
	ledger    *ledger.Store

	mu      sync.Mutex
	breaths int    // calls that it may still make; negative: unlimited
	mute    bool   // the last call is carried out but its answer is lost
	between func() // called before every call; nil: nothing
	onList  func() // called for every list of actions since a time; nil: nothing
	books   string // the machine that actions are booked on; empty: the one that the request names
	forgets bool   // no action is known by its id
	poison  string // a read of this machine kills the process, half a second later; other reads take a second
}

// leave is called around every call that leaves the process.
func (p *process) leave(call func()) error {
	if p.between != nil {
		p.between()
	}
	p.mu.Lock()
	if p.breaths == 0 {
		mute := p.mute
		p.mute = false
		p.mu.Unlock()
		if mute {
			call()
		}
		return errDead
	}
	p.breaths--
	p.mu.Unlock()
	call()
	return nil
}

// Do sends a request to the tables.
func (p *process) Do(r *http.Request) (answer *http.Response, err error) {
	if dead := p.leave(func() { answer, err = p.tables.Do(r) }); dead != nil {
		return nil, dead
	}
	return answer, err
}

func (w *world) start(breaths int, mute bool) *process {
	w.t.Helper()
	p := &process{world: w, breaths: breaths, mute: mute}
	store, err := ledger.Open(ledger.Options{ConnectionString: w.tables.ConnectionString("127.0.0.1:1"), Prefix: "t", Tenant: tenant, Transport: p, Now: w.clock, Neighbours: w.book.Needs().AlertsOnMachine})
	if err != nil {
		w.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	p.ledger = store
	p.responder = New(Options{API: p, Queue: p, Ledger: store, Teller: p, Book: w.book, Log: log, Now: w.clock, Ceiling: playbook.Enforce,
		SnapshotMaxAge: 2 * time.Minute, StaleAfter: 24 * time.Hour, Lift: lift, RecheckAfter: 120 * time.Second, Hold: time.Minute, SendWithin: 20 * time.Second, RetryAfter: 5 * time.Second})
	p.follower = NewFollower(FollowOptions{API: p, Queue: p, Ledger: store, Teller: p, Log: log, Now: w.clock, Overlap: 10 * time.Minute, Lift: lift, StaleAfter: 24 * time.Hour, RecheckAfter: 120 * time.Second, PendingAfter: 15 * time.Minute, ReissueAfter: time.Minute})
	return p
}

// call makes an API call that answers v or err.
func call[T any](p *process, do func() (T, error)) (T, error) {
	var v T
	var err error
	if dead := p.leave(func() {
		p.world.mu.Lock()
		defer p.world.mu.Unlock()
		v, err = do()
	}); dead != nil {
		return *new(T), dead
	}
	return v, err
}

func (p *process) Alert(_ context.Context, id string) (alert.Alert, error) {
	return call(p, func() (alert.Alert, error) {
		p.reads++
		a, found := p.alerts[id]
		if p.readFault != nil {
			return a, p.readFault
		}
		if !found {
			return a, &apiError{trouble: machine.NotFound, text: "no alert " + id}
		}
		return a, nil
	})
}

// whole gives a machine what a test does not care about and the API always says.
func whole(m machine.Machine) machine.Machine {
	m.HealthStatus, m.OnboardingStatus = cmp.Or(m.HealthStatus, "Active"), cmp.Or(m.OnboardingStatus, "Onboarded")
	if m.Tags == nil {
		m.Tags = []string{}
	}
	return m
}

func (p *process) Machine(_ context.Context, id string) (machine.Machine, error) {
	switch p.poison {
	case "":
	case id:
		time.Sleep(500 * time.Millisecond)
		p.mu.Lock()
		p.breaths = 0
		p.mu.Unlock()
	default:
		time.Sleep(time.Second)
	}
	return call(p, func() (machine.Machine, error) {
		m, found := p.machines[id]
		if !found {
			return m, &apiError{trouble: machine.NotFound, text: "no machine " + id}
		}
		return whole(m), nil
	})
}

func (p *process) list(keep func(machine.Action) bool) ([]machine.Action, error) {
	return call(p, func() ([]machine.Action, error) {
		var found []machine.Action
		for _, a := range p.actions {
			if keep(a) && !p.now.Before(a.Created.Add(p.lag)) {
				found = append(found, a)
			}
		}
		return found, nil
	})
}

func (p *process) CurrentActions(_ context.Context, since time.Time) ([]machine.Action, error) {
	return p.list(func(a machine.Action) bool { return !a.Status.Final() || a.OfIsolation() && !a.Created.Before(since) })
}

func (p *process) ActionsOn(_ context.Context, id string, since time.Time) ([]machine.Action, error) {
	return p.list(func(a machine.Action) bool { return a.MachineID == id && !a.Created.Before(since) })
}

func (p *process) ActionsSince(_ context.Context, since time.Time) ([]machine.Action, error) {
	if p.onList != nil {
		p.onList()
	}
	return p.list(func(a machine.Action) bool { return !a.Created.Before(since) })
}

func (p *process) Action(_ context.Context, id string) (machine.Action, error) {
	return call(p, func() (machine.Action, error) {
		for _, a := range p.actions {
			if a.ID == id && !p.forgets {
				return a, nil
			}
		}
		return machine.Action{}, &apiError{trouble: machine.NotFound, text: "no action " + id}
	})
}

func (p *process) Act(_ context.Context, id string, r machine.Request) (machine.Action, error) {
	a, err := call(p, func() (machine.Action, error) {
		fault := error(nil)
		if p.onPost != nil {
			fault = p.onPost()
		}
		if fault != nil && !errors.Is(fault, errLost) {
			return machine.Action{}, fault
		}
		p.posts++
		for _, a := range p.actions {
			if w := p.world; w.strict && a.MachineID == id && a.Type == r.Type && !a.Status.Final() {
				return machine.Action{}, &apiError{trouble: machine.AlreadyActive, text: "Action is already in progress"}
			}
		}
		a := p.world.add(r.Type, cmp.Or(p.books, id), r.Comment, r.Scope, "PublicApi")
		return a, fault
	})
	if errors.Is(err, error(errDead)) {
		return a, &apiError{trouble: machine.UnknownFate, text: err.Error()}
	}
	return a, err
}

func (p *process) CancelAction(_ context.Context, id string, _ machine.ActionType, _ string) (machine.Action, error) {
	return call(p, func() (machine.Action, error) { return p.world.finish(id, machine.Cancelled), nil })
}

func (p *process) Tag(_ context.Context, id, tag string, remove bool) error {
	_, err := call(p, func() (int, error) {
		if p.onPost != nil {
			if fault := p.onPost(); fault != nil && !errors.Is(fault, errLost) {
				return 0, fault
			}
		}
		p.posts++
		m := p.machines[id]
		m.Tags = slices.DeleteFunc(slices.Clone(m.Tags), func(there string) bool { return there == tag })
		if !remove {
			m.Tags = append(m.Tags, tag)
		}
		p.machines[id] = m
		return 0, nil
	})
	return err
}

func (p *process) UpdateAlert(_ context.Context, id string, c alert.Change) (alert.Alert, error) {
	return call(p, func() (alert.Alert, error) {
		if p.onPost != nil {
			if fault := p.onPost(); fault != nil && !errors.Is(fault, errLost) {
				return alert.Alert{}, fault
			}
		}
		p.posts++
		a := p.alerts[id]
		a.Status, a.AssignedTo = cmp.Or(c.Status, a.Status), cmp.Or(c.AssignedTo, a.AssignedTo)
		a.Classification, a.Determination = cmp.Or(c.Classification, a.Classification), cmp.Or(c.Determination, a.Determination)
		if c.Comment != "" {
			p.comments = append(p.comments, c.Comment)
		}
		a.Updated = p.now
		p.alerts[id] = a
		return a, nil
	})
}

func (p *process) AlertComments(context.Context, string) ([]string, error) {
	return call(p, func() ([]string, error) { return slices.Clone(p.comments), nil })
}

func (p *process) SendAlerts(_ context.Context, messages []alert.Envelope) error {
	_, err := call(p, func() (int, error) {
		for _, m := range messages {
			if !slices.ContainsFunc(p.queue, func(e alert.Envelope) bool { return e.ID == m.ID }) {
				p.queue = append(p.queue, m)
			}
		}
		return 0, nil
	})
	return err
}

func (p *process) Tell(_ context.Context, group string, e notice.Event) error {
	_, err := call(p, func() (int, error) {
		key := group + " " + e.Key()
		if _, known := p.told[key]; !known {
			p.told[key] = e
			p.order = append(p.order, e)
		}
		return 0, nil
	})
	return err
}

// add creates an action; the caller holds w.mu.
func (w *world) add(kind machine.ActionType, id, comment string, scope machine.Scope, source string) machine.Action {
	a := machine.Action{ID: fmt.Sprintf("action-%d", len(w.actions)+1), Type: kind, Status: machine.Pending, Scope: scope, MachineID: id, Comment: comment, RequestSource: source, Requestor: source, Created: w.now, Updated: w.now}
	w.actions = append(w.actions, a)
	return a
}

// finish gives an action its final status; the caller holds w.mu.
func (w *world) finish(id string, status machine.ActionStatus) machine.Action {
	for i := range w.actions {
		if w.actions[i].ID == id && !w.actions[i].Status.Final() {
			w.actions[i].Status, w.actions[i].Updated = status, w.now
			return w.actions[i]
		}
	}
	return machine.Action{}
}

func (w *world) finishAll(status machine.ActionStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.actions {
		w.finish(a.ID, status)
	}
}

// alertOn puts an alert into the tenant and its first observation, as ingest writes it, into the ledger and on the queue.
func (w *world) alertOn(id, machineID string, severity alert.Severity) {
	w.t.Helper()
	w.mu.Lock()
	w.machines[machineID] = machine.Machine{ID: machineID, ComputerDNSName: machineID + ".corp.contoso.com", OSPlatform: "Windows11"}
	w.mu.Unlock()
	w.change(alert.Alert{ID: id, MachineID: machineID, Severity: severity, Status: alert.StatusNew, Title: "t", Created: w.clock(), Updated: w.clock()})
}

// change shows an alert as it is now to the API and to ingest.
func (w *world) change(a alert.Alert) {
	w.t.Helper()
	p := w.start(-1, false)
	w.mu.Lock()
	w.alerts[a.ID] = a
	m, known := w.machines[a.MachineID]
	m = whole(m)
	w.mu.Unlock()
	body, sha := alert.Snapshot(a)
	o := ledger.Observation{Alert: a, Hash: alert.DecisionHash(a), SnapshotSHA: sha, At: w.clock()}
	message := alert.Message{Tenant: tenant, AlertID: a.ID, ObservedAt: w.clock(), Alert: body}
	if known {
		message.Machine, o.MachineSHA = alert.Snapshot(m)
	}
	if err := p.ledger.Prepare(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	seen, err := p.ledger.Observe(context.Background(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	message.Version = seen.Run.Version
	if err := p.SendAlerts(context.Background(), []alert.Envelope{{ID: alert.MessageID(tenant, a.ID, message.Version), Message: message}}); err != nil {
		w.t.Fatal(err)
	}
}

// take removes the earliest message of the queue that is due, or moves the clock to the next one; false if there is none.
func (w *world) take() (alert.Envelope, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return alert.Envelope{}, false
	}
	slices.SortStableFunc(w.queue, func(a, b alert.Envelope) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	next := w.queue[0]
	w.queue = w.queue[1:]
	if next.At.After(w.now) {
		w.now = next.At
	}
	return next, true
}

// drain works off the queue with a healthy process, following actions as it goes, until nothing is left or limit messages
// were answered.
func (w *world) drain(p *process, limit int) {
	w.t.Helper()
	for range limit {
		m, more := w.take()
		if !more {
			return
		}
		if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
			w.t.Fatalf("Respond(%s): %v", m.ID, err)
		}
	}
	w.t.Fatalf("the queue does not run dry: %d messages left, next %+v", len(w.queue), w.queue[0])
}

func (w *world) follow(p *process) {
	w.t.Helper()
	if err := p.follower.Follow(context.Background()); err != nil {
		w.t.Fatalf("Follow: %v", err)
	}
}

func (w *world) run(id string, version int) ledger.Run {
	w.t.Helper()
	record, err := w.start(-1, false).ledger.Alert(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	run, found := record.Run(version)
	if !found {
		w.t.Fatalf("no run of %s version %d", id, version)
	}
	return run
}

// kinds lists what people were told, in order.
func (w *world) kinds() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var kinds []string
	for _, e := range w.order {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, ", ")
}

// isolations counts the isolate actions that the API accepted on a machine.
func (w *world) isolations(machineID string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, a := range w.actions {
		if a.MachineID == machineID && a.Type == machine.Isolate {
			n++
		}
	}
	return n
}
