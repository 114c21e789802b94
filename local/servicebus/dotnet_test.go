package servicebus

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
	"github.com/google/go-cmp/cmp"
)

// dotNet is a peer that sends the frames of the vendor's client for .NET, and has logged in with a token for
// everything.
type dotNet struct {
	*peer
	frames map[string][]byte
}

func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newDotNet(t *testing.T, s *Server) *dotNet {
	t.Helper()
	d := &dotNet{call(t, s), map[string][]byte{}}
	text, err := os.ReadFile("testdata/dotnet.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, frame, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			d.frames[name] = fromHex(t, frame)
		}
	}
	d.write([]byte(wire.HeaderSASL))
	d.says("login")
	d.write([]byte(wire.HeaderAMQP))
	d.says("open", "begin $cbs")
	d.hears("414d515003010000", "0000002a02010000005340c01d01e01a02b3000000074d53534243425300000009414e4f4e594d4f5553",
		"0000001002010000005344c003015000",
		"414d515000010000", "0000002a02000000005310c01d04a111636f72646f6e2d7365727669636562757340700001000060ffff",
		"0000001d02000000005311c01004600000520070000008007000000800")
	d.says("attach $cbs to send", "attach $cbs to receive", "flow $cbs")
	request := &wire.Message{
		Properties:            &wire.Properties{"1", nil, nil, nil, "e6e22950429a4cb69d9e3bb7c2395c1c"},
		Body:                  wire.ValueBody(signed("amqps://127.0.0.1/", firstKey, farOff)),
		ApplicationProperties: args("operation", "put-token", "type", tokenSAS, "name", "amqp://127.0.0.1/alerts"),
	}
	d.frame(wire.TypeAMQP, 0, &wire.Transfer{
		DeliveryID: ptr(uint32(0)),
		Tag:        []byte{},
		Settled:    true,
		Payload:    request.Append(nil),
	})
	answer := d.untilTransfer()
	// status-code and status-description: the node of tokens names them so, $management does not.
	if want := fromHex(t,
		"005373c009064040404040a10131005374c13104a10b7374617475732d636f646571000000caa112"+
			"7374617475732d6465736372697074696f6ea108416363657074656400537740"); !bytes.Equal(answer, want) {
		t.Fatalf("the token is answered %x, want %x", answer, want)
	}
	return d
}

// says sends recorded frames.
func (d *dotNet) says(names ...string) {
	d.t.Helper()
	for _, name := range names {
		frame, known := d.frames[name]
		if !known {
			d.t.Fatalf("there is no frame %q", name)
		}
		d.write(frame)
	}
}

// hears wants exactly these bytes.
func (d *dotNet) hears(all ...string) {
	d.t.Helper()
	for _, want := range all {
		got := make([]byte, len(want)/2)
		if _, err := io.ReadFull(d, got); err != nil {
			d.t.Fatal(err)
		}
		if fmt.Sprintf("%x", got) != want {
			d.t.Fatalf("heard %x, want %s", got, want)
		}
	}
}

// untilTransfer passes over what comes before the next message, and returns its payload.
func (d *dotNet) untilTransfer() []byte {
	d.t.Helper()
	for {
		switch p := d.read().(type) {
		case *wire.Transfer:
			return p.Payload
		case *wire.Detach:
			d.t.Fatalf("detached: %v", p.Error)
		}
	}
}

// untilDetach returns why a link is refused. Its attach must be answered without an end, so that a client waits for
// that.
func (d *dotNet) untilDetach() *wire.Error {
	d.t.Helper()
	for {
		switch p := d.read().(type) {
		case *wire.Attach:
			if p.Receiver && p.Target != nil || !p.Receiver && p.Source != nil {
				d.t.Errorf("a refused link is answered %+v", p)
			}
		case *wire.Detach:
			return p.Error
		}
	}
}

func alerts(t *testing.T) (*Server, *ManualClock) {
	clock := NewManualClock(start)
	return newServer(t, Options{Clock: clock, Queues: one("alerts")}), clock
}

