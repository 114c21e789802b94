package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// appendValue appends v with its constructor. It writes everything that a reader makes; a type that it does not know is
// a mistake of this program, never of the peer's, and panics.
func appendValue(b []byte, v any) []byte { return appendForm(b, v, false) }

// appendForm appends v in its shortest form, or in the one form that all values of its type can have.
func appendForm(b []byte, v any, wide bool) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, codeNull)
	case bool:
		return appendBool(b, v, wide)
	case string:
		return appendSized(b, codeString8, v, wide)
	case Symbol:
		return appendSized(b, codeSymbol8, v, wide)
	case []byte:
		return appendSized(b, codeBinary8, v, wide)
	case Opaque:
		return append(b, v...)
	case Described:
		return appendValue(appendValue(append(b, codeDescribed), v.Descriptor), v.Value)
	case []any:
		return appendList(b, v, wide)
	case Map:
		return appendMap(b, v, wide)
	case Array:
		return appendArray(b, v, wide)
	default:
		return appendNumber(b, v, wide)
	}
}

func appendBool(b []byte, v, wide bool) []byte {
	switch {
	case wide && v:
		return append(b, codeBool, 1)
	case wide:
		return append(b, codeBool, 0)
	case v:
		return append(b, codeTrue)
	default:
		return append(b, codeFalse)
	}
}

func appendNumber(b []byte, v any, wide bool) []byte {
	switch v := v.(type) {
	case uint8:
		return append(b, codeUbyte, v)
	case int8:
		return append(b, codeByte, byte(v))
	case uint16:
		return binary.BigEndian.AppendUint16(append(b, codeUshort), v)
	case int16:
		return binary.BigEndian.AppendUint16(append(b, codeShort), uint16(v))
	case uint32:
		if v <= math.MaxUint8 && !wide {
			return append(b, codeSmallUint, byte(v))
		}
		return binary.BigEndian.AppendUint32(append(b, codeUint), v)
	case int32:
		return binary.BigEndian.AppendUint32(append(b, codeInt), uint32(v))
	case uint64:
		if v <= math.MaxUint8 && !wide {
			return append(b, codeSmallUlong, byte(v))
		}
		return binary.BigEndian.AppendUint64(append(b, codeUlong), v)
	case int64:
		return binary.BigEndian.AppendUint64(append(b, codeLong), uint64(v))
	case float32:
		return binary.BigEndian.AppendUint32(append(b, codeFloat), math.Float32bits(v))
	case float64:
		return binary.BigEndian.AppendUint64(append(b, codeDouble), math.Float64bits(v))
	case time.Time:
		return binary.BigEndian.AppendUint64(append(b, codeTimestamp), uint64(v.UnixMilli()))
	case UUID:
		return append(append(b, codeUUID), v[:]...)
	default:
		panic(fmt.Sprintf("wire: a %T has no AMQP encoding", v))
	}
}

// appendSized appends a value of variable width; code is the constructor of its short form.
func appendSized[T string | Symbol | []byte](b []byte, code byte, v T, wide bool) []byte {
	if len(v) <= math.MaxUint8 && !wide {
		return append(append(b, code, byte(len(v))), v...)
	}
	return append(binary.BigEndian.AppendUint32(append(b, code+0x10), uint32(len(v))), v...)
}

func appendList(b []byte, list []any, wide bool) []byte {
	if len(list) == 0 && !wide {
		return append(b, codeList0)
	}
	var body []byte
	for _, v := range list {
		body = appendValue(body, v)
	}
	return appendCompound(b, codeList8, len(list), body, wide)
}

func appendMap(b []byte, m Map, wide bool) []byte {
	var body []byte
	for _, p := range m {
		body = appendValue(appendValue(body, p.Key), p.Value)
	}
	return appendCompound(b, codeMap8, 2*len(m), body, wide)
}

// appendArray writes the constructor of the values once. An empty array is one of nulls: its type is not kept.
func appendArray(b []byte, array Array, wide bool) []byte {
	body := []byte{codeNull}
	for i, v := range array {
		value := appendForm(nil, v, true)
		if i == 0 {
			body[0] = value[0]
		}
		body = append(body, value[1:]...)
	}
	return appendCompound(b, codeArray8, len(array), body, wide)
}

// appendCompound appends size, count and body; code is the constructor of the short form, the long one is 0x10 above.
func appendCompound(b []byte, code byte, count int, body []byte, wide bool) []byte {
	if count <= math.MaxUint8 && len(body)+1 <= math.MaxUint8 && !wide {
		return append(append(b, code, byte(len(body)+1), byte(count)), body...)
	}
	b = binary.BigEndian.AppendUint32(append(b, code+0x10), uint32(len(body)+4))
	return append(binary.BigEndian.AppendUint32(b, uint32(count)), body...)
}
