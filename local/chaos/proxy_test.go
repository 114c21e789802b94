package chaos

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"cordon/local/entrasim"
	"cordon/local/servicebus"
	"cordon/local/smtpsink"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if o, _ := staged(); o.App != "" {
			_ = os.RemoveAll(o.App)
		}
		os.Exit(code)
	}))
}

// executioner is a host whose processes are only names.
type executioner struct {
	mu     sync.Mutex
	killed []string
}

func (e *executioner) Kill(function string, instance int) error {
	e.note(function)
	return nil
}

func (e *executioner) KillAll() { e.note("all") }

func (e *executioner) StopAll() { e.note("stopped") }

func (e *executioner) DrainAll() { e.note("drained") }

func (e *executioner) note(who string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.killed = append(e.killed, who)
}

func (e *executioner) deaths() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.killed, " ")
}

// aim makes a gate that strikes at a point, and the host that it strikes.
func aim(p Point) (*gate, *executioner) {
	g, host := newGate(p, func(string) {}), &executioner{}
	g.own(host)
	return g, host
}

// fate is what becomes of the thing itself, of its answer, and of its sender.
type fate struct {
	served, answered bool
	deaths           string
}

// fates is what each kind is to bring about.
func fates() map[Kind]fate {
	return map[Kind]fate{
		"":     {true, true, ""},
		Before: {false, false, "SendNotice"},
		Served: {true, false, "SendNotice"},
		Lost:   {true, false, ""},
		// An orderly end disturbs nothing that is under way.
		Stopped: {true, true, "stopped"},
		Drained: {true, true, "drained stopped"},
	}
}

// died waits for a strike that does not hold up what it was struck at.
func died(g *gate, host *executioner) string {
	g.kills.Wait()
	return host.deaths()
}

func sender(g *gate) side { return side{gate: g, function: "SendNotice", instance: 1} }

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRequestIsStruckAsItsKindSays(t *testing.T) {
	t.Parallel()
	for kind, want := range fates() {
		for _, secure := range []bool{false, true} {
			g, host := aim(Point{Site: Site{Tables, "SendNotice"}, K: 2, Kind: kind})
			var served []string
			next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				served = append(served, r.URL.Path)
			})
			client, base := throughHTTP(t, &httpProxy{sender(g), Tables, next}, secure)
			for i, path := range []string{"/1", "/2", "/3"} {
				answer, err := client.Post(base+path, "text/plain", strings.NewReader("x"))
				if err == nil {
					answer.Body.Close()
				}
				if (err == nil) != (i != 1 || want.answered) {
					t.Errorf("%q, TLS %v: request %s: %v", kind, secure, path, err)
				}
			}
			if got := strings.Contains(strings.Join(served, " "), "/2"); got != want.served ||
				died(g, host) != want.deaths {
				t.Errorf("%q, TLS %v: served %v, killed %q", kind, secure, served, died(g, host))
			}
			if n := g.counted()[Site{Tables, "SendNotice"}]; n != 3 {
				t.Errorf("%q, TLS %v: %d requests counted", kind, secure, n)
			}
		}
	}
}