// TestTheClientForNETSendsAndReceives: it logs in with MSSBCBS alone, names the queue /alerts, tells windows of 2^32-1,
// and reads the delivery count of the header on the first delivery too.
func TestTheClientForNETSendsAndReceives(t *testing.T) {
	t.Parallel()
	s, _ := alerts(t)
	d := newDotNet(t, s)
	d.says("begin queue", "attach queue to send", "send", "begin queue again", "attach queue to receive", "flow queue")
	got := d.untilTransfer()
	header := fromHex(t, "005370c0080542500440405200") // durable, priority and a delivery count of 0
	if !bytes.HasPrefix(got, header) {
		t.Errorf("the message begins with %x, want %x", got[:min(len(got), len(header))], header)
	}
	if end := fromHex(t, "005373c00401a10161005375a0027b7d"); !bytes.HasSuffix(got, end) {
		t.Errorf("the message %x does not end with %x", got, end)
	}
}

func TestTheClientForNETIsAnsweredByManagement(t *testing.T) {
	t.Parallel()
	s, _ := alerts(t)
	if err := s.Send("alerts", Message{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	d := newDotNet(t, s)
	d.says("begin queue", "begin queue again", "attach $management to send", "attach $management to receive",
		"flow $management", "peek")
	got := d.untilTransfer()
	if want := fromHex(t,
		"a10a737461747573436f646571000000c8a1117374617475734465736372697074696f6ea1024f4b"); !bytes.Contains(got,
		want) {
		t.Errorf("answer %x, want statusCode and statusDescription, %x", got, want)
	}
	if header := fromHex(t, "005370c0080542500440405200"); !bytes.Contains(got, header) {
		t.Errorf("the peeked message in %x has no delivery count", got)
	}
	trouble := troubled(ErrLockLost).encode(managementKeys, "1")
	if want := fromHex(t,
		"a10e6572726f72436f6e646974696f6ea31f"+hex.EncodeToString([]byte(lockLost))); !bytes.Contains(trouble, want) {
		t.Errorf("answer %x, want errorCondition as a symbol, %x", trouble, want)
	}
}

func TestTheClientForNETIsToldWhatIsNotOffered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		condition amqp.ErrCond
		text      string
	}{
		"attach session s1": {
			amqp.ErrCondNotAllowed,
			"A sessionful message receiver cannot be created on an entity that does not require sessions.",
		},
		"attach next session": {amqp.ErrCondNotAllowed, "A sessionful message receiver cannot be created"},
		"attach coordinator":  {amqp.ErrCondNotImplemented, "Transactions are not offered"},
	} {
		s, _ := alerts(t)
		d := newDotNet(t, s)
		d.says("begin session", name)
		if err := d.untilDetach(); err == nil || err.Condition != wire.Symbol(c.condition) ||
			!strings.HasPrefix(err.Description, c.text) {
			t.Errorf("%s: %v", name, err)
		}
		// The connection goes on, with its other links.
		d.says("begin queue", "attach queue to send", "send")
		for accepted := false; !accepted; {
			disposition, ok := d.read().(*wire.Disposition)
			accepted = ok && disposition.State.Kind == wire.Accepted
		}
	}
}

