package servicebus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

const serverBusy amqp.ErrCond = "com.microsoft:server-busy"

// Refusal is why sends are refused. Condition is an AMQP error condition, such as com.microsoft:server-busy,
// amqp:resource-limit-exceeded or com.microsoft:entity-disabled; empty means com.microsoft:server-busy.
type Refusal struct {
	Condition   string
	Description string
	Times       int // how many deliveries are refused; 0 means all until AllowSends
}

// faults are the switches that are not the broker's.
type faults struct {
	mu          sync.Mutex
	tokens      bool
	connections bool
	withheld    []Right
}

// Right is something that a shared access policy lets its holder do.
type Right string

// The rights that links need. Management wants any of them.
const (
	RightSend   Right = "Send"
	RightListen Right = "Listen"
)

// RefuseSends lets the queue refuse what is sent or scheduled. An unknown queue is an error.
func (s *Server) RefuseSends(queue string, r Refusal) error {
	if r.Condition == "" {
		r.Condition = string(serverBusy)
	}
	b := s.broker
	b.enter()
	defer b.leave()
	q, _ := b.find(queue)
	if q == nil {
		return fmt.Errorf("%q: %w", queue, ErrNoQueue)
	}
	b.refusal[strings.ToLower(q.config.Name)] = r
	return nil
}

// AllowSends ends RefuseSends.
func (s *Server) AllowSends(queue string) {
	b := s.broker
	b.enter()
	defer b.leave()
	delete(b.refusal, strings.ToLower(queue))
}

// refused says whether sends to q are refused now. The lock is held.
func (b *broker) refused(q *queue) *wire.Error {
	name := strings.ToLower(q.config.Name)
	r, on := b.refusal[name]
	if !on {
		return nil
	}
	if r.Times > 0 {
		if r.Times--; r.Times > 0 {
			b.refusal[name] = r
		} else {
			delete(b.refusal, name)
		}
	}
	return &wire.Error{Condition: wire.Symbol(r.Condition), Description: r.Description}
}

// DropConnections ends every connection without a word and returns how many there were. Locks go on.
func (s *Server) DropConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.drop()
	}
	return len(s.conns)
}

// RefuseConnections lets new connections fail, or work again. Those that exist go on.
func (s *Server) RefuseConnections(refuse bool) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.connections = refuse
}

func (f *faults) refusesConnections() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connections
}

// RefuseTokens lets every put-token fail with 401, or work again. What was granted before stays: links that exist go
// on, and a connection may attach more of the same.
func (s *Server) RefuseTokens(refuse bool) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.tokens = refuse
}

func (f *faults) refusesTokens() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tokens
}

// Withhold lets every client lack the given rights from now on, and have all others: its token is taken, and its links
// are refused. Links that exist go on.
func (s *Server) Withhold(rights ...Right) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.withheld = rights
}

// lacks says which right is missing for a link of a kind, if one is.
func (f *faults) lacks(k kind) (right Right, missing bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch k {
	case sending:
		return RightSend, slices.Contains(f.withheld, RightSend)
	case receiving:
		return RightListen, slices.Contains(f.withheld, RightListen)
	default:
		return RightListen, slices.Contains(f.withheld, RightSend) && slices.Contains(f.withheld, RightListen)
	}
}

// checkToken says why a token does not open an entity.
func (s *Server) checkToken(kind, token, path string) error {
	switch {
	case s.faults.refusesTokens():
		return errors.New("InvalidSignature: the token has an invalid signature")
	case kind != tokenSAS && kind != tokenJWT:
		return fmt.Errorf("tokens of the type %q are not taken", kind)
	case token == "":
		return errors.New("the token is empty")
	case kind == tokenSAS:
		return s.checkSignature(token, path)
	case s.check != nil:
		return s.check(token)
	default:
		return nil
	}
}
