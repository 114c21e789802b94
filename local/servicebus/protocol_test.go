package servicebus

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
	"github.com/google/go-cmp/cmp"
)

// peer is a client that can be told to do what the real one never would.
type peer struct {
	t testing.TB
	net.Conn
}

// call connects without a word.
func call(t testing.TB, s *Server) *peer {
	t.Helper()
	c, err := s.Pipe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &peer{t, c}
}

const login = wire.HeaderSASL

// greeted connects, logs in, opens, and begins a session on channel 1 whose window lets n transfers in.
func greeted(t testing.TB, s *Server, open *wire.Open, window uint32) *peer {
	t.Helper()
	p := call(t, s)
	p.write([]byte(login))
	p.frame(wire.TypeSASL, 0, &wire.Init{Mechanism: "ANONYMOUS"})
	p.write([]byte(wire.HeaderAMQP))
	p.frame(wire.TypeAMQP, 0, open)
	p.frame(wire.TypeAMQP, 1, &wire.Begin{IncomingWindow: window, OutgoingWindow: 100})
	p.skip(len(wire.HeaderSASL))
	p.expect(&wire.Mechanisms{Mechanisms: []wire.Symbol{"MSSBCBS", "ANONYMOUS"}})
	p.expect(&wire.Outcome{})
	p.skip(len(wire.HeaderAMQP))
	if _, ok := p.read().(*wire.Open); !ok {
		t.Fatal("the open was not answered")
	}
	if _, ok := p.read().(*wire.Begin); !ok {
		t.Fatal("the begin was not answered")
	}
	return p
}

func usual() *wire.Open { return &wire.Open{ContainerID: "peer", MaxFrameSize: 65536} }

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) frame(kind uint8, channel uint16, performative wire.Performative) {
	p.t.Helper()
	p.write(wire.AppendFrame(nil, kind, channel, performative))
}

func (p *peer) send(performative wire.Performative) {
	p.t.Helper()
	p.frame(wire.TypeAMQP, 1, performative)
}