// dotNetProperties are the application properties of messages that the client for .NET sent, and what a caller in the
// same process sees.
var dotNetProperties = map[string]struct {
	sent string
	want any
}{
	"String":       {"005374c10a02a10176a10474657874", "text"},
	"empty String": {"005374c10602a10176a100", ""},
	"Boolean":      {"005374c10502a1017641", true},
	"Byte":         {"005374c10602a101765001", uint8(1)},
	"SByte":        {"005374c10602a1017651ff", int8(-1)},
	"Int16":        {"005374c10702a1017661fffe", int16(-2)},
	"UInt16":       {"005374c10702a10176600002", uint16(2)},
	"UInt32":       {"005374c10602a101765203", uint32(3)},
	"UInt64":       {"005374c10602a101765304", uint64(4)},
	"Single":       {"005374c10902a10176723fc00000", float32(1.5)},
	"Double":       {"005374c10d02a10176824004000000000000", 2.5},
	"Decimal":      {"005374c11502a10176940c3c0000000000000000000000000177", nil},
	"Char":         {"005374c10902a101767300000078", "x"},
	"Guid":         {"005374c11502a101769811112222333344445555666677778888", "11112222-3333-4444-5555-666677778888"},
	"DateTime":     {"005374c10d02a10176830000019b7ca98c88", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	"DateTimeOffset": {
		"005374c12d02a1017600a31d636f6d2e6d6963726f736f66743a6461746574696d652d6f66667365748108de49ab96b70080",
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	},
	"TimeSpan": {"005374c12602a1017600a316636f6d2e6d6963726f736f66743a74696d657370616e810000000c92a69c00", "01:30:00"},
	"Uri": {
		"005374c12f02a1017600a311636f6d2e6d6963726f736f66743a757269a11568747470733a2f2f6578616d706c652e6f72672f61",
		"https://example.org/a",
	},
}

func TestPropertiesKeepTheirTypes(t *testing.T) {
	t.Parallel()
	for name, c := range dotNetProperties {
		s, _ := plain(t, QueueConfig{Name: "q"})
		section := fromHex(t, c.sent)
		sent, err := decodeTransfer(0, append(bytes.Clone(section), fromHex(t, "005375a0027b7d")...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := s.broker.accept("q", sent); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		m := s.broker.queues["q"].held[0]
		if got := m.encode(true); !bytes.Contains(got, section) {
			t.Errorf("%s: %x is delivered as %x", name, section, got)
		}
		if diff := cmp.Diff(c.want, m.delivery().ApplicationProperties["v"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		// The same as a property that is modified: an abandoned message carries it to the next receiver.
		put(t, s, Message{ID: "2"})
		_ = next(t, s, "q")
		token, err := wire.ParseUUID(next(t, s, "q").LockToken)
		if err != nil {
			t.Fatal(err)
		}
		said := wire.Map{{Key: wire.Symbol("v"), Value: sent[0].ApplicationProperties.Text()["v"]}}
		if err := s.broker.settle(token, verdict(&wire.State{Kind: wire.Modified, Annotations: said})); err != nil {
			t.Fatal(err)
		}
		if got := s.broker.queues["q"].held[1].encode(false); !bytes.Contains(got, section) {
			t.Errorf("%s: modified to %x, it is delivered as %x", name, section, got)
		}
	}
}

func TestDescribedValuesThatAreOddAreLeftOut(t *testing.T) {
	t.Parallel()
	described := func(name string, v any) wire.Described {
		return wire.Described{Descriptor: wire.Symbol("com.microsoft:" + name), Value: v}
	}
	for value, want := range map[any]any{
		described("timespan", int64(-863_999_999_999)):   "-23:59:59.9999999",
		described("timespan", int64(-864_000_000_000)):   "-1.00:00:00",
		described("timespan", int64(-1<<63)):             "-10675199.02:48:05.4775808",
		described("timespan", "1s"):                      nil,
		described("datetime-offset", int64(0)):           time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
		described("datetime-offset", int64(-1)):          nil,
		described("datetime-offset", int64(lastTick)):    time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC),
		described("datetime-offset", int64(lastTick+1)):  nil,
		described("uri", int32(1)):                       nil,
		described("other", "x"):                          nil,
		wire.Described{Descriptor: uint64(1), Value: ""}: nil,
	} {
		got := goValues(wire.Map{{Key: "v", Value: value}})["v"]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", value, diff)
		}
	}
	if got := goValues(wire.Map{
		{Key: "a", Value: wire.Array{}}, {Key: "l", Value: []any{}}, {Key: "m", Value: wire.Map{}},
	}); got != nil {
		t.Errorf("%v", got)
	}
}

func TestAWindowMayBeAsLargeAsItsNumber(t *testing.T) {
	t.Parallel()
	const most = 1<<32 - 1
	for _, c := range []struct{ seen, limit, next, want uint32 }{
		{0, most, 0, most}, {0, most, 5, most - 5}, {7, 1 << 31, 7, 1 << 31}, {0, 10, 4, 6}, {0, 4, 4, 0}, {0, 3, 4, 0},
		{most, 10, 1, 8}, {most - 1, most, 3, most - 5}, {5, 10, 4, 10},
	} {
		if got := remaining(c.seen, c.limit, c.next); got != c.want {
			t.Errorf("seen %d, limit %d, next %d: %d, want %d", c.seen, c.limit, c.next, got, c.want)
		}
	}
}
