package wire

import (
	"fmt"
	"time"
)

// Performative is the order that a frame carries: one of the pointer types of this package.
type Performative interface {
	composite() (code uint64, fields []any)
}

// Descriptors of performatives and of what they are made of.
const (
	descOpen        = 0x10
	descBegin       = 0x11
	descAttach      = 0x12
	descFlow        = 0x13
	descTransfer    = 0x14
	descDisposition = 0x15
	descDetach      = 0x16
	descEnd         = 0x17
	descClose       = 0x18
	descError       = 0x1d
	descReceived    = 0x23
	descAccepted    = 0x24
	descRejected    = 0x25
	descReleased    = 0x26
	descModified    = 0x27
	descSource      = 0x28
	descTarget      = 0x29
	descCoordinator = 0x30
	descMechanisms  = 0x40
	descInit        = 0x41
	descOutcome     = 0x44
)

// Settle modes of Attach.
const (
	SenderUnsettled = 0
	SenderSettled   = 1
	SenderMixed     = 2
	ReceiverFirst   = 0
	ReceiverSecond  = 1
)

// Open begins a connection. MaxFrameSize is the largest frame that its sender takes; IdleTimeout is the longest silence
// that its sender bears, 0 for any.
type Open struct {
	ContainerID  string
	Hostname     string
	MaxFrameSize uint32
	ChannelMax   uint16
	IdleTimeout  time.Duration
}

// Begin begins a session. RemoteChannel is nil in the first of the two.
type Begin struct {
	RemoteChannel  *uint16
	NextOutgoingID uint32
	IncomingWindow uint32
	OutgoingWindow uint32
	HandleMax      uint32
}

// Attach begins a link. Receiver is the role of its sender; a nil terminus means that there is none, and a detach
// follows.
type Attach struct {
	Name           string
	Handle         uint32
	Receiver       bool
	SenderMode     uint8
	ReceiverMode   uint8
	Source         *Terminus
	Target         *Terminus
	MaxMessageSize uint64
	Properties     Map
}

// Terminus is the source or target of a link. Filter belongs to a source; a Coordinator is the target of who wants
// transactions, and has no address.
type Terminus struct {
	Address     string
	Filter      Map
	Coordinator bool
}

// Flow tells window and credit. Handle, DeliveryCount and LinkCredit are nil when it is about the session alone.
type Flow struct {
	NextIncomingID *uint32
	IncomingWindow uint32
	NextOutgoingID uint32
	OutgoingWindow uint32
	Handle         *uint32
	DeliveryCount  *uint32
	LinkCredit     *uint32
	Drain          bool
	Echo           bool
}

// Transfer carries a message or a part of one. DeliveryID and Tag may be nil in all but the first part.
type Transfer struct {
	Handle     uint32
	DeliveryID *uint32
	Tag        []byte
	Format     uint32
	Settled    bool
	More       bool
	Aborted    bool
	Payload    []byte
}

// Disposition tells the state of deliveries First to Last. Receiver is the role of its sender.
type Disposition struct {
	Receiver bool
	First    uint32
	Last     uint32
	Settled  bool
	State    *State
}

// Detach ends a link.
type Detach struct {
	Handle uint32
	Closed bool
	Error  *Error
}

// End ends a session.
type End struct{ Error *Error }

// Close ends a connection.
type Close struct{ Error *Error }

// Mechanisms offers ways to log in.
type Mechanisms struct{ Mechanisms []Symbol }

// Init picks one. What it answers is not kept: the mechanisms that are offered, MSSBCBS and ANONYMOUS, have nothing to
// say.
type Init struct{ Mechanism Symbol }

// Outcome ends the login; 0 is success.
type Outcome struct{ Code uint8 }

// Error says what went wrong.
type Error struct {
	Condition   Symbol
	Description string
	Info        Map
}

func (e *Error) Error() string { return string(e.Condition) + ": " + e.Description }

// StateKind is a delivery state.
type StateKind int

// The states. The zero value is none: the delivery goes on.
const (
	NoState StateKind = iota
	Received
	Accepted
	Rejected
	Released
	Modified
)

// State is the state of a delivery. Error belongs to Rejected, the others to Modified.
type State struct {
	Kind              StateKind
	Error             *Error
	DeliveryFailed    bool
	UndeliverableHere bool
	Annotations       Map
}

// Decode reads the performative of a frame's body. Performatives that a server has no use for are errors.
func Decode(body []byte) (Performative, error) {
	r := newReader(body)
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	code, list, err := split(v)
	if err != nil {
		return nil, err
	}
	f := &fields{list: list}
	p := f.performative(code)
	if p == nil {
		return nil, fmt.Errorf("there is no performative %#02x, or none that a server takes", code)
	}
	if f.err != nil {
		return nil, fmt.Errorf("performative %#02x: %w", code, f.err)
	}
	if t, ok := p.(*Transfer); ok {
		t.Payload = r.data
	}
	return p, nil
}
