package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/local/alertsim"
	"cordon/local/defendersim"
	"cordon/local/funchost"
	"cordon/local/world"
)

// messageLock is how long a message is locked for whoever works on it.
const messageLock = 6 * time.Second

// timerLease is to a poll what the real minute is to the real poll every minute.
const timerLease = time.Second

// responders is how many processes answer alerts, so that nothing can lean on shared memory.
const responders = 2

// scene is one run's Azure, with proxies of each process in front of the stand-ins, and the host with the handler.
type scene struct {
	*world.World
	sabotage *sabotage
	gate     *gate
	host     *funchost.Host

	stops   []func() // the proxies'
	failure error    // of the proxies

	mu      sync.Mutex
	lines   []line
	events  []funchost.Event
	strike  *strike
	unheard map[string]int // Message-IDs of mails whose answer nobody heard
}

// line is a line of a handler's log, or of the host's.
type line struct {
	at   time.Time
	from string
	text string
}

// waits are the settings of a run of some seconds: as short as a busy machine bears. A mail must be sent within the
// lock of its message, and a request within a third of the hold of its latch.
func waits() map[string]string {
	return map[string]string{
		"CORDON_NOTICE_WINDOW": "1s",
		"CORDON_LATCH_HOLD":    "6s",
		"CORDON_RECHECK_AFTER": "6s",
		"CORDON_MESSAGE_LOCK":  messageLock.String(),
		"CORDON_RETRY_AFTER":   "200ms",
		"CORDON_SWEEP_AFTER":   "20s",
	}
}

// newScene brings the stand-ins up. No process runs yet.
func newScene(p Point, o Options) (*scene, error) {
	w := &scene{sabotage: newSabotage(o.Sabotage), unheard: map[string]int{}}
	w.gate = newGate(p, w.note)
	var err error
	w.World, err = world.Start(world.Options{
		Defender: defendersim.Options{
			ListLag:     100 * time.Millisecond,
			Quotas:      &defendersim.Quotas{},
			ActionDelay: w.sabotage.delay,
		},
		Alerts:   alertsim.Options{PerMinute: -1, Lag: 300 * time.Millisecond},
		Lock:     messageLock,
		Source:   o.Source,
		Playbook: o.Playbook,
		Settings: waits(),
	})
	return w, err
}

// start starts the host with the handler's processes.
func (w *scene) start(ctx context.Context, app string, seed uint64) error {
	o := w.Host(app)
	o.InstanceSettings = w.front
	o.Instances = map[string]int{"RespondToAlert": responders}
	o.Broker = &trigger{
		Broker:    o.Broker,
		gate:      w.gate,
		functions: map[string]string{world.AlertQueue: "RespondToAlert", world.NoticeQueue: "SendNotice"},
		instances: o.Instances,
	}
	o.LeasePeriod, o.Seed = timerLease, seed
	o.Stdout, o.Stderr, o.OnInvocation = w.say, w.say, w.invoked
	o.Logf = func(format string, args ...any) { w.write("host", fmt.Sprintf(format, args...)) }
	w.Entra.At("") // each process reaches it at an address of its own
	host, err := funchost.Start(ctx, o)
	if err != nil {
		return err
	}
	w.host = host
	w.gate.own(host)
	return w.failure
}

// front puts proxies of its own in front of one process and returns where they are.
func (w *scene) front(group string, instance int) map[string]string {
	function := group
	if group == "http" {
		function = "Health"
	}
	s := side{gate: w.gate, function: function, instance: instance}
	own := map[string]string{}
	listen := func(use func(net.Listener) (stop func())) string {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			w.failure = errors.Join(w.failure, err)
			return ""
		}
		w.stops = append(w.stops, use(listener))
		return listener.Addr().String()
	}
	overHTTP := func(b Boundary, next http.Handler) string {
		return listen(func(l net.Listener) func() { return serveHTTP(l, &httpProxy{s, b, next}, nil) })
	}
	own["CORDON_DEFENDER_URL"] = "http://" + overHTTP(Defender, w.sabotage.between(w.World))
	own["CORDON_GRAPH_URL"] = "http://" + overHTTP(Graph, w.GraphAPI)
	own["AzureWebJobsStorage"] = w.Tables.ConnectionString(overHTTP(Tables, w.Tables))
	own["CORDON_AUTHORITY_URL"] = "https://" + listen(func(l net.Listener) func() {
		return serveHTTP(l, &httpProxy{s, Entra, w.Entra}, w.Entra.TLSConfig())
	})
	own["ServiceBus"] = w.Bus.ConnectionStringAt(listen(func(l net.Listener) func() {
		return accept(l, (&amqpProxy{s, w.Bus}).serve).close
	}))
	own["CORDON_SMTP_URL"] = "smtp://" + listen(func(l net.Listener) func() {
		return accept(l, (&smtpProxy{s, w.SMTP, w.unhear}).serve).close
	}) + "?tls=none&timeout=3s"
	return own
}

// close ends everything; what was recorded can still be read.
func (w *scene) close() {
	if w.host != nil {
		w.host.Close()
	}
	_ = w.gate.shutDown() // whoever wants to know has asked before
	for i := len(w.stops) - 1; i >= 0; i-- {
		w.stops[i]()
	}
	w.stops = nil
	w.World.Close()
}

func (w *scene) say(l funchost.Line) {
	w.write(fmt.Sprintf("%s/%d", l.Group, l.Instance), l.Text)
}

func (w *scene) write(from, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line{time.Now(), from, text})
}

func (w *scene) invoked(e funchost.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// log is everything that was said, oldest first.
func (w *scene) log() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all strings.Builder
	for _, l := range w.lines {
		fmt.Fprintf(&all, "%s [%s] %s\n", l.at.Format("15:04:05.000"), l.from, l.text)
	}
	return all.String()
}

// strike is what stood recorded when the strike had fallen.
type strike struct {
	mailer  bool            // it killed the process that sends mail
	arrived map[string]int  // mails by Message-ID
	unsent  map[string]bool // Message-IDs that the ledger did not know to be sent
}

// note keeps what the verdict needs to know of the moment of the strike.
func (w *scene) note(function string) {
	killed := !w.gate.point.Kind.orderly() && (function == "SendNotice" || w.gate.point.WithHost)
	s := &strike{mailer: killed, arrived: map[string]int{}, unsent: map[string]bool{}}
	for _, m := range w.Mail.Mails() {
		s.arrived[m.MessageID]++
	}
	for _, n := range w.Notices() {
		if n.State != "sent" {
			s.unsent[n.MessageID()] = true
		}
	}
	w.write("chaos", "strike: "+w.gate.point.String())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.strike = s
}

// unhear notes that the client left before it heard what became of a mail's content.
func (w *scene) unhear(content []byte) {
	header, _, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	message, err := mail.ReadMessage(bytes.NewReader(append(header, "\r\n\r\n"...)))
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unheard[strings.Trim(message.Header.Get("Message-ID"), "<> ")]++
}

// records are the events, the strike and the mails whose answer nobody heard, so far.
func (w *scene) records() ([]funchost.Event, *strike, map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events), w.strike, maps.Clone(w.unheard)
}
