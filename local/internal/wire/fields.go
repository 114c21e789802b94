package wire

import "time"

// optional is null for a nil pointer, so that the field can be left out.
func optional[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

// unless is null for the default, which need not be sent.
func unless[T comparable](v, standard T) any {
	if v == standard {
		return nil
	}
	return v
}

func (p *Open) composite() (uint64, []any) {
	return descOpen,
		[]any{
			p.ContainerID, unless(p.Hostname, ""), p.MaxFrameSize, p.ChannelMax,
			unless(uint32(p.IdleTimeout/time.Millisecond), 0),
		}
}

func (p *Begin) composite() (uint64, []any) {
	return descBegin,
		[]any{
			optional(p.RemoteChannel), p.NextOutgoingID, p.IncomingWindow, p.OutgoingWindow,
			unless(p.HandleMax, maxUint),
		}
}

func (p *Attach) composite() (uint64, []any) {
	var properties, initial any
	if len(p.Properties) > 0 {
		properties = p.Properties
	}
	if !p.Receiver {
		initial = uint32(0)
	}
	return descAttach,
		[]any{
			p.Name, p.Handle, p.Receiver, p.SenderMode, p.ReceiverMode, p.Source.value(descSource),
			p.Target.value(descTarget),
			nil, nil, initial, unless(p.MaxMessageSize, 0), nil, nil, properties,
		}
}

func (t *Terminus) value(code uint64) any {
	if t == nil {
		return nil
	}
	if t.Coordinator {
		return composite(descCoordinator)
	}
	var filter any
	if len(t.Filter) > 0 {
		filter = t.Filter
	}
	return composite(code, unless(t.Address, ""), nil, nil, nil, nil, nil, nil, filter)
}

func (p *Flow) composite() (uint64, []any) {
	return descFlow,
		[]any{optional(p.NextIncomingID), p.IncomingWindow, p.NextOutgoingID, p.OutgoingWindow, optional(p.Handle),
			optional(p.DeliveryCount), optional(p.LinkCredit), nil, unless(p.Drain, false), unless(p.Echo, false)}
}

func (p *Transfer) composite() (uint64, []any) {
	var tag, format any
	if p.DeliveryID != nil { // the first part of a message, the others inherit
		tag, format = p.Tag, p.Format
	}
	return descTransfer,
		[]any{
			p.Handle, optional(p.DeliveryID), tag, format, unless(p.Settled, false), unless(p.More, false), nil, nil,
			nil, unless(p.Aborted, false),
		}
}

func (p *Disposition) composite() (uint64, []any) {
	return descDisposition,
		[]any{p.Receiver, p.First, unless(p.Last, p.First), unless(p.Settled, false), p.State.value()}
}

func (p *Detach) composite() (uint64, []any) {
	return descDetach, []any{p.Handle, unless(p.Closed, false), p.Error.value()}
}

func (p *End) composite() (uint64, []any)   { return descEnd, []any{p.Error.value()} }
func (p *Close) composite() (uint64, []any) { return descClose, []any{p.Error.value()} }

func (p *Mechanisms) composite() (uint64, []any) {
	return descMechanisms, []any{ArrayOf(p.Mechanisms)}
}
func (p *Init) composite() (uint64, []any)    { return descInit, []any{p.Mechanism} }
func (p *Outcome) composite() (uint64, []any) { return descOutcome, []any{p.Code} }

func (e *Error) value() any {
	if e == nil {
		return nil
	}
	var info any
	if len(e.Info) > 0 {
		info = e.Info
	}
	return composite(descError, e.Condition, unless(e.Description, ""), info)
}

func (s *State) value() any {
	if s == nil {
		return nil
	}
	switch s.Kind {
	case Accepted:
		return composite(descAccepted)
	case Rejected:
		return composite(descRejected, s.Error.value())
	case Released:
		return composite(descReleased)
	case Modified:
		var annotations any
		if len(s.Annotations) > 0 {
			annotations = s.Annotations
		}
		return composite(descModified, unless(s.DeliveryFailed, false), unless(s.UndeliverableHere, false), annotations)
	default:
		return nil
	}
}
