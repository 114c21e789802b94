package wire

import (
	"errors"
	"fmt"
	"time"
)

// composite describes fields, without those at the end that are null.
func composite(code uint64, fields ...any) Described {
	for len(fields) > 0 && fields[len(fields)-1] == nil {
		fields = fields[:len(fields)-1]
	}
	return Described{code, fields}
}

// descriptor knows the symbolic descriptors, which a peer may use in place of the numbers.
func descriptor(name Symbol) (uint64, bool) {
	names := map[Symbol]uint64{
		"amqp:open:list":                  descOpen,
		"amqp:begin:list":                 descBegin,
		"amqp:attach:list":                descAttach,
		"amqp:flow:list":                  descFlow,
		"amqp:transfer:list":              descTransfer,
		"amqp:disposition:list":           descDisposition,
		"amqp:detach:list":                descDetach,
		"amqp:end:list":                   descEnd,
		"amqp:close:list":                 descClose,
		"amqp:error:list":                 descError,
		"amqp:received:list":              descReceived,
		"amqp:accepted:list":              descAccepted,
		"amqp:rejected:list":              descRejected,
		"amqp:released:list":              descReleased,
		"amqp:modified:list":              descModified,
		"amqp:source:list":                descSource,
		"amqp:target:list":                descTarget,
		"amqp:coordinator:list":           descCoordinator,
		"amqp:sasl-mechanisms:list":       descMechanisms,
		"amqp:sasl-init:list":             descInit,
		"amqp:sasl-outcome:list":          descOutcome,
		"amqp:header:list":                descHeader,
		"amqp:delivery-annotations:map":   descDeliveryAnnotations,
		"amqp:message-annotations:map":    descAnnotations,
		"amqp:properties:list":            descProperties,
		"amqp:application-properties:map": descApplicationProperties,
		"amqp:data:binary":                descData,
		"amqp:amqp-sequence:list":         descSequence,
		"amqp:amqp-value:*":               descValue,
		"amqp:footer:map":                 descFooter,
	}
	code, ok := names[name]
	return code, ok
}

// described takes a described value apart.
func described(v any) (code uint64, value any, err error) {
	d, ok := v.(Described)
	if !ok {
		return 0, nil, errors.New("a described value is expected")
	}
	switch name := d.Descriptor.(type) {
	case uint64:
		return name, d.Value, nil
	case Symbol:
		if code, ok = descriptor(name); !ok {
			return 0, nil, fmt.Errorf("the descriptor %q is not known", name)
		}
		return code, d.Value, nil
	default:
		return 0, nil, errors.New("a descriptor is a ulong or a symbol")
	}
}

// split takes a composite apart.
func split(v any) (code uint64, list []any, err error) {
	code, value, err := described(v)
	if err != nil {
		return 0, nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return 0, nil, errors.New("a described list is expected")
	}
	return code, list, nil
}

// fields reads the fields of a composite by place and keeps the first error.
type fields struct {
	list []any
	err  error
}

func (f *fields) fail(i int, want string) {
	if f.err == nil {
		f.err = fmt.Errorf("field %d: %s is expected", i, want)
	}
}

// at is the value of field i; null and absent fields are nil.
func (f *fields) at(i int) any {
	if i >= len(f.list) {
		return nil
	}
	return f.list[i]
}

// get reads an optional field: nil if it is null or absent.
func get[T any](f *fields, i int) *T {
	v := f.at(i)
	if v == nil {
		return nil
	}
	t, ok := v.(T)
	if !ok {
		f.fail(i, fmt.Sprintf("a %T", t))
		return nil
	}
	return &t
}

// or reads a field with a default.
func or[T any](f *fields, i int, otherwise T) T {
	if v := get[T](f, i); v != nil {
		return *v
	}
	return otherwise
}

func must[T any](f *fields, i int) T {
	v := get[T](f, i)
	if v == nil {
		var zero T
		f.fail(i, fmt.Sprintf("a %T", zero))
		return zero
	}
	return *v
}

func (f *fields) text(i int) string {
	v := f.at(i)
	if v == nil {
		return ""
	}
	s, ok := text(v)
	if !ok {
		f.fail(i, "text")
	}
	return s
}

// nested reads a field that is a composite itself and returns nil if there is none.
func (f *fields) nested(i int) (uint64, *fields) {
	v := f.at(i)
	if v == nil {
		return 0, nil
	}
	code, list, err := split(v)
	if err != nil {
		f.fail(i, "a composite")
		return 0, nil
	}
	return code, &fields{list: list}
}

// done passes the error of a nested composite on.
func (f *fields) done(i int, inner *fields) {
	if inner.err != nil && f.err == nil {
		f.err = fmt.Errorf("field %d: %w", i, inner.err)
	}
}

