package world

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
	"cordon/handler/follow"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
	"cordon/handler/playbook/read"
	"cordon/handler/respond"
	"cordon/local/tables"
)

const Tenant = "tenant"

// Lift is how long Defender lets an isolation stand.
const Lift = 7 * 24 * time.Hour

// IsolateHigh is the playbook of these tests.
const IsolateHigh = `version: 1
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

// World is everything outside the process: the API, the tables, the queue, and people. Processes come and go.
type World struct {
	T      *testing.T
	Tables *tables.Server
	Book   *playbook.Book

	Mu        sync.Mutex
	Now       time.Time
	Alerts    map[string]alert.Alert
	Machines  map[string]machine.Machine
	Actions   []machine.Action
	Posts     int           // requests that change something and reached the API
	Reads     int           // of single alerts
	ReadFault error         // of the next reads of single alerts; nil: none
	Comments  []string      // of alerts
	Lag       time.Duration // after which a new action is listed
	Strict    bool          // a second isolation beside an open one is refused; else it becomes a second action
	OnPost    func() error  // a fault of the next isolate requests; nil: none. errLost: carried out, answer lost
	Queue     []alert.Envelope
	Told      map[string]notice.Event // by group and key
	Order     []notice.Event
}

var (
	ErrLost = &APIError{Kind: machine.UnknownFate, Text: "connection reset"}
	ErrDead = &DeadError{}
)

type APIError struct {
	Kind  machine.Trouble
	Text  string
	After time.Duration
}

func (e *APIError) Error() string             { return e.Text }
func (e *APIError) Trouble() machine.Trouble  { return e.Kind }
func (e *APIError) RetryAfter() time.Duration { return e.After }

// DeadError is what a killed process gets from everything: it can do nothing any more.
type DeadError struct{}

func (*DeadError) Error() string { return "the process was killed" }
func (*DeadError) NonRetriable() {}

func New(t *testing.T) *World {
	t.Helper()
	book, err := read.Load("test.yaml", []byte(IsolateHigh))
	if err != nil {
		t.Fatal(err)
	}
	w := &World{T: t, Book: book, Now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), Alerts: map[string]alert.Alert{}, Machines: map[string]machine.Machine{}, Told: map[string]notice.Event{}}
	w.Tables = tables.New(tables.Options{Now: w.Clock})
	return w
}

func (w *World) Clock() time.Time {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	return w.Now
}

func (w *World) Advance(d time.Duration) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	w.Now = w.Now.Add(d)
}

// Process is one life of the handler. Each call that leaves it costs one breath; when they are used up nothing leaves it
// or comes back to it any more.
type Process struct {
	*World
	Options   respond.Options // of Responder; see Change
	Responder *respond.Responder
	Follower  *follow.Follower
	Ledger    *ledger.Store

	Mu      sync.Mutex
	Breaths int    // calls that it may still make; negative: unlimited
	Mute    bool   // the last call is carried out but its answer is lost
	Between func() // called before every call; nil: nothing
	OnList  func() // called for every list of actions since a time; nil: nothing
	Books   string // the machine that actions are booked on; empty: the one that the request names
	Forgets bool   // no action is known by its id
	Poison  string // a read of this machine kills the process, half a second later; other reads take a second
}

// Leave is called around every call that leaves the process.
func (p *Process) Leave(call func()) error {
	if p.Between != nil {
		p.Between()
	}
	p.Mu.Lock()
	if p.Breaths == 0 {
		mute := p.Mute
		p.Mute = false
		p.Mu.Unlock()
		if mute {
			call()
		}
		return ErrDead
	}
	p.Breaths--
	p.Mu.Unlock()
	call()
	return nil
}

// Do sends a request to the tables.
func (p *Process) Do(r *http.Request) (answer *http.Response, err error) {
	if dead := p.Leave(func() { answer, err = p.Tables.Do(r) }); dead != nil {
		return nil, dead
	}
	return answer, err
}

func (w *World) Start(breaths int, mute bool) *Process {
	w.T.Helper()
	p := &Process{World: w, Breaths: breaths, Mute: mute}
	store, err := ledger.Open(ledger.Options{ConnectionString: w.Tables.ConnectionString("127.0.0.1:1"), Prefix: "t", Tenant: Tenant, Transport: p, Now: w.Clock, Neighbours: w.Book.Needs().AlertsOnMachine})
	if err != nil {
		w.T.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	p.Ledger = store
	p.Options = respond.Options{
		API:            p,
		Queue:          p,
		Ledger:         store,
		Teller:         p,
		Book:           w.Book,
		Log:            log,
		Now:            w.Clock,
		Ceiling:        playbook.Enforce,
		SnapshotMaxAge: 2 * time.Minute,
		StaleAfter:     24 * time.Hour,
		Lift:           Lift,
		RecheckAfter:   120 * time.Second,
		Hold:           time.Minute,
		SendWithin:     20 * time.Second,
		RetryAfter:     5 * time.Second,
	}
	p.Responder = respond.New(p.Options)
	p.Follower = follow.New(follow.Options{
		API:          p,
		Queue:        p,
		Ledger:       store,
		Teller:       p,
		Log:          log,
		Now:          w.Clock,
		Overlap:      10 * time.Minute,
		Lift:         Lift,
		StaleAfter:   24 * time.Hour,
		RecheckAfter: 120 * time.Second,
		PendingAfter: 15 * time.Minute,
		ReissueAfter: time.Minute,
	})
	return p
}

// Change gives the process a Responder with other options.
func (p *Process) Change(change func(*respond.Options)) {
	change(&p.Options)
	p.Responder = respond.New(p.Options)
}

// Call makes an API call that answers v or err.
func Call[T any](p *Process, do func() (T, error)) (T, error) {
	var v T
	var err error
	if dead := p.Leave(func() {
		p.World.Mu.Lock()
		defer p.World.Mu.Unlock()
		v, err = do()
	}); dead != nil {
		return *new(T), dead
	}
	return v, err
}

func (p *Process) Alert(_ context.Context, id string) (alert.Alert, error) {
	return Call(p, func() (alert.Alert, error) {
		p.Reads++
		a, found := p.Alerts[id]
		if p.ReadFault != nil {
			return a, p.ReadFault
		}
		if !found {
			return a, &APIError{Kind: machine.NotFound, Text: "no alert " + id}
		}
		return a, nil
	})
}

// Whole gives a machine what a test does not care about and the API always says.
func Whole(m machine.Machine) machine.Machine {
	m.HealthStatus, m.OnboardingStatus = cmp.Or(m.HealthStatus, "Active"), cmp.Or(m.OnboardingStatus, "Onboarded")
	if m.Tags == nil {
		m.Tags = []string{}
	}
	return m
}

func (p *Process) Machine(_ context.Context, id string) (machine.Machine, error) {
	switch p.Poison {
	case "":
	case id:
		time.Sleep(500 * time.Millisecond)
		p.Mu.Lock()
		p.Breaths = 0
		p.Mu.Unlock()
	default:
		time.Sleep(time.Second)
	}
	return Call(p, func() (machine.Machine, error) {
		m, found := p.Machines[id]
		if !found {
			return m, &APIError{Kind: machine.NotFound, Text: "no machine " + id}
		}
		return Whole(m), nil
	})
}

func (p *Process) List(keep func(machine.Action) bool) ([]machine.Action, error) {
	return Call(p, func() ([]machine.Action, error) {
		var found []machine.Action
		for _, a := range p.Actions {
			if keep(a) && !p.Now.Before(a.Created.Add(p.Lag)) {
				found = append(found, a)
			}
		}
		return found, nil
	})
}

func (p *Process) CurrentActions(_ context.Context, since time.Time) ([]machine.Action, error) {
	return p.List(func(a machine.Action) bool { return !a.Status.Final() || a.OfIsolation() && !a.Created.Before(since) })
}

func (p *Process) ActionsOn(_ context.Context, id string, since time.Time) ([]machine.Action, error) {
	return p.List(func(a machine.Action) bool { return a.MachineID == id && !a.Created.Before(since) })
}

func (p *Process) ActionsSince(_ context.Context, since time.Time) ([]machine.Action, error) {
	if p.OnList != nil {
		p.OnList()
	}
	return p.List(func(a machine.Action) bool { return !a.Created.Before(since) })
}

func (p *Process) Action(_ context.Context, id string) (machine.Action, error) {
	return Call(p, func() (machine.Action, error) {
		for _, a := range p.Actions {
			if a.ID == id && !p.Forgets {
				return a, nil
			}
		}
		return machine.Action{}, &APIError{Kind: machine.NotFound, Text: "no action " + id}
	})
}

func (p *Process) Act(_ context.Context, id string, r machine.Request) (machine.Action, error) {
	a, err := Call(p, func() (machine.Action, error) {
		fault := error(nil)
		if p.OnPost != nil {
			fault = p.OnPost()
		}
		if fault != nil && !errors.Is(fault, ErrLost) {
			return machine.Action{}, fault
		}
		p.Posts++
		for _, a := range p.Actions {
			if w := p.World; w.Strict && a.MachineID == id && a.Type == r.Type && !a.Status.Final() {
				return machine.Action{}, &APIError{Kind: machine.AlreadyActive, Text: "Action is already in progress"}
			}
		}
		a := p.World.Add(r.Type, cmp.Or(p.Books, id), r.Comment, r.Scope, "PublicApi")
		return a, fault
	})
	if errors.Is(err, error(ErrDead)) {
		return a, &APIError{Kind: machine.UnknownFate, Text: err.Error()}
	}
	return a, err
}

func (p *Process) CancelAction(_ context.Context, id string, _ machine.ActionType, _ string) (machine.Action, error) {
	return Call(p, func() (machine.Action, error) { return p.World.Finish(id, machine.Cancelled), nil })
}

func (p *Process) Tag(_ context.Context, id, tag string, remove bool) error {
	_, err := Call(p, func() (int, error) {
		if p.OnPost != nil {
			if fault := p.OnPost(); fault != nil && !errors.Is(fault, ErrLost) {
				return 0, fault
			}
		}
		p.Posts++
		m := p.Machines[id]
		m.Tags = slices.DeleteFunc(slices.Clone(m.Tags), func(there string) bool { return there == tag })
		if !remove {
			m.Tags = append(m.Tags, tag)
		}
		p.Machines[id] = m
		return 0, nil
	})
	return err
}

func (p *Process) UpdateAlert(_ context.Context, id string, c alert.Change) (alert.Alert, error) {
	return Call(p, func() (alert.Alert, error) {
		if p.OnPost != nil {
			if fault := p.OnPost(); fault != nil && !errors.Is(fault, ErrLost) {
				return alert.Alert{}, fault
			}
		}
		p.Posts++
		a := p.Alerts[id]
		a.Status, a.AssignedTo = cmp.Or(c.Status, a.Status), cmp.Or(c.AssignedTo, a.AssignedTo)
		a.Classification, a.Determination = cmp.Or(c.Classification, a.Classification), cmp.Or(c.Determination, a.Determination)
		if c.Comment != "" {
			p.Comments = append(p.Comments, c.Comment)
		}
		a.Updated = p.Now
		p.Alerts[id] = a
		return a, nil
	})
}

func (p *Process) AlertComments(context.Context, string) ([]string, error) {
	return Call(p, func() ([]string, error) { return slices.Clone(p.Comments), nil })
}

func (p *Process) SendAlerts(_ context.Context, messages []alert.Envelope) error {
	_, err := Call(p, func() (int, error) {
		for _, m := range messages {
			if !slices.ContainsFunc(p.Queue, func(e alert.Envelope) bool { return e.ID == m.ID }) {
				p.Queue = append(p.Queue, m)
			}
		}
		return 0, nil
	})
	return err
}

func (p *Process) Tell(_ context.Context, group string, e notice.Event) error {
	_, err := Call(p, func() (int, error) {
		key := group + " " + e.Key()
		if _, known := p.Told[key]; !known {
			p.Told[key] = e
			p.Order = append(p.Order, e)
		}
		return 0, nil
	})
	return err
}

// Add creates an action; the caller holds w.mu.
func (w *World) Add(kind machine.ActionType, id, comment string, scope machine.Scope, source string) machine.Action {
	a := machine.Action{ID: fmt.Sprintf("action-%d", len(w.Actions)+1), Type: kind, Status: machine.Pending, Scope: scope, MachineID: id, Comment: comment, RequestSource: source, Requestor: source, Created: w.Now, Updated: w.Now}
	w.Actions = append(w.Actions, a)
	return a
}

// Finish gives an action its final status; the caller holds w.mu.
func (w *World) Finish(id string, status machine.ActionStatus) machine.Action {
	for i := range w.Actions {
		if w.Actions[i].ID == id && !w.Actions[i].Status.Final() {
			w.Actions[i].Status, w.Actions[i].Updated = status, w.Now
			return w.Actions[i]
		}
	}
	return machine.Action{}
}

func (w *World) FinishAll(status machine.ActionStatus) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	for _, a := range w.Actions {
		w.Finish(a.ID, status)
	}
}

// AlertOn puts an alert into the tenant and its first observation, as ingest writes it, into the ledger and on the queue.
func (w *World) AlertOn(id, machineID string, severity alert.Severity) {
	w.T.Helper()
	w.Mu.Lock()
	w.Machines[machineID] = machine.Machine{ID: machineID, ComputerDNSName: machineID + ".corp.contoso.com", OSPlatform: "Windows11"}
	w.Mu.Unlock()
	w.Change(alert.Alert{ID: id, MachineID: machineID, Severity: severity, Status: alert.StatusNew, Title: "t", Created: w.Clock(), Updated: w.Clock()})
}

// Change shows an alert as it is now to the API and to ingest.
func (w *World) Change(a alert.Alert) {
	w.T.Helper()
	p := w.Start(-1, false)
	w.Mu.Lock()
	w.Alerts[a.ID] = a
	m, known := w.Machines[a.MachineID]
	m = Whole(m)
	w.Mu.Unlock()
	body, sha := alert.Snapshot(a)
	o := ledger.Observation{Alert: a, Hash: alert.DecisionHash(a), SnapshotSHA: sha, At: w.Clock()}
	message := alert.Message{Tenant: Tenant, AlertID: a.ID, ObservedAt: w.Clock(), Alert: body}
	if known {
		message.Machine, o.MachineSHA = alert.Snapshot(m)
	}
	if err := p.Ledger.Prepare(context.Background()); err != nil {
		w.T.Fatal(err)
	}
	seen, err := p.Ledger.Observe(context.Background(), o)
	if err != nil {
		w.T.Fatal(err)
	}
	message.Version = seen.Run.Version
	if err := p.SendAlerts(context.Background(), []alert.Envelope{{ID: alert.MessageID(Tenant, a.ID, message.Version), Message: message}}); err != nil {
		w.T.Fatal(err)
	}
}

// Take removes the earliest message of the queue that is due, or moves the clock to the next one; false if there is none.
func (w *World) Take() (alert.Envelope, bool) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	if len(w.Queue) == 0 {
		return alert.Envelope{}, false
	}
	slices.SortStableFunc(w.Queue, func(a, b alert.Envelope) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	next := w.Queue[0]
	w.Queue = w.Queue[1:]
	if next.At.After(w.Now) {
		w.Now = next.At
	}
	return next, true
}

// Drain works off the queue with a healthy process, following actions as it goes, until nothing is left or limit messages
// were answered.
func (w *World) Drain(p *Process, limit int) {
	w.T.Helper()
	for range limit {
		m, more := w.Take()
		if !more {
			return
		}
		if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
			w.T.Fatalf("Respond(%s): %v", m.ID, err)
		}
	}
	w.T.Fatalf("the queue does not run dry: %d messages left, next %+v", len(w.Queue), w.Queue[0])
}

func (w *World) Follow(p *Process) {
	w.T.Helper()
	if err := p.Follower.Follow(context.Background()); err != nil {
		w.T.Fatalf("Follow: %v", err)
	}
}

func (w *World) Run(id string, version int) ledger.Run {
	w.T.Helper()
	record, err := w.Start(-1, false).Ledger.Alert(context.Background(), id)
	if err != nil {
		w.T.Fatal(err)
	}
	run, found := record.Run(version)
	if !found {
		w.T.Fatalf("no run of %s version %d", id, version)
	}
	return run
}

// Kinds lists what people were told, in order.
func (w *World) Kinds() string {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	var kinds []string
	for _, e := range w.Order {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, ", ")
}

// Isolations counts the isolate actions that the API accepted on a machine.
func (w *World) Isolations(machineID string) int {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	n := 0
	for _, a := range w.Actions {
		if a.MachineID == machineID && a.Type == machine.Isolate {
			n++
		}
	}
	return n
}
