package servicebus

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

const (
	maxFrameSize = 65536 // what the service takes, and what is sent to a peer that takes more
	minFrameSize = 512   // what every peer must take, part 2, section 2.4.1 of the standard
)

// conn is one connection. One goroutine reads and acts on frames, another writes; sessions and links belong to the
// reader, except for what conn.mu guards, which the broker reaches through link.deliver. The broker's lock is always
// taken first: the reader holds mu only while it touches those fields.
type conn struct {
	server  *Server
	net     net.Conn
	out     *outbox
	closing chan struct{} // closed when the connection ends
	end     sync.Once

	heartbeat chan time.Duration
	maxFrame  uint32 // of the peer
	sessions  map[uint16]*session
	grants    map[string]struct{} // entity paths that a token was put for, in lower case
	replies   map[string]*link    // links that answers of $cbs and $management go out on, by their target address

	mu sync.Mutex
}

func newConn(s *Server, c net.Conn) *conn {
	return &conn{
		server:    s,
		net:       c,
		out:       newOutbox(),
		closing:   make(chan struct{}),
		heartbeat: make(chan time.Duration, 1),
		sessions:  map[uint16]*session{},
		grants:    map[string]struct{}{},
		replies:   map[string]*link{},
	}
}

// drop ends the connection at once, as if the network had.
func (c *conn) drop() {
	c.end.Do(func() {
		close(c.closing)
		_ = c.net.Close() // there is nothing left to lose
	})
}

// serve runs the connection until it ends.
func (c *conn) serve() {
	var writing sync.WaitGroup
	writing.Go(func() {
		defer c.drop()
		c.out.write(c.net, c.heartbeat, c.closing)
	})
	err := c.read()
	if fault := (*wire.Error)(nil); errors.As(err, &fault) {
		c.send(0, &wire.Close{Error: fault})
	}
	c.out.finish()
	writing.Wait()
	for _, s := range c.sessions {
		c.endSession(s)
	}
}

// read acts on frames until the connection ends. A *wire.Error is to be told to the peer.
func (c *conn) read() error {
	if err := c.greet(); err != nil {
		return err
	}
	for {
		channel, p, err := c.next(wire.TypeAMQP)
		if err != nil {
			return err
		}
		if _, closed := p.(*wire.Close); closed {
			c.send(0, &wire.Close{})
			return nil
		}
		if err := c.handle(channel, p); err != nil {
			return err
		}
	}
}

// mechanisms are the ways to log in. Neither shows who the peer is: MSSBCBS is the vendor's word, and the only one that
// its client for .NET takes, for "by tokens over $cbs".
var mechanisms = []wire.Symbol{"MSSBCBS", "ANONYMOUS"}

// greet does the login and the opening. Tokens come later, over $cbs.
func (c *conn) greet() error {
	if err := c.header(wire.HeaderSASL); err != nil {
		return err
	}
	c.out.frame(wire.TypeSASL, 0, &wire.Mechanisms{Mechanisms: mechanisms})
	_, p, err := c.next(wire.TypeSASL)
	if err != nil {
		return err
	}
	if choice, ok := p.(*wire.Init); !ok || !slices.Contains(mechanisms, choice.Mechanism) {
		c.out.frame(wire.TypeSASL, 0, &wire.Outcome{Code: 1})
		return fmt.Errorf("only the mechanisms %s are offered", mechanisms)
	}
	c.out.frame(wire.TypeSASL, 0, &wire.Outcome{})
	if err := c.header(wire.HeaderAMQP); err != nil {
		return err
	}
	_, p, err = c.next(wire.TypeAMQP)
	if err != nil {
		return err
	}
	open, ok := p.(*wire.Open)
	if !ok {
		return fault(amqp.ErrCondNotAllowed, "the first frame is a %T, an open is expected", p)
	}
	if c.maxFrame = min(open.MaxFrameSize, maxFrameSize); c.maxFrame < minFrameSize {
		return fault(amqp.ErrCondInvalidField, "frames of %d bytes are too small, %d must be possible",
			open.MaxFrameSize, minFrameSize)
	}
	if open.IdleTimeout > 0 {
		c.heartbeat <- max(open.IdleTimeout/2, time.Millisecond)
	}
	c.send(0, &wire.Open{ContainerID: "cordon-servicebus", MaxFrameSize: maxFrameSize, ChannelMax: 65535})
	return nil
}

// header reads the peer's protocol header and answers with ours. A peer that wants another protocol is told and left.
func (c *conn) header(want string) error {
	var got [len(wire.HeaderAMQP)]byte
	if _, err := io.ReadFull(c.net, got[:]); err != nil {
		return err
	}
	c.out.put([]byte(want))
	if string(got[:]) != want {
		return fmt.Errorf("the peer begins with %q, %q is expected", got, want)
	}
	return nil
}

// next reads the next performative and passes over keep-alives.
func (c *conn) next(kind uint8) (uint16, wire.Performative, error) {
	for {
		frame, err := wire.ReadFrame(c.net, maxFrameSize)
		if errors.Is(err, wire.ErrFraming) {
			return 0, nil, fault(amqp.ErrCondFramingError, "%v", err)
		}
		if err != nil {
			return 0, nil, err
		}
		if frame.Type != kind {
			return 0, nil, fault(amqp.ErrCondFramingError, "a frame of type %d, %d is expected", frame.Type, kind)
		}
		if len(frame.Body) == 0 {
			continue
		}
		p, err := wire.Decode(frame.Body)
		if err != nil {
			return 0, nil, fault(amqp.ErrCondDecodeError, "%v", err)
		}
		return frame.Channel, p, nil
	}
}

func (c *conn) send(channel uint16, p wire.Performative) { c.out.frame(wire.TypeAMQP, channel, p) }

func fault(condition amqp.ErrCond, format string, args ...any) *wire.Error {
	return &wire.Error{Condition: wire.Symbol(condition), Description: fmt.Sprintf(format, args...)}
}

// handle acts on one performative.
func (c *conn) handle(channel uint16, p wire.Performative) error {
	if begin, ok := p.(*wire.Begin); ok {
		return c.begin(channel, begin)
	}
	s := c.sessions[channel]
	if s == nil {
		return fault(amqp.ErrCondNotAllowed, "a %T on channel %d, where there is no session", p, channel)
	}
	switch p := p.(type) {
	case *wire.End:
		c.endSession(s)
		delete(c.sessions, channel)
		c.send(channel, &wire.End{})
		return nil
	case *wire.Attach:
		return c.attach(s, p)
	case *wire.Detach:
		return c.detach(s, p)
	case *wire.Flow:
		return c.flow(s, p)
	case *wire.Transfer:
		return c.transfer(s, p)
	case *wire.Disposition:
		return c.disposition(s, p)
	default:
		return fault(amqp.ErrCondNotAllowed, "a %T is not expected now", p)
	}
}

// granted says whether a token was put for address, or for what it belongs to.
func (c *conn) granted(address string) bool {
	for path := strings.ToLower(entityPath(address)); ; {
		if _, ok := c.grants[path]; ok {
			return true
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return false
		}
		path = path[:i]
	}
}