func (p *peer) skip(n int) {
	p.t.Helper()
	if _, err := io.ReadFull(p, make([]byte, n)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) read() wire.Performative {
	p.t.Helper()
	for {
		f, err := wire.ReadFrame(p, 1<<20)
		if err != nil {
			p.t.Fatal(err)
		}
		if len(f.Body) == 0 { // a keep-alive
			continue
		}
		performative, err := wire.Decode(f.Body)
		if err != nil {
			p.t.Fatal(err)
		}
		return performative
	}
}

func (p *peer) expect(want wire.Performative) {
	p.t.Helper()
	if diff := cmp.Diff(want, p.read()); diff != "" {
		p.t.Fatalf("-want +got:\n%s", diff)
	}
}

// expectEnd reads until the server has closed the connection, and wants to be told the condition, "" for none.
func (p *peer) expectEnd(condition amqp.ErrCond) {
	p.t.Helper()
	var got wire.Symbol
	for {
		f, err := wire.ReadFrame(p, 1<<20)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil {
			p.t.Fatal(err)
		}
		if performative, err := wire.Decode(f.Body); err == nil {
			if c, ok := performative.(*wire.Close); ok && c.Error != nil {
				got = c.Error.Condition
			}
		}
	}
	if got != wire.Symbol(condition) {
		p.t.Errorf("closed for %q, want %q", got, condition)
	}
}

// grant puts a token for the queue by way of $cbs, with links 10 and 11.
func (p *peer) grant() {
	p.t.Helper()
	p.send(&wire.Attach{Name: "in", Handle: 10, Source: &wire.Terminus{}, Target: &wire.Terminus{Address: "$cbs"}})
	p.send(&wire.Attach{
		Name:     "out",
		Handle:   11,
		Receiver: true,
		Source:   &wire.Terminus{Address: "$cbs"},
		Target:   &wire.Terminus{Address: "back"},
	})
	p.send(&wire.Flow{
		NextIncomingID: ptr(uint32(0)),
		IncomingWindow: 1,
		Handle:         ptr(uint32(11)),
		DeliveryCount:  ptr(uint32(0)),
		LinkCredit:     ptr(uint32(1)),
	})
	p.transfer(10, &amqp.Message{
		Properties:            &amqp.MessageProperties{MessageID: "1", ReplyTo: ptr("back")},
		Value:                 signed("amqp://127.0.0.1/q", firstKey, farOff),
		ApplicationProperties: map[string]any{"operation": "put-token", "type": tokenSAS, "name": "amqp://127.0.0.1/q"},
	})
	for {
		if t, ok := p.read().(*wire.Transfer); ok {
			m, err := decodeMessage(t.Payload)
			if err != nil || m.ApplicationProperties.Text()["status-code"] != int32(202) {
				p.t.Fatalf("answer %v, error %v", m, err)
			}
			break
		}
	}
	p.expect(&wire.Disposition{Receiver: true, Settled: true, State: &wire.State{Kind: wire.Accepted}})
}

func (p *peer) transfer(handle uint32, m *amqp.Message) {
	p.t.Helper()
	data, err := m.MarshalBinary()
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(&wire.Transfer{Handle: handle, DeliveryID: ptr(uint32(0)), Tag: []byte("t"), Payload: data})
}

func TestASilentConnectionIsKeptAlive(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	open := usual()
	open.IdleTimeout = 10 * time.Millisecond
	p := greeted(t, s, open, 100)
	for range 3 {
		f, err := wire.ReadFrame(p, 1<<20)
		if err != nil || len(f.Body) != 0 {
			t.Fatalf("frame %+v, error %v", f, err)
		}
	}
}

func TestAPeerThatBreaksTheProtocolIsToldAndLeft(t *testing.T) {
	t.Parallel()
	attach := &wire.Attach{Name: "x", Handle: 1, Target: &wire.Terminus{Address: "$cbs"}}
	out := &wire.Attach{Name: "x", Handle: 1, Receiver: true, Source: &wire.Terminus{Address: "$cbs"}}
	for name, c := range map[string]struct {
		send []wire.Performative
		want amqp.ErrCond
	}{
		"a session twice":      {[]wire.Performative{&wire.Begin{}}, amqp.ErrCondNotAllowed},
		"an open in a session": {[]wire.Performative{usual()}, amqp.ErrCondNotAllowed},
		"a handle twice":       {[]wire.Performative{attach, attach}, amqp.ErrCondHandleInUse},
		"a flow for no link": {
			[]wire.Performative{&wire.Flow{Handle: ptr(uint32(7))}}, amqp.ErrCondUnattachedHandle,
		},
		"a transfer for no link": {
			[]wire.Performative{&wire.Transfer{Handle: 7}}, amqp.ErrCondUnattachedHandle,
		},
		"a detach for no link": {[]wire.Performative{&wire.Detach{Handle: 7}}, amqp.ErrCondUnattachedHandle},
		"a transfer the wrong way": {
			[]wire.Performative{out, &wire.Transfer{Handle: 1}}, amqp.ErrCondNotAllowed,
		},
		"a transfer without a number": {
			[]wire.Performative{attach, &wire.Transfer{Handle: 1}}, amqp.ErrCondNotAllowed,
		},
		"a disposition of everything": {
			[]wire.Performative{&wire.Disposition{
				Receiver: true,
				Last:     1 << 31,
				State:    &wire.State{Kind: wire.Accepted},
			}}, amqp.ErrCondInvalidField,
		},
		"a frame after the session's end": {[]wire.Performative{&wire.End{}, &wire.Flow{}}, amqp.ErrCondNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, Options{Queues: one("q")})
			p := greeted(t, s, usual(), 100)
			for _, performative := range c.send {
				p.send(performative)
			}
			p.expectEnd(c.want)
		})
	}
}