// throughHTTP serves a proxy and returns a client for it.
func throughHTTP(t *testing.T, p *httpProxy, secure bool) (*http.Client, string) {
	t.Helper()
	l := listen(t)
	if !secure {
		t.Cleanup(serveHTTP(l, p, nil))
		transport := &http.Transport{DisableKeepAlives: true}
		return &http.Client{Transport: transport}, "http://" + l.Addr().String()
	}
	sim, err := entrasim.New(entrasim.Options{Apps: []entrasim.App{{TenantID: "t", ClientID: "c", Secret: "s"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(serveHTTP(l, p, sim.TLSConfig()))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(sim.CertPEM())
	transport := &http.Transport{
		DisableKeepAlives: true,
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
	}
	return &http.Client{Transport: transport}, "https://" + l.Addr().String()
}

// throughAMQP is a broker with a queue, and a client of the library that the handler uses, behind a proxy.
func throughAMQP(t *testing.T, g *gate) (*servicebus.Server, *azservicebus.Client) {
	t.Helper()
	bus, err := servicebus.New(servicebus.Options{Queues: []servicebus.QueueConfig{{
		Name:            "q",
		DuplicateWindow: time.Hour,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	l := listen(t)
	t.Cleanup(accept(l, (&amqpProxy{sender(g), bus}).serve).close)
	text := strings.Replace(bus.ConnectionString(), "127.0.0.1", l.Addr().String(), 1)
	client, err := azservicebus.NewClientFromConnectionString(text,
		&azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{MaxRetries: -1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return bus, client
}

// send sends one message, which may be longer than a frame.
func send(ctx context.Context, client *azservicebus.Client, id string) error {
	s, err := client.NewSender("q", nil)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close(ctx) }()
	return s.SendMessage(ctx, &azservicebus.Message{MessageID: &id, Body: make([]byte, 100<<10)}, nil)
}

func TestTransferIsStruckAsItsKindSays(t *testing.T) {
	t.Parallel()
	for kind, want := range fates() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			g, host := aim(Point{Site: Site{Transfers, ""}, K: 1, Kind: kind})
			bus, client := throughAMQP(t, g)
			if err := send(t.Context(), client, "1"); (err == nil) != want.answered {
				t.Errorf("first message: %v", err)
			}
			if n := len(bus.Records("q")); (n == 1) != want.served || died(g, host) != want.deaths {
				t.Errorf("%d messages arrived, killed %q", n, died(g, host))
			}
			for try := 0; send(t.Context(), client, "1") != nil; try++ { // the library may learn of the reset by a send
				if try > 3 {
					t.Fatal("the same message never gets through")
				}
			}
			if c := bus.Counts("q"); c.Active != 1 {
				t.Errorf("%+v after a repeat", c)
			}
		})
	}
}

func TestLookingIntoAQueueIsStruckAsItsKindSays(t *testing.T) {
	t.Parallel()
	for _, boundary := range []Boundary{Management, Claims} {
		for kind, want := range fates() {
			t.Run(string(boundary)+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				g, host := aim(Point{Site: Site{boundary, "SendNotice"}, K: 1, Kind: kind})
				_, client := throughAMQP(t, g)
				r, err := client.NewReceiverForQueue("q", nil)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = r.Close(context.Background()) }()
				if _, err := r.PeekMessages(t.Context(), 1, nil); (err == nil) != want.answered {
					t.Errorf("peek: %v", err)
				}
				if died(g, host) != want.deaths {
					t.Errorf("killed %q", died(g, host))
				}
			})
		}
	}
}

func TestDispositionOfAReceiverIsStruckAsItsKindSays(t *testing.T) {
	t.Parallel()
	for kind, want := range fates() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			g, host := aim(Point{Site: Site{Dispositions, "SendNotice"}, K: 1, Kind: kind})
			bus, client := throughAMQP(t, g)
			if err := bus.Send("q", servicebus.Message{ID: "1", Body: []byte("x")}); err != nil {
				t.Fatal(err)
			}
			r, err := client.NewReceiverForQueue("q", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close(context.Background()) }()
			messages, err := r.ReceiveMessages(t.Context(), 1, nil)
			if err != nil || len(messages) != 1 {
				t.Fatalf("%d messages, %v", len(messages), err)
			}
			// The library settles again over and over after a reset; that it was cut is what is to be seen.
			cut, stop := context.WithCancel(t.Context())
			defer stop()
			g.noted = func(string) {
				if !kind.orderly() {
					stop()
				}
			}
			err = r.CompleteMessage(cut, messages[0], nil)
			if (err == nil) != want.answered {
				t.Errorf("complete: %v", err)
			}
			if c := bus.Counts("q"); (c.Active == 0) != want.served || died(g, host) != want.deaths {
				t.Errorf("%+v, killed %q", c, died(g, host))
			}
		})
	}
}

func TestEveryStepOfAMailIsOneCommand(t *testing.T) {
	t.Parallel()
	sink := smtpsink.New(smtpsink.Options{})
	address, err := sink.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	g, _ := aim(Point{})
	var unheard []string
	l := listen(t)
	proxy := accept(l,
		(&smtpProxy{sender(g), address.String(), func(c []byte) { unheard = append(unheard, string(c)) }}).serve)
	mail := "Subject: x\r\n\r\nQUIT\r\n..\r\nDATA\r\n"
	if err := smtp.SendMail(l.Addr().String(), nil, "a@example.org", []string{"b@example.org", "c@example.org"},
		[]byte(mail)); err != nil {
		t.Fatal(err)
	}
	if proxy.close(); len(unheard) != 0 {
		t.Errorf("unheard are %q", unheard)
	}
	if got := sink.Mails(); len(got) != 1 || got[0].Text != "QUIT\n.\nDATA\n" && got[0].Text != "QUIT\n..\nDATA\n" {
		t.Errorf("arrived: %+v", got)
	}
	// EHLO, MAIL, RCPT, RCPT, DATA, content, QUIT
	if diff := cmp.Diff(map[Site]int{{SMTP, "SendNotice"}: 7}, g.counted()); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestMailIsStruckAsItsKindSays(t *testing.T) {
	t.Parallel()
	for kind, want := range fates() {
		g, host := aim(Point{Site: Site{SMTP, "SendNotice"}, K: 5, Kind: kind}) // the content
		sink := smtpsink.New(smtpsink.Options{})
		address, err := sink.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sink.Close() })
		var unheard []string
		l := listen(t)
		proxy := accept(l,
			(&smtpProxy{sender(g), address.String(), func(c []byte) { unheard = append(unheard, string(c)) }}).serve)
		err = smtp.SendMail(l.Addr().String(), nil, "a@example.org", []string{"b@example.org"},
			[]byte("Subject: x\r\n\r\nx\r\n"))
		if (err == nil) != want.answered {
			t.Errorf("%q: %v", kind, err)
		}
		if n := len(sink.Mails()); (n == 1) != want.served || died(g, host) != want.deaths {
			t.Errorf("%q: %d mails, killed %q", kind, n, died(g, host))
		}
		if proxy.close(); (len(unheard) == 1) != (want.served && !want.answered) {
			t.Errorf("%q: unheard are %q", kind, unheard)
		}
	}
}

func TestConnectionThatIsNoAMQPEndsWithoutHarm(t *testing.T) {
	t.Parallel()
	g, _ := aim(Point{})
	bus, _ := throughAMQP(t, g)
	l := listen(t)
	t.Cleanup(accept(l, (&amqpProxy{sender(g), bus}).serve).close)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n\xff\xff\xff\xff")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, bufio.NewReader(conn)); err != nil && !errors.Is(err, net.ErrClosed) &&
		!strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}
