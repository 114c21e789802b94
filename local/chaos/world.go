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
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/local/defendersim"
	"cordon/local/entrasim"
	"cordon/local/funchost"
	"cordon/local/servicebus"
	"cordon/local/smtpsink"
	"cordon/local/tables"
)

// The app registration of the tenant. Nothing of it is secret outside this machine.
const (
	tenantID     = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"
	clientID     = "b71d9c3e-42a8-4e57-8f19-0c6de25a7341"
	clientSecret = "local-environment-only"
)

// mailDomain is whose Message-IDs the handler makes.
const mailDomain = "example.org"

// The queues, and how long a message is locked for whoever works on it.
const (
	alertQueue  = "alerts"
	noticeQueue = "notices"
	messageLock = 6 * time.Second
	// timerLease is to a poll what the real minute is to the real poll every minute.
	timerLease = time.Second
)

// responders is how many processes answer alerts, so that nothing can lean on shared memory.
const responders = 2

// world is one run's Azure: the stand-ins, the proxies of each process in front of them, and the host with the handler.
type world struct {
	defender *defendersim.Sim
	entra    *entrasim.Sim
	bus      *servicebus.Server
	tables   *tables.Server
	mail     *smtpsink.Sink
	smtp     string // address of mail
	sabotage *sabotage
	gate     *gate
	host     *funchost.Host

	folder  string
	stops   []func() // the stand-ins' and the proxies'
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

// settings are the waits of a run of some seconds: as short as a busy machine bears. A mail must be sent within the lock of
// its message, and a request within a third of the hold of its latch.
func settings() map[string]string {
	return map[string]string{
		"FUNCTIONS_WORKER_RUNTIME": "custom",
		"PATH":                     os.Getenv("PATH"),
		"CORDON_MODE":              "enforce",
		"CORDON_TENANT_ID":         tenantID,
		"CORDON_CLIENT_ID":         clientID,
		"CORDON_CLIENT_SECRET":     clientSecret,
		"CORDON_ALERT_QUEUE":       alertQueue,
		"CORDON_NOTICE_QUEUE":      noticeQueue,
		"CORDON_POLL_SCHEDULE":     "* * * * * *",
		"CORDON_FOLLOW_SCHEDULE":   "* * * * * *",
		"CORDON_HUNT_SCHEDULE":     "* * * * * *",
		"CORDON_NOTICE_WINDOW":     "1s",
		"CORDON_LATCH_HOLD":        "6s",
		"CORDON_RECHECK_AFTER":     "6s",
		"CORDON_MESSAGE_LOCK":      messageLock.String(),
		"CORDON_RETRY_AFTER":       "200ms",
		"CORDON_SWEEP_AFTER":       "20s",
		"CORDON_MAIL_FROM":         "Cordon <cordon@" + mailDomain + ">",
		"CORDON_MAIL_TO":           "soc@example.org",
	}
}

// newWorld brings the stand-ins up. No process runs yet.
func newWorld(p Point, sabotaged string) (w *world, err error) {
	w = &world{sabotage: newSabotage(sabotaged), unheard: map[string]int{}}
	w.gate = newGate(p, w.note)
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.folder, err = os.MkdirTemp("", "cordon-chaos-"); err != nil {
		return nil, err
	}
	w.stops = append(w.stops, func() { _ = os.RemoveAll(w.folder) })
	if w.entra, err = entrasim.New(entrasim.Options{Apps: []entrasim.App{{TenantID: tenantID, ClientID: clientID, Secret: clientSecret,
		Roles: map[string][]string{entrasim.Defender: {"Alert.Read.All", "Machine.Read.All", "Machine.Isolate"}}}}}); err != nil {
		return nil, err
	}
	if err := os.WriteFile(w.ca(), w.entra.CertPEM(), 0o600); err != nil {
		return nil, err
	}
	w.defender = defendersim.New(defendersim.Options{ListLag: 100 * time.Millisecond, Quotas: &defendersim.Quotas{}, Verify: w.verify,
		Audience: entrasim.Defender, ActionDelay: w.sabotage.delay})
	w.tables = tables.New(tables.Options{})
	queue := servicebus.QueueConfig{LockDuration: messageLock, DuplicateWindow: 24 * time.Hour, TTL: 7 * 24 * time.Hour, MaxDeliveryCount: 10}
	alerts, notices := queue, queue
	alerts.Name, notices.Name = alertQueue, noticeQueue
	if w.bus, err = servicebus.New(servicebus.Options{Queues: []servicebus.QueueConfig{alerts, notices}}); err != nil {
		return nil, err
	}
	w.stops = append(w.stops, func() { _ = w.bus.Close() })
	w.mail = smtpsink.New(smtpsink.Options{})
	address, err := w.mail.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.smtp = address.String()
	w.stops = append(w.stops, func() { _ = w.mail.Close() })
	return w, nil
}

func (w *world) ca() string { return filepath.Join(w.folder, "ca.pem") }

// verify reads a token for the Defender stand-in.
func (w *world) verify(token string) (defendersim.Claims, error) {
	claims, err := w.entra.Verify(token)
	if err != nil {
		return defendersim.Claims{}, err
	}
	return defendersim.Claims{Audience: claims.Audience, AppID: claims.AppID, Roles: claims.Roles, ExpiresAt: time.Unix(claims.Expires, 0)}, nil
}

// start starts the host with the handler's processes.
func (w *world) start(ctx context.Context, app, playbook string, seed uint64) error {
	all := settings()
	all["CORDON_PLAYBOOK"] = filepath.Join(w.folder, "playbook.yaml")
	if err := os.WriteFile(all["CORDON_PLAYBOOK"], []byte(playbook), 0o600); err != nil {
		return err
	}
	all["CORDON_HUNTS"] = filepath.Join(w.folder, "no-hunts")
	if err := os.MkdirAll(all["CORDON_HUNTS"], 0o700); err != nil {
		return err
	}
	all["CORDON_CA_FILE"] = w.ca()
	all["ServiceBus"] = w.bus.ConnectionString() // the host wants to see that there is one
	broker := &trigger{bus: w.bus, gate: w.gate, functions: map[string]string{alertQueue: "RespondToAlert", noticeQueue: "SendNotice"},
		instances: map[string]int{"RespondToAlert": responders}}
	host, err := funchost.Start(ctx, funchost.Options{AppRoot: app, Settings: all, InstanceSettings: w.front, Broker: broker, Addr: "127.0.0.1:0",
		Instances: broker.instances, LeasePeriod: timerLease, Seed: seed, Stdout: w.say, Stderr: w.say, OnInvocation: w.invoked,
		Logf: func(format string, args ...any) { w.write("host", fmt.Sprintf(format, args...)) }})
	if err != nil {
		return err
	}
	w.host = host
	w.gate.own(host)
	return w.failure
}

// front puts proxies of its own in front of one process and returns where they are.
func (w *world) front(group string, instance int) map[string]string {
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
	own["CORDON_DEFENDER_URL"] = "http://" + overHTTP(Defender, w.sabotage.between(w))
	own["AzureWebJobsStorage"] = w.tables.ConnectionString(overHTTP(Tables, w.tables))
	own["CORDON_AUTHORITY_URL"] = "https://" + listen(func(l net.Listener) func() {
		return serveHTTP(l, &httpProxy{s, Entra, w.entra}, w.entra.TLSConfig())
	})
	bus := listen(func(l net.Listener) func() { return accept(l, (&amqpProxy{s, w.bus}).serve).close })
	own["ServiceBus"] = strings.Replace(w.bus.ConnectionString(), "//127.0.0.1", "//"+bus, 1)
	own["CORDON_SMTP_URL"] = "smtp://" + listen(func(l net.Listener) func() { return accept(l, (&smtpProxy{s, w.smtp, w.unhear}).serve).close }) + "?tls=none&timeout=3s"
	return own
}

// close ends everything; what was recorded can still be read.
func (w *world) close() {
	if w.host != nil {
		w.host.Close()
	}
	_ = w.gate.shutDown() // whoever wants to know has asked before
	for i := len(w.stops) - 1; i >= 0; i-- {
		w.stops[i]()
	}
	w.stops = nil
}

func (w *world) say(l funchost.Line) { w.write(fmt.Sprintf("%s/%d", l.Group, l.Instance), l.Text) }

func (w *world) write(from, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line{time.Now(), from, text})
}

func (w *world) invoked(e funchost.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// log is everything that was said, oldest first.
func (w *world) log() string {
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
func (w *world) note(function string) {
	killed := !w.gate.point.Kind.orderly() && (function == "SendNotice" || w.gate.point.WithHost)
	s := &strike{mailer: killed, arrived: map[string]int{}, unsent: map[string]bool{}}
	for _, m := range w.mail.Mails() {
		s.arrived[m.MessageID]++
	}
	for _, n := range w.notices() {
		if n.state != "sent" {
			s.unsent[n.id()] = true
		}
	}
	w.write("chaos", "strike: "+w.gate.point.String())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.strike = s
}

// unhear notes that the client left before it heard what became of a mail's content.
func (w *world) unhear(content []byte) {
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
func (w *world) records() ([]funchost.Event, *strike, map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events), w.strike, maps.Clone(w.unheard)
}
