// Package wire reads and writes AMQP 1.0: the type system of part 1 of the OASIS standard, the performatives of parts 2
// and 5 and the message of part 3, as far as a Service Bus queue needs them. Every value that it reads it can write
// again, with its type: what a sender says reaches the receiver, whatever the two are written with.
//
// Every function that reads takes foreign bytes and answers with an error, whatever they are.
package wire

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// Symbol is an AMQP symbol: ASCII text out of a fixed vocabulary.
type Symbol string

// UUID is an AMQP uuid, in RFC 4122 order.
type UUID [16]byte

// String is the text form of RFC 4122.
func (u UUID) String() string {
	text := hex.EncodeToString(u[:])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// ParseUUID reads the text form, with or without its hyphens.
func ParseUUID(text string) (UUID, error) {
	var u UUID
	plain := strings.ReplaceAll(text, "-", "")
	if len(plain) != 2*len(u) {
		return UUID{}, errors.New("a UUID has 32 hexadecimal digits")
	}
	if _, err := hex.Decode(u[:], []byte(plain)); err != nil {
		return UUID{}, errors.New("a UUID has 32 hexadecimal digits")
	}
	return u, nil
}

// Map is an AMQP map, in the order of the wire. Keys may be any value.
type Map []Pair

// Pair is one entry of a Map.
type Pair struct{ Key, Value any }

// Text returns the entries whose keys are strings or symbols; of equal keys the last counts. It is nil for an empty
// map.
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

// With returns the map with further entries, each in place of the one whose key is the same text. m is left as it is.
func (m Map) With(more ...Pair) Map {
	out := make(Map, 0, len(m)+len(more))
	place := make(map[string]int, len(m)+len(more))
	for _, p := range slices.Concat(m, more) {
		key, ok := text(p.Key)
		if i, there := place[key]; ok && there {
			out[i] = p
			continue
		}
		if ok {
			place[key] = len(out)
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// Array is an AMQP array: values of one type.
type Array []any

// Values are the values of an array of T; false if v is none.
func Values[T any](v any) ([]T, bool) {
	array, ok := v.(Array)
	out := make([]T, 0, len(array))
	for _, e := range array {
		t, is := e.(T)
		ok = ok && is
		out = append(out, t)
	}
	return out, ok
}

// ArrayOf is the array of values.
func ArrayOf[T any](values []T) Array {
	out := make(Array, 0, len(values))
	for _, v := range values {
		out = append(out, v)
	}
	return out
}

// Described is a value with a descriptor that says what it means, a ulong or a symbol.
type Described struct{ Descriptor, Value any }

// Opaque is a value of a type that has no equal in Go, a decimal or a character: its constructor and its bytes.
type Opaque []byte

// Char is the character that o is, if it is one.
func (o Opaque) Char() (rune, bool) {
	if len(o) != 5 || o[0] != codeChar {
		return 0, false
	}
	return rune(o[1])<<24 | rune(o[2])<<16 | rune(o[3])<<8 | rune(o[4]), true
}

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
