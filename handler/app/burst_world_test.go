package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/defender"
	"cordon/handler/ledger"
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/notice"
	"cordon/handler/playbook"
	"cordon/handler/playbook/read"
	"cordon/handler/queue"
	"cordon/handler/trigger"
	"cordon/local/defendersim"
	"cordon/local/inprocess"
	"cordon/local/servicebus"
	"cordon/local/tables"
)

const burstTenant = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"

// How long the services take to answer, in the bubble's time.
const (
	apiTakes    = 50 * time.Millisecond
	ledgerTakes = 8 * time.Millisecond
)

// What runs: as many instances of each function, as many queue messages at a time as host.json says.
const (
	responders     = 3
	atATime        = 16
	burstInstances = responders + 2 // with the poller and the follower
)

// trial is how a burst is played.
type trial struct {
	burst
	quotas      defendersim.Quotas
	severities  []string // that the playbook isolates
	redelivered int      // of a hundred messages are given a second time though they were answered
	noSlots     bool     // isolations are not reserved
	noSnapshots bool     // messages lose the alert and machine that travel with them
}

// outcome is what the stand-ins recorded of a trial, from the moment of the burst on.
type outcome struct {
	trial
	began   time.Time
	ended   time.Time // when the queues were empty
	calls   []defendersim.Call
	actions []defendersim.Action
	runs    map[string]string // outcome by alert, of those that are closed
	mails   int
}

// theater is the world around the instances.
type theater struct {
	t      *testing.T
	trial  trial
	sim    *defendersim.Sim
	tables *tables.Server
	bus    *servicebus.Server
	book   *playbook.Book

	mu    sync.Mutex
	mails int
}

// inMemory carries requests to a handler of the same process, which takes its time.
type inMemory struct {
	to       http.Handler
	takes    time.Duration
	requests atomic.Int64
}

func (m *inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	m.requests.Add(1)
	if err := pass(r.Context(), m.takes/2); err != nil {
		return nil, err
	}
	answer, err := inprocess.Serve(m.to, r)
	if late := pass(r.Context(), m.takes/2); late != nil {
		return nil, late
	}
	return answer, err
}

// Do lets the ledger's client use it.
func (m *inMemory) Do(r *http.Request) (*http.Response, error) { return m.RoundTrip(r) }

func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Send counts a mail.
func (th *theater) Send(context.Context, notice.Mail) error {
	th.mu.Lock()
	defer th.mu.Unlock()
	th.mails++
	return nil
}

func newTheater(t *testing.T, p trial) *theater {
	th := &theater{
		t:      t,
		trial:  p,
		sim:    defendersim.New(defendersim.Options{Quotas: &p.quotas}),
		tables: tables.New(tables.Options{}),
	}
	var err error
	th.bus, err = servicebus.New(servicebus.Options{Queues: []servicebus.QueueConfig{
		{
			Name:            "alerts",
			DuplicateWindow: 24 * time.Hour,
			TTL:             7 * 24 * time.Hour,
		},
		{Name: "notices", DuplicateWindow: 24 * time.Hour, TTL: 7 * 24 * time.Hour},
	}})
	if err != nil {
		t.Fatal(err)
	}
	list, _ := json.Marshal(p.severities)
	th.book, err = read.Load("burst.yaml", []byte(`version: 1
mode: enforce
rules:
  - name: contain
    on: alert
    when: alert.severity in `+string(list)+`
    do:
      - isolate: { type: Full, comment: "Alert {{.Alert.ID}}" }
      - mail: {}
limits:
  isolate: { perHour: 1500, perDay: 5000, then: hold }
`))
	if err != nil {
		t.Fatal(err)
	}
	return th
}

func (th *theater) store(takes time.Duration) *ledger.Store {
	store, err := ledger.Open(rows.Options{
		ConnectionString: th.tables.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           burstTenant,
		Transport:        &inMemory{to: th.tables, takes: takes},
	})
	if err != nil {
		th.t.Fatal(err)
	}
	return store
}