func TestBytesThatAreNotTheProtocolEndTheConnection(t *testing.T) {
	t.Parallel()
	sasl := string(wire.AppendFrame(nil, wire.TypeSASL, 0, &wire.Init{Mechanism: "ANONYMOUS"}))
	for name, c := range map[string]struct {
		bytes string
		want  amqp.ErrCond
	}{
		"another protocol": {"GET / HTTP/1.1\r\n\r\n", ""},
		"no login":         {wire.HeaderAMQP, ""},
		"another mechanism": {
			login + string(wire.AppendFrame(nil, wire.TypeSASL, 0, &wire.Init{Mechanism: "PLAIN"})), "",
		},
		"a frame too large": {
			login + sasl + wire.HeaderAMQP + "\x7f\xff\xff\xff\x02\x00\x00\x00", amqp.ErrCondFramingError,
		},
		"a frame of the login": {login + sasl + wire.HeaderAMQP + sasl, amqp.ErrCondFramingError},
		"no performative": {
			login + sasl + wire.HeaderAMQP + "\x00\x00\x00\x09\x02\x00\x00\x00\x40", amqp.ErrCondDecodeError,
		},
		"no open": {
			login + sasl + wire.HeaderAMQP + string(wire.AppendFrame(nil, 0, 0, &wire.End{})), amqp.ErrCondNotAllowed,
		},
		"tiny frames": {
			login + sasl + wire.HeaderAMQP + string(wire.AppendFrame(nil, 0, 0, &wire.Open{MaxFrameSize: 100})),
			amqp.ErrCondInvalidField,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, Options{Queues: one("q")})
			p := call(t, s)
			p.write([]byte(c.bytes))
			if c.want == "" {
				if _, err := io.Copy(io.Discard, p); err != nil && !errors.Is(err, net.ErrClosed) {
					t.Fatal(err)
				}
				return
			}
			p.skip(len(wire.HeaderSASL))
			p.expect(&wire.Mechanisms{Mechanisms: []wire.Symbol{"MSSBCBS", "ANONYMOUS"}})
			p.expect(&wire.Outcome{})
			p.skip(len(wire.HeaderAMQP))
			p.expectEnd(c.want)
		})
	}
}

func TestALinkWithoutATokenIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	for name, a := range map[string]*wire.Attach{
		"send":       {Name: "x", Handle: 1, Target: &wire.Terminus{Address: "q"}},
		"receive":    {Name: "x", Handle: 1, Receiver: true, Source: &wire.Terminus{Address: "q"}},
		"management": {Name: "x", Handle: 1, Target: &wire.Terminus{Address: "q/$management"}},
	} {
		p := greeted(t, s, usual(), 100)
		p.send(a)
		answer, ok := p.read().(*wire.Attach)
		if !ok || a.Receiver && answer.Source != nil || !a.Receiver && answer.Target != nil {
			t.Errorf("%s: answer %+v", name, answer)
		}
		d, ok := p.read().(*wire.Detach)
		if !ok || d.Error == nil || d.Error.Condition != wire.Symbol(amqp.ErrCondUnauthorizedAccess) {
			t.Errorf("%s: %+v", name, d)
		}
		p.send(&wire.Detach{Handle: 1, Closed: true})
		p.frame(wire.TypeAMQP, 0, &wire.Close{})
		p.expectEnd("")
	}
}

// TestAnEntityIsFoundHoweverItIsSpelled: clients take the name from a URL or from a setting, with what slashes and case
// it has there.
func TestAnEntityIsFoundHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	for _, address := range []string{
		"q", "/q", "Q/", "/q/$DeadLetterQueue", "q/$management", "/Q/$Management", "/$CBS",
	} {
		p := greeted(t, s, usual(), 100)
		p.grant()
		p.send(&wire.Attach{
			Name:     "x",
			Handle:   1,
			Receiver: true,
			Source:   &wire.Terminus{Address: address},
			Target:   &wire.Terminus{Address: "x"},
		})
		if a, ok := p.read().(*wire.Attach); !ok || a.Source == nil || a.Source.Address != address {
			t.Errorf("%s: answer %+v", address, a)
		}
	}
}

func TestAPeersWindowIsObeyed(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	p := greeted(t, s, &wire.Open{ContainerID: "peer", MaxFrameSize: 512}, 1)
	p.grant()
	body := strings.Repeat("x", 1000)
	put(t, s, Message{ID: "1", Body: []byte(body)})
	p.send(&wire.Attach{
		Name:         "r",
		Handle:       1,
		Receiver:     true,
		ReceiverMode: wire.ReceiverSecond,
		Source:       &wire.Terminus{Address: "q"},
		Target:       &wire.Terminus{},
	})
	if a, ok := p.read().(*wire.Attach); !ok || a.Source == nil {
		t.Fatalf("answer %+v", a)
	}
	var data []byte
	for received := uint32(1); ; received++ { // the answer of $cbs was the first transfer
		p.send(&wire.Flow{
			NextIncomingID: &received,
			IncomingWindow: 1,
			Handle:         ptr(uint32(1)),
			DeliveryCount:  ptr(uint32(0)),
			LinkCredit:     ptr(uint32(1)),
			Echo:           true,
		})
		part, ok := p.read().(*wire.Transfer)
		if !ok {
			t.Fatal("no transfer in an open window")
		}
		if _, ok := p.read().(*wire.Flow); !ok {
			t.Fatal("another transfer in a window of one")
		}
		if data = append(data, part.Payload...); !part.More {
			break
		}
	}
	m, err := decodeMessage(data)
	if err != nil || string(m.Data()[0]) != body {
		t.Errorf("message %+v, error %v", m, err)
	}
}

