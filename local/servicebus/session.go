package servicebus

import (
	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

// incomingWindow is how many transfers a peer may send before it hears from us.
const incomingWindow = 2048

// session is one session of a connection. Its channel and the handles of its links are the peer's in both directions.
type session struct {
	channel uint16
	links   map[uint32]*link

	// Of the reader: what came in.
	nextIncomingID uint32
	sinceFlow      uint32 // transfers since we last told the window

	// Guarded by conn.mu: what goes out.
	nextOutgoingID uint32
	nextDeliveryID uint32
	peerWindow     uint32           // transfers that the peer takes before it tells us its window again
	waiting        []*wire.Transfer // for the window to open
	unsettled      map[uint32]unsettled
}

// unsettled is a delivery that the peer has not said anything about.
type unsettled struct {
	link  *link
	token wire.UUID
}

func (c *conn) begin(channel uint16, p *wire.Begin) error {
	if c.sessions[channel] != nil {
		return fault(amqp.ErrCondNotAllowed, "channel %d has a session", channel)
	}
	c.sessions[channel] = &session{
		channel:        channel,
		links:          map[uint32]*link{},
		nextIncomingID: p.NextOutgoingID,
		peerWindow:     p.IncomingWindow,
		unsettled:      map[uint32]unsettled{},
	}
	c.send(channel, &wire.Begin{
		RemoteChannel:  &channel,
		IncomingWindow: incomingWindow,
		OutgoingWindow: incomingWindow,
		HandleMax:      1<<32 - 1,
	})
	return nil
}

func (c *conn) endSession(s *session) {
	for _, l := range s.links {
		c.unlink(l)
	}
}

// sessionFlow is our view of the session. conn.mu is held.
func (s *session) sessionFlow() *wire.Flow {
	next := s.nextIncomingID
	return &wire.Flow{
		NextIncomingID: &next,
		IncomingWindow: incomingWindow,
		NextOutgoingID: s.nextOutgoingID,
		OutgoingWindow: incomingWindow,
	}
}

// tellWindow sends a flow, about l if it is not nil. Every flow tells the window anew.
func (c *conn) tellWindow(l *link, s *session, drained bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := s.sessionFlow()
	s.sinceFlow = 0
	if l != nil {
		handle, count, credit := l.handle, l.deliveryCount, l.credit
		f.Handle, f.DeliveryCount, f.LinkCredit, f.Drain = &handle, &count, &credit, drained
	}
	c.send(s.channel, f)
}

// flow acts on the peer's window and credit.
func (c *conn) flow(s *session, p *wire.Flow) error {
	var l *link
	if p.Handle != nil {
		if l = s.links[*p.Handle]; l == nil {
			return fault(amqp.ErrCondUnattachedHandle, "a flow for handle %d, which is not attached", *p.Handle)
		}
	}
	c.mu.Lock()
	s.opened(p)
	for len(s.waiting) > 0 && s.peerWindow > 0 {
		c.sendTransfer(s, s.waiting[0])
		s.waiting = s.waiting[1:]
	}
	if l != nil && l.outgoing() && p.LinkCredit != nil {
		l.credited(p)
	}
	c.mu.Unlock()
	drained := false
	if l != nil && l.outgoing() {
		l.serve()
		drained = p.Drain && c.drain(l)
	}
	if drained || p.Echo {
		c.tellWindow(l, s, drained)
	}
	return nil
}

// opened computes the window as part 2, section 2.5.6 of the standard has it.
func (s *session) opened(p *wire.Flow) {
	next := uint32(0)
	if p.NextIncomingID != nil {
		next = *p.NextIncomingID
	}
	s.peerWindow = remaining(next, p.IncomingWindow, s.nextOutgoingID)
}

// remaining is how many more may be sent to a peer that has seen everything before the number seen and takes limit from
// there on, when the next to be sent has the number next. The numbers wrap; limit is any, the vendor's client for .NET
// tells windows of 2^32-1.
func remaining(seen, limit, next uint32) uint32 {
	underWay := next - seen
	if int32(underWay) < 0 {
		return limit // the peer has seen more than there was
	}
	if limit < underWay {
		return 0
	}
	return limit - underWay
}

// drain uses up the credit that there is no message for.
func (c *conn) drain(l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.deliveryCount += l.credit
	l.credit = 0
	return true
}

// sendTransfer sends one transfer; the window must be open. conn.mu is held.
func (c *conn) sendTransfer(s *session, t *wire.Transfer) {
	s.nextOutgoingID++
	s.peerWindow--
	c.send(s.channel, t)
}

// transferHeader is room for everything in a transfer frame but the payload.
const transferHeader = 128

// sendMessage sends a message in as many transfers as it needs, as far as the window is open. conn.mu is held.
func (c *conn) sendMessage(l *link, deliveryTag, data []byte, settled bool) uint32 {
	s := l.session
	id := s.nextDeliveryID
	s.nextDeliveryID++
	room := int(c.maxFrame) - transferHeader
	for first := true; first || len(data) > 0; first = false {
		t := &wire.Transfer{Handle: l.handle, Settled: settled, Payload: data[:min(room, len(data))]}
		if first {
			t.DeliveryID, t.Tag = &id, deliveryTag
		}
		data = data[len(t.Payload):]
		t.More = len(data) > 0
		if s.peerWindow > 0 && len(s.waiting) == 0 {
			c.sendTransfer(s, t)
		} else {
			s.waiting = append(s.waiting, t)
		}
	}
	return id
}

// transfer takes a part of a message in and acts on the message once it is whole.
func (c *conn) transfer(s *session, p *wire.Transfer) error {
	s.nextIncomingID++
	s.sinceFlow++
	l := s.links[p.Handle]
	switch {
	case l == nil:
		return fault(amqp.ErrCondUnattachedHandle, "a transfer for handle %d, which is not attached", p.Handle)
	case l.outgoing():
		return fault(amqp.ErrCondNotAllowed, "a transfer on a link that is for receiving")
	case s.sinceFlow > 2*incomingWindow:
		return fault(amqp.ErrCondWindowViolation, "more transfers than the window of %d", incomingWindow)
	}
	done, err := l.assemble(p)
	if err != nil {
		return err
	}
	if done {
		c.received(l)
	}
	if s.sinceFlow >= incomingWindow/2 {
		c.tellWindow(nil, s, false)
	}
	return nil
}
