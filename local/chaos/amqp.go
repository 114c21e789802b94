package chaos

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"

	"cordon/local/internal/wire"
	"cordon/local/servicebus"
)

// amqpProxy stands between one process and the broker. It passes bytes on as they are and reads frames beside that.
type amqpProxy struct {
	side
	bus *servicebus.Server
}

func (p *amqpProxy) serve(client net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	broker, err := p.bus.Pipe(ctx)
	if err != nil {
		return
	}
	c := &amqpConn{proxy: p, client: client, broker: broker, links: map[linkKey]string{}, begun: map[linkKey]bool{}}
	var answering sync.WaitGroup
	answering.Go(func() {
		defer client.Close()
		c.answers()
	})
	c.requests()
	_ = broker.Close() // ends the other direction
	answering.Wait()
}

// linkKey is a link on the wire: session channel and handle.
type linkKey struct {
	channel uint16
	handle  uint32
}

// amqpConn is one connection. links and begun belong to the direction from the client.
type amqpConn struct {
	proxy          *amqpProxy
	client, broker net.Conn
	links          map[linkKey]string // the address that the client sends to
	begun          map[linkKey]bool   // a message of which more is to come

	mu    sync.Mutex
	await func(channel uint16, p wire.Performative) bool // knows the answer that is not to arrive
}

// maxFrame is more than either side announces.
const maxFrame = 1 << 20

// next reads one frame, or the header that comes before the first, as its bytes and what they say.
func next(r *bufio.Reader) (raw []byte, channel uint16, p wire.Performative, err error) {
	begin, err := r.Peek(4)
	if err != nil {
		return nil, 0, nil, err
	}
	if string(begin) == "AMQP" {
		raw = make([]byte, len(wire.HeaderAMQP))
		_, err = io.ReadFull(r, raw)
		return raw, 0, nil, err
	}
	var whole bytes.Buffer
	frame, err := wire.ReadFrame(io.TeeReader(r, &whole), maxFrame)
	if err != nil {
		return nil, 0, nil, err
	}
	if frame.Type == wire.TypeAMQP && len(frame.Body) > 0 {
		p, _ = wire.Decode(frame.Body) // what cannot be read is passed on all the same
	}
	return whole.Bytes(), frame.Channel, p, nil
}

// requests passes on what the client sends.
func (c *amqpConn) requests() {
	from := bufio.NewReader(c.client)
	for {
		raw, channel, p, err := next(from)
		if err != nil {
			return
		}
		if c.request(channel, p) == Before {
			c.proxy.strike()
			reset(c.client)
			return
		}
		if _, err := c.broker.Write(raw); err != nil {
			return
		}
	}
}

// request counts what is to be counted, and sees to it that the answer is recognised if it must not arrive.
func (c *amqpConn) request(channel uint16, p wire.Performative) Kind {
	switch p := p.(type) {
	case *wire.Attach:
		if !p.Receiver && p.Target != nil {
			c.links[linkKey{channel, p.Handle}] = p.Target.Address
		}
	case *wire.Transfer:
		return c.transfer(channel, p)
	case *wire.Disposition:
		if p.Receiver {
			return c.catch(Dispositions, channel, func(p2 wire.Performative) bool {
				d, ok := p2.(*wire.Disposition)
				return ok && !d.Receiver && d.First <= p.First && p.First <= d.Last
			})
		}
	}
	return ""
}

// transfer counts a message by its first part.
func (c *amqpConn) transfer(channel uint16, p *wire.Transfer) Kind {
	link := linkKey{channel, p.Handle}
	again := c.begun[link]
	c.begun[link] = p.More && !p.Aborted
	if again || p.DeliveryID == nil {
		return ""
	}
	boundary := boundaryOf(c.links[link])
	if boundary != Transfers {
		return c.catch(boundary, channel, func(p2 wire.Performative) bool {
			_, answered := p2.(*wire.Transfer) // requests have a session of their own, and one is asked at a time
			return answered
		})
	}
	id := *p.DeliveryID
	return c.catch(boundary, channel, func(p2 wire.Performative) bool {
		d, ok := p2.(*wire.Disposition)
		return ok && d.Receiver && d.First <= id && id <= d.Last
	})
}

func boundaryOf(address string) Boundary {
	switch {
	case address == "$cbs":
		return Claims
	case strings.HasSuffix(address, "/$management"):
		return Management
	}
	return Transfers
}

func (c *amqpConn) catch(b Boundary, channel uint16, answers func(wire.Performative) bool) Kind {
	kind := c.proxy.pass(b)
	if kind == Served || kind == Lost {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.await = func(on uint16, p wire.Performative) bool { return on == channel && answers(p) }
	}
	return kind
}

// answers passes on what the broker sends, up to the answer that must not arrive.
func (c *amqpConn) answers() {
	from := bufio.NewReader(c.broker)
	for {
		raw, channel, p, err := next(from)
		if err != nil {
			return
		}
		c.mu.Lock()
		caught := c.await != nil && c.await(channel, p)
		c.mu.Unlock()
		if caught {
			c.proxy.strike()
			reset(c.client)
			return
		}
		if _, err := c.client.Write(raw); err != nil {
			return
		}
	}
}
