package wire

import (
	"errors"
	"fmt"
	"time"
)

// Descriptors of the sections of a message, in their order, part 3, section 3.2 of the standard.
const (
	descHeader                = 0x70
	descDeliveryAnnotations   = 0x71
	descAnnotations           = 0x72
	descProperties            = 0x73
	descApplicationProperties = 0x74
	descData                  = 0x75
	descSequence              = 0x76
	descValue                 = 0x77
	descFooter                = 0x78
)

// Message is a message. What is nil is left out when it is written.
type Message struct {
	Header                *Header
	DeliveryAnnotations   Map
	Annotations           Map // keys are symbols
	Properties            *Properties
	ApplicationProperties Map // keys are strings
	Body                  []Described
	Footer                Map
}

// Header is what the next node has to know. DeliveryCount is written even if it is 0: the vendor's client for .NET
// fails on a message without one.
type Header struct {
	Durable       bool
	Priority      uint8
	TTL           time.Duration // 0: none
	DeliveryCount uint32
}

// Properties are the fields of the properties section, in the order of the standard; those at the end may be missing.
type Properties []any

// The fields of Properties that somebody here asks for.
const (
	PropertyMessageID = iota
	_
	_
	PropertySubject
	PropertyReplyTo
	PropertyCorrelationID
	PropertyContentType
	_
	_
	_
	PropertyGroupID
)

// propertyTypes says of every field what it may be.
var propertyTypes = []struct {
	name string
	is   func(any) bool
}{
	{"message-id", isID}, {"user-id", is[[]byte]}, {"to", is[string]}, {"subject", is[string]},
	{"reply-to", is[string]},
	{"correlation-id", isID}, {"content-type", is[Symbol]}, {"content-encoding", is[Symbol]},
	{"absolute-expiry-time", is[time.Time]}, {"creation-time", is[time.Time]}, {"group-id", is[string]},
	{"group-sequence", is[uint32]}, {"reply-to-group-id", is[string]},
}

func is[T any](v any) bool { _, ok := v.(T); return ok }

func isID(v any) bool { return is[string](v) || is[uint64](v) || is[UUID](v) || is[[]byte](v) }

// At is the field i; nil if it is null or missing.
func (p *Properties) At(i int) any {
	if p == nil || i >= len(*p) {
		return nil
	}
	return (*p)[i]
}

// Text is the field i as text, "" if it is none.
func (p *Properties) Text(i int) string {
	s, _ := text(p.At(i))
	return s
}

// Data are the sections of the body that are plain bytes.
func (m *Message) Data() [][]byte {
	var out [][]byte
	for _, section := range m.Body {
		if data, ok := section.Value.([]byte); ok && section.Descriptor == uint64(descData) {
			out = append(out, data)
		}
	}
	return out
}

// Value is the body that is one value; nil if it is another.
func (m *Message) Value() any {
	if len(m.Body) != 1 || m.Body[0].Descriptor != uint64(descValue) {
		return nil
	}
	return m.Body[0].Value
}

// DataBody is the body of plain bytes.
func DataBody(data []byte) []Described { return []Described{{uint64(descData), data}} }

// ValueBody is the body of one value.
func ValueBody(v any) []Described { return []Described{{uint64(descValue), v}} }

// DecodeMessage reads a message.
func DecodeMessage(data []byte) (*Message, error) {
	m := &Message{}
	r := newReader(data)
	for last := uint64(0); len(r.data) > 0; {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		code, value, err := described(v)
		if err != nil {
			return nil, err
		}
		if again := code == last && (code == descData || code == descSequence); code <= last && !again {
			return nil, fmt.Errorf("the section %#02x comes after %#02x", code, last)
		}
		last = code
		if err := m.section(code, value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// section takes one section in.
func (m *Message) section(code uint64, value any) (err error) {
	switch code {
	case descHeader:
		m.Header, err = header(value)
	case descDeliveryAnnotations:
		m.DeliveryAnnotations, err = keyed[Symbol](value)
	case descAnnotations:
		m.Annotations, err = keyed[Symbol](value)
	case descProperties:
		m.Properties, err = properties(value)
	case descApplicationProperties:
		m.ApplicationProperties, err = keyed[string](value)
	case descData, descSequence, descValue:
		if code == descData && !is[[]byte](value) || code == descSequence && !is[[]any](value) {
			return fmt.Errorf("a body %#02x of another type", code)
		}
		m.Body = append(m.Body, Described{code, value})
	case descFooter:
		m.Footer, err = keyed[Symbol](value)
	default:
		return fmt.Errorf("there is no section %#02x in a message", code)
	}
	return err
}

func header(v any) (*Header, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("a header is a list")
	}
	f := &fields{list: list}
	h := &Header{Durable: or(f, 0, false), Priority: or(f, 1, uint8(4)), DeliveryCount: or(f, 4, uint32(0)),
		TTL: time.Duration(or(f, 2, uint32(0))) * time.Millisecond}
	return h, f.err
}

func properties(v any) (*Properties, error) {
	list, ok := v.([]any)
	if !ok || len(list) > len(propertyTypes) {
		return nil, fmt.Errorf("properties are a list of at most %d", len(propertyTypes))
	}
	for i, field := range list {
		if field != nil && !propertyTypes[i].is(field) {
			return nil, fmt.Errorf("the property %s cannot be a %T", propertyTypes[i].name, field)
		}
	}
	return (*Properties)(&list), nil
}

// keyed reads a map whose keys are all K, and each there once.
func keyed[K comparable](v any) (Map, error) {
	m, ok := v.(Map)
	if !ok {
		return nil, fmt.Errorf("a %T is no map", v)
	}
	seen := make(map[K]bool, len(m))
	for _, p := range m {
		key, ok := p.Key.(K)
		if !ok || seen[key] {
			return nil, fmt.Errorf("a key of a map that is no %T, or is there twice", key)
		}
		seen[key] = true
	}
	return m, nil
}

// Append appends the message.
func (m *Message) Append(b []byte) []byte {
	if h := m.Header; h != nil {
		// 49 days and more are the same to the standard
		ttl := uint32(min(h.TTL/time.Millisecond, time.Duration(maxUint)))
		b = appendValue(b, composite(descHeader, h.Durable, h.Priority, unless(ttl, 0), nil, h.DeliveryCount))
	}
	b = appendSection(b, descDeliveryAnnotations, m.DeliveryAnnotations)
	b = appendSection(b, descAnnotations, m.Annotations)
	if m.Properties != nil {
		b = appendValue(b, composite(descProperties, *m.Properties...))
	}
	b = appendSection(b, descApplicationProperties, m.ApplicationProperties)
	for _, section := range m.Body {
		b = appendValue(b, section)
	}
	return appendSection(b, descFooter, m.Footer)
}

func appendSection(b []byte, code uint64, m Map) []byte {
	if m == nil {
		return b
	}
	return appendValue(b, Described{code, m})
}