// process starts one process: the program's own wiring with clients of its own.
func (th *theater) process() (all trigger.Services, stop func()) {
	settings, err := config.Load(func(name string) string {
		return map[string]string{
			"CORDON_MODE":          "enforce",
			"CORDON_TENANT_ID":     burstTenant,
			"CORDON_CLIENT_ID":     burstTenant,
			"CORDON_CLIENT_SECRET": "s3cret",
			"ServiceBus":           th.bus.ConnectionString(),
			"AzureWebJobsStorage":  "UseDevelopmentStorage=true",
			"CORDON_MAIL_FROM":     "cordon@example.com",
			"CORDON_MAIL_TO":       "soc@example.com",
			"CORDON_SMTP_URL":      "smtp://127.0.0.1:1?tls=none",
			"CORDON_ALERT_QUEUE":   "alerts",
			"CORDON_NOTICE_QUEUE":  "notices",
		}[name]
	})
	if err != nil {
		th.t.Fatal(err)
	}
	bus, err := queue.New(queue.Options{
		ConnectionString: th.bus.ConnectionString(),
		NewConn:          func(ctx context.Context) (net.Conn, error) { return th.bus.Pipe(ctx) },
	})
	if err != nil {
		th.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	store := th.store(ledgerTakes)
	client := setup.DefenderOver(&url.URL{Scheme: "http", Host: "api.example"},
		&inMemory{to: th.sim.Handler(), takes: apiTakes}, &setup.Pauses{Switches: store.Switches, Log: log}, nil, log)
	c := clients{
		ledger: store,
		bus:    bus,
		mailer: th,
		quota:  budget.Quota{PerMinute: defender.CallsPerMinute, PerHour: defender.CallsPerHour},
		api:    setup.NewAPI(settings, client, nil, nil),
	}
	if th.trial.noSlots {
		c.quota = budget.Quota{}
	}
	if err := store.Prepare(th.t.Context()); err != nil {
		th.t.Fatal(err)
	}
	return services(settings, th.book, c, log, "test"), func() { _ = bus.Close(context.Background()) }
}

// tick calls a timer function a moment after every full minute.
func (th *theater) tick(ctx context.Context, after time.Duration, call func(context.Context, trigger.Tick) error) {
	for {
		next := time.Now().Truncate(time.Minute).Add(after)
		if !next.After(time.Now()) {
			next = next.Add(time.Minute)
		}
		if pass(ctx, time.Until(next)) != nil {
			return
		}
		_ = call(ctx, trigger.Tick{}) // the next tick makes up for an error
	}
}

// consume is the host's side of a queue trigger, for one of the messages that an instance answers at a time.
func (th *theater) consume(ctx context.Context, queue string, call func(context.Context, trigger.Delivery) error) {
	for {
		d, err := th.bus.Receive(ctx, queue)
		if err != nil {
			return
		}
		err = call(ctx,
			trigger.Delivery{Body: th.carried(d.Body), MessageID: d.MessageID, DeliveryCount: d.DeliveryCount})
		if err != nil || queue == "alerts" && d.DeliveryCount == 1 && th.again(d.MessageID) {
			_ = th.bus.Abandon(ctx, queue, d.LockToken)
			continue
		}
		_ = th.bus.Complete(ctx, queue, d.LockToken)
	}
}

// again picks the messages that are delivered once more.
func (th *theater) again(id string) bool {
	n, _ := strconv.ParseUint(alert.SHA256([]byte(id))[:8], 16, 64)
	return int(n%100) < th.trial.redelivered
}

func (th *theater) carried(body []byte) []byte {
	var m alert.Message
	if !th.trial.noSnapshots || json.Unmarshal(body, &m) != nil {
		return body
	}
	m.Alert, m.Machine = nil, nil
	return m.Encode()
}

// start runs all instances, as on Flex one process for each, until ctx ends.
func (th *theater) start(ctx context.Context) (wait func()) {
	var all sync.WaitGroup
	var stops []func()
	begin := func() trigger.Services {
		s, stop := th.process()
		stops = append(stops, stop)
		return s
	}
	poller, follower, sender := begin(), begin(), begin()
	all.Go(func() { th.tick(ctx, 0, poller.PollAlerts) })
	all.Go(func() { th.tick(ctx, 30*time.Second, follower.FollowActions) })
	for range responders {
		s := begin()
		for range atATime {
			all.Go(func() { th.consume(ctx, "alerts", s.RespondToAlert) })
		}
	}
	for range atATime {
		all.Go(func() { th.consume(ctx, "notices", sender.SendNotice) })
	}
	return func() {
		all.Wait()
		for _, stop := range stops {
			stop()
		}
		_ = th.bus.Close()
	}
}

// play plays the burst in the bubble that it is called in: five quiet minutes, then all alerts at once.
func play(t *testing.T, p trial) outcome {
	th := newTheater(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	wait := th.start(ctx)
	for _, m := range p.machines {
		th.sim.AddMachine(m)
	}
	time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(5*time.Minute - time.Second)))
	for _, a := range p.alerts {
		th.sim.AddAlert(a, time.Time{})
	}
	time.Sleep(time.Second)
	o := outcome{trial: p, began: time.Now()}
	th.settle(&o)
	cancel()
	wait()
	o.calls = slices.DeleteFunc(th.sim.Calls(), func(c defendersim.Call) bool { return c.At.Before(o.began) })
	o.actions, o.mails = th.sim.Actions(), th.mails
	return o
}

// settle waits until every alert is answered and its mail is sent, for three hours at most.
func (th *theater) settle(o *outcome) {
	store := th.store(0)
	o.runs = map[string]string{}
	for time.Since(o.began) < 3*time.Hour {
		time.Sleep(5 * time.Second)
		if a := th.bus.Counts("alerts"); a.Active+a.Scheduled > 0 || !th.closed(store, o) {
			continue
		}
		if o.ended.IsZero() {
			o.ended = time.Now()
		}
		if n := th.bus.Counts("notices"); n.Active+n.Scheduled == 0 {
			return
		}
	}
}

// closed reads the runs that were not closed the last time, until it finds one that still is not.
func (th *theater) closed(store *ledger.Store, o *outcome) bool {
	for _, a := range o.alerts {
		if o.runs[a.ID] != "" {
			continue
		}
		record, err := store.Runs.Alert(th.t.Context(), a.ID)
		if err != nil {
			th.t.Fatal(err)
		}
		run, found := record.Latest()
		if !found || run.State != runs.Closed {
			return false
		}
		o.runs[a.ID] = run.Outcome
	}
	return true
}
