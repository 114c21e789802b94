// Package postal is the outside world of mails, for tests: the tables, the notice queue and a mail server, and
// processes that write and send mails there and may be killed at any call.
package postal

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"cordon/handler/internal/mortal"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/mailbox"
	"cordon/handler/notice"
	"cordon/local/tables"
)

// Lock is how long a process has a mail in hand.
const Lock = time.Minute

// World is what stays whatever process is killed.
type World struct {
	T      *testing.T
	Tables *tables.Server

	mu      sync.Mutex
	now     time.Time
	waiting []message
	known   map[string]bool // ids of messages, as the broker keeps them
	mails   []notice.Mail   // that the server took
	refuses error           // what the mail server answers; nil: it takes mails
}

type message struct {
	body []byte
	at   time.Time
}

// New makes a world whose ledger is ready.
func New(t *testing.T) *World {
	t.Helper()
	w := &World{
		T:     t,
		now:   time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
		known: map[string]bool{},
	}
	w.Tables = tables.New(tables.Options{Now: w.Clock})
	err := w.Start(-1, false).Ledger.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Clock is what time it is.
func (w *World) Clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Advance lets time pass.
func (w *World) Advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Refuse has the mail server refuse what comes; nil: it takes it again.
func (w *World) Refuse(with error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuses = with
}

// Taken says how often the server took each mail, by the subject.
func (w *World) Taken() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := map[string]int{}
	for _, m := range w.mails {
		taken[m.Subject]++
	}
	return taken
}

// Mails are those that the server took, in order.
func (w *World) Mails() []notice.Mail {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.mails)
}

// Due takes the oldest message that is due off the queue; false: there is none.
func (w *World) Due() (body []byte, found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, m := range w.waiting {
		if !m.at.After(w.now) {
			w.waiting = append(w.waiting[:i:i], w.waiting[i+1:]...)
			return m.body, true
		}
	}
	return nil, false
}

// Process is one life of the app.
type Process struct {
	*World
	*mortal.Life
	Ledger *ledger.Store
	Outbox *notice.Outbox
	Box    *mailbox.Mailbox
}

// Start begins a life; see mortal.New.
func (w *World) Start(breaths int, mute bool) *Process {
	w.T.Helper()
	p := &Process{World: w, Life: mortal.New(breaths, mute, w.Tables)}
	store, err := ledger.Open(rows.Options{
		ConnectionString: w.Tables.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           "tenant",
		Transport:        p,
		Now:              w.Clock,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	to := []string{"soc@contoso.com"}
	p.Ledger = store
	p.Outbox = notice.New(notice.Options{
		Notices:    store.Notices,
		Hunts:      store.Hunts,
		Queue:      p,
		Mailer:     p,
		Log:        slog.New(slog.DiscardHandler),
		Now:        w.Clock,
		Window:     30 * time.Second,
		Lock:       Lock,
		RetryAfter: 5 * time.Second,
		Domain:     "contoso.com",
		To:         to,
	})
	p.Box = &mailbox.Mailbox{
		Notices: store.Notices,
		To:      to,
		Now:     w.Clock,
		Lock:    Lock,
	}
	return p
}

// SendNotice implements notice.Queue.
func (p *Process) SendNotice(_ context.Context, id string, body []byte, at time.Time) error {
	return p.Leave(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.known[id] {
			p.known[id] = true
			p.waiting = append(p.waiting, message{body: body, at: at})
		}
	})
}

// Send implements notice.Mailer.
func (p *Process) Send(_ context.Context, m notice.Mail) error {
	var refused error
	err := p.Leave(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if refused = p.refuses; refused == nil {
			p.mails = append(p.mails, m)
		}
	})
	if err != nil {
		return err
	}
	return refused
}

// Tell tells an event about a machine of an incident.
func (p *Process) Tell(incident int64, e notice.Event) {
	p.T.Helper()
	err := p.Outbox.Tell(p.T.Context(), fmt.Sprintf("incident:%d", incident), e)
	if err != nil && !p.Died() {
		p.T.Fatal(err)
	}
}

// Deliver answers every message that is due. One that a killed process was given comes again.
func (p *Process) Deliver() {
	p.T.Helper()
	for !p.Died() {
		body, found := p.Due()
		if !found {
			return
		}
		err := p.Outbox.Deliver(p.T.Context(), body)
		if err != nil || p.Died() {
			p.mu.Lock()
			p.waiting = append(p.waiting, message{body: body, at: p.now})
			p.mu.Unlock()
		}
		if err != nil && !p.Died() {
			p.T.Fatal(err)
		}
	}
}
