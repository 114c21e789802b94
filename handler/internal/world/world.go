// Package world is everything outside the process for tests of what answers and follows: the API, the tables, the queue
// and people, under one clock. Processes come and go in it, and each can be killed at any call that leaves it.
package world

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/archive"
	"cordon/handler/follow"
	"cordon/handler/internal/mortal"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
	"cordon/handler/playbook/read"
	"cordon/handler/respond"
	"cordon/local/tables"
)

// Tenant is whose alerts they are.
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
	OnPost    func() error  // a fault of the next isolate requests; nil: none. ErrLost: carried out, answer lost
	Queue     []alert.Envelope
	Told      map[string]notice.Event // by group and key
	Order     []notice.Event
}

// ErrLost is the answer to a request that was carried out.
var ErrLost = &APIError{Kind: machine.UnknownFate, Text: "connection reset"}

func New(t *testing.T) *World {
	t.Helper()
	book, err := read.Load("test.yaml", []byte(IsolateHigh))
	if err != nil {
		t.Fatal(err)
	}
	w := &World{
		T:        t,
		Book:     book,
		Now:      time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
		Alerts:   map[string]alert.Alert{},
		Machines: map[string]machine.Machine{},
		Told:     map[string]notice.Event{},
	}
	w.NewLedger()
	return w
}

// NoLedger replaces the tables by empty ones, at which nobody has looked.
func (w *World) NoLedger() {
	w.Tables = tables.New(tables.Options{Now: w.Clock})
}

// Copy is all that the tables have.
func (w *World) Copy() map[string][]tables.Row {
	all := map[string][]tables.Row{}
	for _, name := range rows.Names() {
		all[name] = w.Tables.Rows("t" + name)
	}
	return all
}

// PutBack replaces the tables by what they had once.
func (w *World) PutBack(was map[string][]tables.Row) {
	w.NoLedger()
	for name, all := range was {
		for _, row := range all {
			w.Tables.PutRow("t"+name, row)
		}
	}
}

// NewLedger replaces the tables by empty ones, which begin now, as those of a first poll do.
func (w *World) NewLedger() {
	w.T.Helper()
	w.NoLedger()
	store := w.Start(-1, false).Ledger
	err := store.Prepare(context.Background())
	if err == nil {
		err = store.Switches.Begin(context.Background(), w.Clock())
	}
	if err != nil {
		w.T.Fatal(err)
	}
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

// Process is one life of the handler.
type Process struct {
	*World
	*mortal.Life
	Options   respond.Options // of Responder; see Change
	Responder *respond.Responder
	Follower  *follow.Follower
	Ledger    *ledger.Store

	OnList  func() // called for every list of actions since a time; nil: nothing
	Books   string // the machine that actions are booked on; empty: the one that the request names
	Forgets bool   // no action is known by its id
	Poison  string // a read of this machine kills the process, half a second later; other reads take a second
}

func (w *World) Start(breaths int, mute bool) *Process {
	w.T.Helper()
	p := &Process{World: w, Life: mortal.New(breaths, mute, w.Tables)}
	store, err := ledger.Open(rows.Options{
		ConnectionString: w.Tables.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           Tenant,
		Transport:        p,
		Now:              w.Clock,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	store.Neighbours.Kept = w.Book.Needs().AlertsOnMachine
	p.Ledger = store
	p.Options = respond.Options{
		API:            p,
		Queue:          p,
		Runs:           store.Runs,
		Latches:        store.Latches,
		Budget:         store.Budget,
		Held:           store.Held,
		Findings:       store.Findings,
		Neighbours:     store.Neighbours,
		Switches:       store.Switches,
		Trouble:        store.Trouble,
		Archive:        &archive.Archive{Decisions: store.Decisions, Version: "test"},
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
		Runs:         store.Runs,
		Latches:      store.Latches,
		Budget:       store.Budget,
		Switches:     store.Switches,
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

// Add creates an action; the caller holds w.Mu.
func (w *World) Add(kind machine.ActionType, id, comment string, scope machine.Scope, source string) machine.Action {
	a := machine.Action{
		ID:            fmt.Sprintf("action-%d", len(w.Actions)+1),
		Type:          kind,
		Status:        machine.Pending,
		Scope:         scope,
		MachineID:     id,
		Comment:       comment,
		RequestSource: source,
		Requestor:     source,
		Created:       w.Now,
		Updated:       w.Now,
	}
	w.Actions = append(w.Actions, a)
	return a
}

// Finish gives an action its final status; the caller holds w.Mu.
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

// AlertOn puts an alert into the tenant and its first observation, as ingest writes it, into the ledger and on the
// queue.
func (w *World) AlertOn(id, machineID string, severity alert.Severity) {
	w.T.Helper()
	w.Mu.Lock()
	w.Machines[machineID] = machine.Machine{
		ID:              machineID,
		ComputerDNSName: machineID + ".corp.contoso.com",
		OSPlatform:      "Windows11",
	}
	w.Mu.Unlock()
	w.Change(alert.Alert{
		ID:        id,
		MachineID: machineID,
		Severity:  severity,
		Status:    alert.StatusNew,
		Title:     "t",
		Created:   w.Clock(),
		Updated:   w.Clock(),
	})
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
	o := runs.Observation{
		Alert:       a,
		Hash:        alert.DecisionHash(a),
		SnapshotSHA: sha,
		At:          w.Clock(),
	}
	message := alert.Message{
		Tenant:     Tenant,
		AlertID:    a.ID,
		ObservedAt: w.Clock(),
		Alert:      body,
	}
	if known {
		message.Machine, o.MachineSHA = alert.Snapshot(m)
	}
	if err := p.Ledger.Prepare(context.Background()); err != nil {
		w.T.Fatal(err)
	}
	seen, err := p.Ledger.Runs.Observe(context.Background(), o)
	if err != nil {
		w.T.Fatal(err)
	}
	message.Version = seen.Run.Version
	envelope := alert.Envelope{ID: alert.MessageID(Tenant, a.ID, message.Version), Message: message}
	if err := p.SendAlerts(context.Background(), []alert.Envelope{envelope}); err != nil {
		w.T.Fatal(err)
	}
}

func (w *World) Run(id string, version int) runs.Run {
	w.T.Helper()
	record, err := w.Start(-1, false).Ledger.Runs.Alert(context.Background(), id)
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