func TestDrainUsesUpTheCredit(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	p := greeted(t, s, usual(), 100)
	p.grant()
	p.send(&wire.Attach{
		Name:         "r",
		Handle:       1,
		Receiver:     true,
		ReceiverMode: wire.ReceiverSecond,
		Source:       &wire.Terminus{Address: "q"},
		Target:       &wire.Terminus{},
	})
	p.read()
	p.send(&wire.Flow{
		NextIncomingID: ptr(uint32(1)),
		IncomingWindow: 100,
		Handle:         ptr(uint32(1)),
		DeliveryCount:  ptr(uint32(0)),
		LinkCredit:     ptr(uint32(5)),
		Drain:          true,
	})
	f, ok := p.read().(*wire.Flow)
	if !ok || !f.Drain || *f.LinkCredit != 0 || *f.DeliveryCount != 5 {
		t.Errorf("flow %+v", f)
	}
	put(t, s, Message{ID: "1"})
	if got := s.Records("q")[0].Deliveries; got != 0 {
		t.Errorf("%d deliveries without credit", got)
	}
}

func TestAMessageOverTheLimitEndsItsLinkOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	p := greeted(t, s, usual(), 100)
	p.grant()
	p.send(&wire.Attach{Name: "s", Handle: 1, Source: &wire.Terminus{}, Target: &wire.Terminus{Address: "q"}})
	p.read()
	p.read()
	for range maxMessageSize/60000 + 1 {
		p.send(&wire.Transfer{
			Handle:     1,
			DeliveryID: ptr(uint32(1)),
			Tag:        []byte("t"),
			More:       true,
			Payload:    make([]byte, 60000),
		})
	}
	d, ok := p.read().(*wire.Detach)
	if !ok || d.Error == nil || d.Error.Condition != wire.Symbol(amqp.ErrCondMessageSizeExceeded) {
		t.Fatalf("%+v", d)
	}
	p.send(&wire.Detach{Handle: 1, Closed: true})
	p.send(&wire.End{})
	p.expect(&wire.End{})
	if got := s.Records("q"); got != nil {
		t.Errorf("records %+v", got)
	}
}

func TestMessagesThatCannotBeReadAreRejected(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	p := greeted(t, s, usual(), 100)
	p.grant()
	p.send(&wire.Attach{Name: "s", Handle: 1, Source: &wire.Terminus{}, Target: &wire.Terminus{Address: "q"}})
	p.read()
	p.read()
	for i, c := range []struct {
		format uint32
		data   []byte
	}{
		{0, []byte("nonsense")}, {0, describedKey}, {batchFormat, nil},
		{batchFormat, mustMarshal(t, amqp.NewMessage([]byte("nonsense")))},
	} {
		id := uint32(i + 1)
		p.send(&wire.Transfer{Handle: 1, DeliveryID: &id, Tag: []byte("t"), Format: c.format, Payload: c.data})
		d, ok := p.read().(*wire.Disposition)
		if !ok || d.First != id || d.State.Kind != wire.Rejected ||
			d.State.Error.Condition != wire.Symbol(amqp.ErrCondDecodeError) {
			t.Errorf("%q: %+v", c.data, d)
		}
	}
	p.send(&wire.Transfer{Handle: 1, DeliveryID: ptr(uint32(9)), Tag: []byte("t"), More: true, Payload: []byte("half")})
	p.send(&wire.Transfer{Handle: 1, Aborted: true})
	p.transfer(1, amqp.NewMessage([]byte("whole")))
	if d, ok := p.read().(*wire.Disposition); !ok || d.State.Kind != wire.Accepted {
		t.Errorf("after an aborted one: %+v", d)
	}
}

// describedKey is a message whose annotations have a described value for a key.
var describedKey = []byte("\x00\x53\x72\xc1\x0a\x02\x00\x80\x00\x00\x01\x37\x00\x00\x00\x0c\x45\x40")

func mustMarshal(t testing.TB, m *amqp.Message) []byte {
	t.Helper()
	data, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
