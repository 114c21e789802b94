package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// appendValue appends v with its constructor. It writes what performatives are made of; a type that it does not know is
// a mistake of this program, never of the peer's, and panics.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, codeNull)
	case bool:
		if v {
			return append(b, codeTrue)
		}
		return append(b, codeFalse)
	case string:
		return appendSized(b, codeString8, v)
	case Symbol:
		return appendSized(b, codeSymbol8, v)
	case []byte:
		return appendSized(b, codeBinary8, v)
	case Described:
		return appendValue(appendValue(append(b, codeDescribed), v.Descriptor), v.Value)
	case []any:
		return appendList(b, v)
	case Map:
		return appendMap(b, v)
	case []Symbol:
		return appendSymbols(b, v)
	default:
		return appendNumber(b, v)
	}
}

func appendNumber(b []byte, v any) []byte {
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
		if v <= math.MaxUint8 {
			return append(b, codeSmallUint, byte(v))
		}
		return binary.BigEndian.AppendUint32(append(b, codeUint), v)
	case int32:
		return binary.BigEndian.AppendUint32(append(b, codeInt), uint32(v))
	case uint64:
		if v <= math.MaxUint8 {
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
func appendSized[T string | Symbol | []byte](b []byte, code byte, v T) []byte {
	if len(v) <= math.MaxUint8 {
		return append(append(b, code, byte(len(v))), v...)
	}
	return append(binary.BigEndian.AppendUint32(append(b, code+0x10), uint32(len(v))), v...)
}

func appendList(b []byte, list []any) []byte {
	if len(list) == 0 {
		return append(b, codeList0)
	}
	var body []byte
	for _, v := range list {
		body = appendValue(body, v)
	}
	return appendCompound(b, codeList8, len(list), body)
}

func appendMap(b []byte, m Map) []byte {
	var body []byte
	for _, p := range m {
		body = appendValue(appendValue(body, p.Key), p.Value)
	}
	return appendCompound(b, codeMap8, 2*len(m), body)
}

// appendCompound appends size, count and body; code is the constructor of the short form, the long one is 0x10 above.
func appendCompound(b []byte, code byte, count int, body []byte) []byte {
	if count <= math.MaxUint8 && len(body)+1 <= math.MaxUint8 {
		return append(append(b, code, byte(len(body)+1), byte(count)), body...)
	}
	b = binary.BigEndian.AppendUint32(append(b, code+0x10), uint32(len(body)+4))
	return append(binary.BigEndian.AppendUint32(b, uint32(count)), body...)
}

// appendSymbols writes an array of symbols, the only array that a server has to write.
func appendSymbols(b []byte, symbols []Symbol) []byte {
	body := []byte{codeSymbol32}
	for _, s := range symbols {
		body = append(binary.BigEndian.AppendUint32(body, uint32(len(s))), s...)
	}
	return appendCompound(b, codeArray8, len(symbols), body)
}
