package servicebus

import (
	"errors"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

// disposition acts on what the peer says about deliveries and confirms it.
func (c *conn) disposition(s *session, p *wire.Disposition) error {
	if !p.Receiver {
		return nil // about messages that the peer sent, which are settled already
	}
	if p.State != nil && p.State.Kind == wire.Received || p.State == nil && !p.Settled {
		return nil // not a word yet on what is to become of them
	}
	if p.Last-p.First >= 1<<16 {
		return fault(amqp.ErrCondInvalidField, "a disposition of %d deliveries at once", p.Last-p.First)
	}
	for id, n := p.First, p.Last-p.First+1; n > 0; id, n = id+1, n-1 {
		c.mu.Lock()
		u, known := s.unsettled[id]
		delete(s.unsettled, id)
		c.mu.Unlock()
		if !known {
			continue
		}
		state := c.settle(u, p.State)
		if !p.Settled {
			c.send(s.channel, &wire.Disposition{First: id, Last: id, Settled: true, State: state})
		}
	}
	return nil
}

// settle carries out what the peer says about one delivery and returns what it is to be told.
func (c *conn) settle(u unsettled, said *wire.State) *wire.State {
	err := c.server.broker.settle(u.token, verdict(said))
	switch {
	case errors.Is(err, ErrLockLost):
		return &wire.State{
			Kind: wire.Rejected,
			Error: fault(lockLost,
				"The lock supplied is invalid. Either the lock expired, or the message has already been removed "+
					"from the queue."),
		}
	case said != nil && said.Kind == wire.Rejected:
		// Without its error: a client takes a rejection with one for a failure to reject.
		return &wire.State{Kind: wire.Rejected}
	case said == nil:
		return &wire.State{Kind: wire.Released}
	default:
		return &wire.State{Kind: said.Kind}
	}
}

const lockLost amqp.ErrCond = "com.microsoft:message-lock-lost"

// verdict reads a delivery state as the service does: modified counts as an abandon even if it does not say that the
// delivery failed, and rejected moves the message to the dead letters.
func verdict(s *wire.State) outcome {
	if s == nil {
		return outcome{kind: release}
	}
	switch s.Kind {
	case wire.Accepted:
		return outcome{kind: complete}
	case wire.Modified:
		if s.UndeliverableHere {
			return outcome{kind: postpone, properties: settable(s.Annotations)}
		}
		return outcome{kind: abandon, properties: settable(s.Annotations)}
	case wire.Rejected:
		return rejected(s.Error)
	default:
		return outcome{kind: release}
	}
}

func rejected(e *wire.Error) outcome {
	o := outcome{kind: deadLetter}
	if e == nil {
		return o
	}
	o.description = e.Description
	for _, p := range settable(e.Info) {
		switch text, _ := p.Value.(string); p.Key {
		case reasonProperty:
			o.reason = text
		case descriptionProperty:
			o.description = text
		default:
			o.properties = append(o.properties, p)
		}
	}
	return o
}