func (f *fields) terminus(i int) *Terminus {
	code, inner := f.nested(i)
	if inner == nil {
		return nil
	}
	if code == descCoordinator {
		return &Terminus{Coordinator: true}
	}
	out := &Terminus{Address: inner.text(0)}
	if code == descSource {
		out.Filter = or(inner, 7, Map(nil))
	}
	f.done(i, inner)
	return out
}

func (f *fields) error(i int) *Error {
	_, inner := f.nested(i)
	if inner == nil {
		return nil
	}
	out := &Error{Condition: Symbol(inner.text(0)), Description: inner.text(1), Info: or(inner, 2, Map(nil))}
	f.done(i, inner)
	return out
}

func (f *fields) state(i int) *State {
	code, inner := f.nested(i)
	if inner == nil {
		return nil
	}
	out := &State{}
	switch code {
	case descReceived:
		out.Kind = Received
	case descAccepted:
		out.Kind = Accepted
	case descRejected:
		out.Kind, out.Error = Rejected, inner.error(0)
	case descReleased:
		out.Kind = Released
	case descModified:
		out.Kind, out.DeliveryFailed, out.UndeliverableHere = Modified, or(inner, 0, false), or(inner, 1, false)
		out.Annotations = or(inner, 2, Map(nil))
	default:
		f.fail(i, "a delivery state")
	}
	f.done(i, inner)
	return out
}

const maxUint = ^uint32(0)

// performative reads the fields as those of the performative code, nil if there is none.
func (f *fields) performative(code uint64) Performative {
	switch code {
	case descOpen:
		return &Open{
			ContainerID:  f.text(0),
			Hostname:     f.text(1),
			MaxFrameSize: or(f, 2, maxUint),
			ChannelMax:   or(f, 3, uint16(1<<16-1)),
			IdleTimeout:  time.Duration(or(f, 4, uint32(0))) * time.Millisecond,
		}
	case descBegin:
		return &Begin{
			RemoteChannel:  get[uint16](f, 0),
			NextOutgoingID: must[uint32](f, 1),
			IncomingWindow: must[uint32](f, 2),
			OutgoingWindow: must[uint32](f, 3),
			HandleMax:      or(f, 4, maxUint),
		}
	case descAttach:
		return &Attach{
			Name:           f.text(0),
			Handle:         must[uint32](f, 1),
			Receiver:       must[bool](f, 2),
			SenderMode:     or(f, 3, uint8(SenderMixed)),
			ReceiverMode:   or(f, 4, uint8(ReceiverFirst)),
			Source:         f.terminus(5),
			Target:         f.terminus(6),
			MaxMessageSize: or(f, 10, uint64(0)),
			Properties:     or(f, 13, Map(nil)),
		}
	case descFlow:
		return &Flow{
			NextIncomingID: get[uint32](f, 0),
			IncomingWindow: must[uint32](f, 1),
			NextOutgoingID: must[uint32](f, 2),
			OutgoingWindow: must[uint32](f, 3),
			Handle:         get[uint32](f, 4),
			DeliveryCount:  get[uint32](f, 5),
			LinkCredit:     get[uint32](f, 6),
			Drain:          or(f, 8, false),
			Echo:           or(f, 9, false),
		}
	case descTransfer:
		return &Transfer{
			Handle:     must[uint32](f, 0),
			DeliveryID: get[uint32](f, 1),
			Tag:        or(f, 2, []byte(nil)),
			Format:     or(f, 3, uint32(0)),
			Settled:    or(f, 4, false),
			More:       or(f, 5, false),
			Aborted:    or(f, 9, false),
		}
	case descDisposition:
		first := must[uint32](f, 1)
		return &Disposition{
			Receiver: must[bool](f, 0),
			First:    first,
			Last:     or(f, 2, first),
			Settled:  or(f, 3, false),
			State:    f.state(4),
		}
	case descDetach:
		return &Detach{Handle: must[uint32](f, 0), Closed: or(f, 1, false), Error: f.error(2)}
	default:
		return f.simple(code)
	}
}

func (f *fields) simple(code uint64) Performative {
	switch code {
	case descEnd:
		return &End{Error: f.error(0)}
	case descClose:
		return &Close{Error: f.error(0)}
	case descInit:
		return &Init{Mechanism: Symbol(f.text(0))}
	case descMechanisms:
		return &Mechanisms{Mechanisms: f.symbols(0)}
	case descOutcome:
		return &Outcome{Code: must[uint8](f, 0)}
	default:
		return nil
	}
}

// symbols reads a field of one symbol or an array of them.
func (f *fields) symbols(i int) []Symbol {
	values, ok := f.at(i).(Array)
	if !ok {
		return []Symbol{Symbol(f.text(i))}
	}
	var out []Symbol
	for _, v := range values {
		s, ok := v.(Symbol)
		if !ok {
			f.fail(i, "an array of symbols")
		}
		out = append(out, s)
	}
	return out
}
