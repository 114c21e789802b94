// Package wire reads and writes AMQP 1.0 frames: the type system of part 1 of the OASIS standard and the performatives
// of parts 2 and 5, as far as a Service Bus queue needs them. Message sections are not its business.
//
// Every function that reads takes foreign bytes and answers with an error, whatever they are.
package wire

// Symbol is an AMQP symbol: ASCII text out of a fixed vocabulary.
type Symbol string

// UUID is an AMQP uuid, in RFC 4122 order.
type UUID [16]byte

// Map is an AMQP map, in the order of the wire. Keys may be any value.
type Map []Pair

// Pair is one entry of a Map.
type Pair struct{ Key, Value any }

// Text returns the entries whose keys are strings or symbols; of equal keys the last counts. It is nil for an empty map.
func (m Map) Text() map[string]any {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]any, len(m))
	for _, p := range m {
		if key, ok := text(p.Key); ok {
			out[key] = p.Value
		}
	}
	return out
}

// Array is an AMQP array: values of one type.
type Array []any

// Described is a value with a descriptor that says what it means, a ulong or a symbol.
type Described struct{ Descriptor, Value any }

// Opaque is a value of a type that has no equal in Go: a decimal or a character, as its bytes.
type Opaque []byte

func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case Symbol:
		return string(v), true
	default:
		return "", false
	}
}

// Constructors, part 1, section 1.6 of the standard.
const (
	codeDescribed  = 0x00
	codeNull       = 0x40
	codeTrue       = 0x41
	codeFalse      = 0x42
	codeUint0      = 0x43
	codeUlong0     = 0x44
	codeList0      = 0x45
	codeUbyte      = 0x50
	codeByte       = 0x51
	codeSmallUint  = 0x52
	codeSmallUlong = 0x53
	codeSmallInt   = 0x54
	codeSmallLong  = 0x55
	codeBool       = 0x56
	codeUshort     = 0x60
	codeShort      = 0x61
	codeUint       = 0x70
	codeInt        = 0x71
	codeFloat      = 0x72
	codeChar       = 0x73
	codeDecimal32  = 0x74
	codeUlong      = 0x80
	codeLong       = 0x81
	codeDouble     = 0x82
	codeTimestamp  = 0x83
	codeDecimal64  = 0x84
	codeDecimal128 = 0x94
	codeUUID       = 0x98
	codeBinary8    = 0xa0
	codeString8    = 0xa1
	codeSymbol8    = 0xa3
	codeBinary32   = 0xb0
	codeString32   = 0xb1
	codeSymbol32   = 0xb3
	codeList8      = 0xc0
	codeMap8       = 0xc1
	codeList32     = 0xd0
	codeMap32      = 0xd1
	codeArray8     = 0xe0
	codeArray32    = 0xf0
)
