package hunt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/hunt/kql"
	"cordon/handler/internal/mortal"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/notice"
	"cordon/local/tables"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// hourly is the hunt of these tests.
const hourly = `// name: tools
// description: Tools that nobody installed.
// schedule: 0 0 * * * *
// timespan: 2h
// identity: DeviceId, FileName
// do: both
// severity: High
// memory: 1d

DeviceProcessEvents | where Timestamp > {{since}}
`

// world is everything outside the process: Graph, the tables, the queues and people. Processes come and go.
type world struct {
	t      *testing.T
	tables *tables.Server
	hunts  *Catalogue

	mu     sync.Mutex
	now    time.Time
	rows   [][]string
	fail   error       // what the API answers instead of rows; nil: rows
	asked  []time.Time // the beginnings that queries looked back to
	sent   map[string]alert.Envelope
	asks   [][]byte // messages of the notice queue
	mails  []notice.Mail
	refuse error // what the queue answers; nil: it takes all
}

func newWorld(t *testing.T, files ...string) *world {
	t.Helper()
	if len(files) == 0 {
		files = []string{hourly}
	}
	folder := fstest.MapFS{}
	for i, text := range files {
		folder[fmt.Sprintf("%d.kql", i)] = &fstest.MapFile{Data: []byte(text)}
	}
	c, err := Load(folder, "hunts")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, hunts: c, now: noon, sent: map[string]alert.Envelope{}}
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

// machineID makes an id of a machine.
func machineID(n int) string { return fmt.Sprintf("%040x", n) }

// show makes the query give rows about machines, each with a file.
func (w *world) show(machines ...int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows = nil
	for _, n := range machines {
		w.rows = append(w.rows, []string{machineID(n), "host" + fmt.Sprint(n), "tool.exe", w.now.Format(time.RFC3339)})
	}
}

// process is one life of the handler.
type process struct {
	*world
	*mortal.Life
	runner *Runner
	outbox *notice.Outbox
	ledger *ledger.Store
}

func (p *process) Hunt(_ context.Context, query string, since, until time.Time) (t Table, err error) {
	dead := p.Leave(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = append(p.asked, since)
		if !strings.Contains(query, kql.Datetime(since)) || !until.After(since) {
			p.t.Errorf("the query about %s to %s is %q", since, until, query)
		}
		t = Table{
			Columns: []Column{
				{"deviceId", "String"}, {"DeviceName", "String"}, {"FileName", "String"}, {"Timestamp", "DateTime"},
			},
			Rows: slices.Clone(p.rows),
		}
		err = p.fail
	})
	return t, errors.Join(dead, err)
}

func (p *process) SendAlerts(_ context.Context, messages []alert.Envelope) (err error) {
	dead := p.Leave(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err = p.refuse; err != nil {
			return
		}
		for _, m := range messages {
			p.sent[m.ID] = m
		}
	})
	return errors.Join(dead, err)
}

func (p *process) SendNotice(_ context.Context, _ string, body []byte, _ time.Time) error {
	return p.Leave(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asks = append(p.asks, body)
	})
}

func (p *process) Send(_ context.Context, m notice.Mail) error {
	return p.Leave(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.mails = append(p.mails, m)
	})
}

func (w *world) start(breaths int, mute bool) *process {
	w.t.Helper()
	p := &process{world: w, Life: mortal.New(breaths, mute, w.tables)}
	store, err := ledger.Open(rows.Options{
		ConnectionString: w.tables.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           "tenant",
		Transport:        p,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	p.ledger = store
	p.outbox = notice.New(notice.Options{
		Notices:    store.Notices,
		Hunts:      store.Hunts,
		Queue:      p,
		Mailer:     p,
		Log:        log,
		Now:        w.clock,
		Window:     30 * time.Second,
		Lock:       time.Minute,
		RetryAfter: time.Second,
		Domain:     "example.com",
		To:         []string{"soc@example.com"},
	})
	p.runner = New(Options{
		API:       p,
		Queue:     p,
		Hunts:     store.Hunts,
		Findings:  store.Findings,
		Switches:  store.Switches,
		Teller:    p.outbox,
		Catalogue: w.hunts,
		Log:       log,
		Now:       w.clock,
		Hold:      5 * time.Minute,
		RetryIn:   5 * time.Second,
	})
	return p
}

// run runs what is due at the time; the process is healthy.
func (w *world) run() *process {
	w.t.Helper()
	p := w.start(-1, false)
	if err := p.runner.Run(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// deliver sends the mails that are due, those whose message was lost too. A mail that is late asks to come again.
func (w *world) deliver() {
	w.t.Helper()
	p := w.start(-1, false)
	for ask := true; ask; {
		w.advance(2 * time.Minute)
		if err := p.outbox.Resend(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.mu.Lock()
		asks := w.asks
		w.asks = nil
		w.mu.Unlock()
		for _, body := range asks {
			if err := p.outbox.Deliver(w.t.Context(), body); err != nil {
				w.t.Fatal(err)
			}
		}
		ask = len(asks) > 0
	}
}

// mailed counts in how many mails each host stands, in its file and in its text.
func (w *world) mailed() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	hosts := map[string]int{}
	for _, m := range w.mails {
		if m.File == nil {
			continue
		}
		for line := range strings.Lines(string(m.File.Body)) {
			if cells := strings.Split(line, ","); strings.HasPrefix(cells[1], "host") {
				hosts[cells[1]]++
				if !strings.Contains(m.Text, "DeviceName: "+cells[1]+"\n") {
					w.t.Errorf("%s stands in the file, not in the text", cells[1])
				}
			}
		}
	}
	return hosts
}

// findings counts the messages about each machine by their ids.
func (w *world) findings() map[string]int {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.start(-1, false)
	of := map[string]int{}
	for _, m := range w.sent {
		w.mu.Unlock()
		f, found, err := p.ledger.Findings.Of(w.t.Context(), m.Message.AlertID)
		w.mu.Lock()
		if err != nil || !found || m.Message.Reason != "hunt" {
			w.t.Fatalf("message %+v is of no finding: %v", m.Message, err)
		}
		of[f.MachineID]++
	}
	return of
}
