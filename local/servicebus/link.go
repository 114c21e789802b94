package servicebus

import (
	"strings"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

const (
	// maxMessageSize is the limit of the Basic and Standard tiers for a message and for a batch, with everything in it.
	maxMessageSize = 256 << 10
	// maxRequestSize bounds a request to $management, which may hold several messages.
	maxRequestSize = 4 * maxMessageSize
	linkCredit     = 1000
)

// kind is what a link is for.
type kind int

const (
	sending   kind = iota // the peer sends to an entity
	receiving             // the peer receives from an entity
	asking                // the peer sends requests to $cbs or $management
	answering             // and receives the answers
)

// link is one link. For the broker it is a consumer.
type link struct {
	conn     *conn
	session  *session
	handle   uint32
	kind     kind
	entity   string // path of the entity; empty for $cbs
	settled  bool   // the messages that the peer receives are settled by the time that it has them
	detached bool   // we ended it, and wait for the peer to do the same

	// Of the reader: the message that is coming in.
	partial incoming

	// Guarded by conn.mu. Of an incoming link credit is what the peer has left, of an outgoing one what we have.
	credit        uint32
	deliveryCount uint32
	dead          bool
	answers       [][]byte // that wait for credit
}

type incoming struct {
	begun   bool
	id      uint32
	format  uint32
	settled bool
	data    []byte
}

var _ consumer = (*link)(nil)

func (l *link) outgoing() bool { return l.kind == receiving || l.kind == answering }

func (l *link) deletes() bool { return l.settled }

func (l *link) ready() bool {
	l.conn.mu.Lock()
	defer l.conn.mu.Unlock()
	return !l.dead && l.credit > 0
}

// deliver is called by the broker, with its lock held.
func (l *link) deliver(m *message) bool {
	data := m.encode(true)
	c := l.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.dead || l.credit == 0 {
		return false
	}
	l.credit--
	l.deliveryCount++
	deliveryTag := tag(m.token)
	id := c.sendMessage(l, deliveryTag, data, l.settled)
	if !l.settled {
		l.session.unsettled[id] = unsettled{l, m.token}
	}
	return true
}

// credited computes the credit as part 2, section 2.6.7 of the standard has it. conn.mu is held.
func (l *link) credited(p *wire.Flow) {
	count := uint32(0)
	if p.DeliveryCount != nil {
		count = *p.DeliveryCount
	}
	l.credit = remaining(count, *p.LinkCredit, l.deliveryCount)
}

// serve sends what there is to send with new credit.
func (l *link) serve() {
	if l.kind == receiving {
		l.conn.server.broker.wake(l.entity)
		return
	}
	l.conn.mu.Lock()
	defer l.conn.mu.Unlock()
	for len(l.answers) > 0 && l.credit > 0 {
		l.credit--
		l.deliveryCount++
		l.conn.sendMessage(l, []byte{0}, l.answers[0], true)
		l.answers = l.answers[1:]
	}
}

// answer sends an answer of $cbs or $management.
func (l *link) answer(data []byte) {
	l.conn.mu.Lock()
	l.answers = append(l.answers, data)
	l.conn.mu.Unlock()
	l.serve()
}

// assemble adds a part to the message that is coming in and says whether it is whole.
func (l *link) assemble(p *wire.Transfer) (bool, error) {
	in := &l.partial
	if !in.begun {
		if p.DeliveryID == nil {
			return false, fault(amqp.ErrCondNotAllowed, "the first transfer of a message has no delivery-id")
		}
		*in = incoming{begun: true, id: *p.DeliveryID, format: p.Format}
	}
	if p.Aborted {
		*in = incoming{}
		return false, nil
	}
	in.settled = in.settled || p.Settled
	if limit := l.limit(); len(in.data)+len(p.Payload) > limit {
		in.data = in.data[:0]
		l.conn.endLink(l, fault(amqp.ErrCondMessageSizeExceeded, "the message is larger than %d bytes", limit))
		return false, nil
	}
	in.data = append(in.data, p.Payload...)
	return !p.More && !l.detached, nil
}

func (l *link) limit() int {
	if l.kind == asking {
		return maxRequestSize
	}
	return maxMessageSize
}

// attach begins a link.
func (c *conn) attach(s *session, p *wire.Attach) error {
	if s.links[p.Handle] != nil {
		return fault(amqp.ErrCondHandleInUse, "handle %d is in use", p.Handle)
	}
	l := &link{conn: c, session: s, handle: p.Handle}
	s.links[p.Handle] = l
	refusal := c.route(l, p)
	answer := &wire.Attach{
		Name:         p.Name,
		Handle:       p.Handle,
		Receiver:     !p.Receiver,
		SenderMode:   p.SenderMode,
		ReceiverMode: p.ReceiverMode,
		Source:       p.Source,
		Target:       p.Target,
	}
	if p.Source != nil { // a filter in the answer would say that it is obeyed
		answer.Source = &wire.Terminus{Address: p.Source.Address}
	}
	if !l.outgoing() { // what goes out has annotations on top of what came in
		answer.MaxMessageSize = uint64(l.limit())
	}
	if refusal != nil {
		if p.Receiver {
			answer.Source = nil
		} else {
			answer.Target = nil
		}
		c.send(s.channel, answer)
		c.endLink(l, refusal)
		return nil
	}
	if l.kind == sending {
		answer.Properties = wire.Map{{
			Key:   wire.Symbol("com.microsoft:max-message-batch-size"),
			Value: uint64(maxMessageSize),
		}}
	}
	c.send(s.channel, answer)
	return c.started(l, p)
}

// route finds out what a link is for. An error refuses it.
func (c *conn) route(l *link, p *wire.Attach) *wire.Error {
	end := p.Target
	if p.Receiver {
		end = p.Source
	}
	if end != nil && end.Coordinator {
		l.kind = asking
		return fault(amqp.ErrCondNotImplemented,
			"Transactions are not offered by this stand-in for Service Bus. Send and settle without one.")
	}
	if end == nil || end.Address == "" {
		l.kind = asking
		return fault(amqp.ErrCondInvalidField, "the link names no entity")
	}
	address := strings.ToLower(entityPath(end.Address))
	entity, management := strings.CutSuffix(address, "/$management")
	cbs := address == "$cbs"
	switch {
	case (cbs || management) && p.Receiver:
		l.kind = answering
	case cbs || management:
		l.kind = asking
	case p.Receiver:
		l.kind, l.settled = receiving, p.SenderMode == wire.SenderSettled
	}
	if cbs {
		return nil
	}
	if l.entity = entity; !c.granted(address) {
		return fault(amqp.ErrCondUnauthorizedAccess,
			"Unauthorized access. 'Send' or 'Listen' claims are required for '%s'.", end.Address)
	}
	if !c.server.broker.exists(entity) {
		return noEntity(entity)
	}
	if right, missing := c.server.faults.lacks(l.kind); missing {
		return fault(amqp.ErrCondUnauthorizedAccess,
			"Unauthorized access. '%s' claim(s) are required to perform this operation on '%s'.", right, end.Address)
	}
	if _, wanted := end.Filter.Text()[sessionFilter]; wanted {
		return fault(amqp.ErrCondNotAllowed,
			"A sessionful message receiver cannot be created on an entity that does not require sessions. "+
				"Ensure RequiresSession is set to true when creating a Queue or Subscription to enable sessionful "+
				"behavior.")
	}
	return nil
}

// sessionFilter asks for a session, "AMQP 1.0 in Azure Service Bus protocol guide" on learn.microsoft.com. The text of
// its refusal is the service's, as the logs of a client had it.
const sessionFilter = "com.microsoft:session-filter"

// entityPath is an entity's path without the slashes around it, which it has where a client took it from a URL.
func entityPath(address string) string { return strings.Trim(address, "/") }

// started lets the peer send, or lets it have what it may receive.
func (c *conn) started(l *link, p *wire.Attach) error {
	switch {
	case l.kind == receiving:
		if err := c.server.broker.subscribe(l.entity, l); err != nil {
			return fault(amqp.ErrCondConnectionForced, "%v", err)
		}
	case l.kind == answering:
		if p.Target != nil {
			c.replies[p.Target.Address] = l
		}
	default:
		c.grant(l)
	}
	return nil
}

// grant gives the peer new credit.
func (c *conn) grant(l *link) {
	c.mu.Lock()
	l.credit = linkCredit
	c.mu.Unlock()
	c.tellWindow(l, l.session, false)
}

// endLink ends a link from our side.
func (c *conn) endLink(l *link, err *wire.Error) {
	if l.detached {
		return
	}
	l.detached = true
	c.unlink(l)
	c.send(l.session.channel, &wire.Detach{Handle: l.handle, Closed: true, Error: err})
}

// unlink takes a link out of everything that could still use it.
func (c *conn) unlink(l *link) {
	c.mu.Lock()
	l.dead = true
	c.mu.Unlock()
	if l.kind == receiving {
		c.server.broker.unsubscribe(l.entity, l)
	}
	for address, reply := range c.replies {
		if reply == l {
			delete(c.replies, address)
		}
	}
}

// detach ends a link from the peer's side, or answers our own detach.
func (c *conn) detach(s *session, p *wire.Detach) error {
	l := s.links[p.Handle]
	if l == nil {
		return fault(amqp.ErrCondUnattachedHandle, "a detach for handle %d, which is not attached", p.Handle)
	}
	delete(s.links, p.Handle)
	if !l.detached {
		c.unlink(l)
		c.send(s.channel, &wire.Detach{Handle: p.Handle, Closed: true})
	}
	return nil
}

// received acts on a whole message and tells the peer what became of it.
func (c *conn) received(l *link) {
	in := l.partial
	l.partial = incoming{}
	state := &wire.State{Kind: wire.Accepted}
	if err := c.take(l, in); err != nil {
		state = &wire.State{Kind: wire.Rejected, Error: err}
	}
	if !in.settled {
		c.send(l.session.channel, &wire.Disposition{
			Receiver: true,
			First:    in.id,
			Last:     in.id,
			Settled:  true,
			State:    state,
		})
	}
	c.mu.Lock()
	l.credit--
	l.deliveryCount++
	low := l.credit < linkCredit/2
	c.mu.Unlock()
	if low {
		c.grant(l)
	}
}

func (c *conn) take(l *link, in incoming) *wire.Error {
	messages, err := decodeTransfer(in.format, in.data)
	if err != nil {
		return fault(amqp.ErrCondDecodeError, "%v", err)
	}
	if l.kind == asking {
		for _, m := range messages {
			c.request(l, m)
		}
		return nil
	}
	_, refusal := c.server.broker.accept(l.entity, messages)
	return refusal
}
