package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// Bounds on what foreign bytes may make the reader build. No real peer comes near them.
const (
	maxDepth = 16
	maxEmpty = 1 << 14 // values in arrays that take no bytes
)

var errShort = errors.New("the value goes on after the end of the data")

// reader reads values one after the other. It never reads past the end of data, which bounds the number of values that
// it makes; budget bounds those of zero width, of which an array can name billions in a few bytes.
type reader struct {
	data   []byte
	depth  int
	budget int
}

func newReader(data []byte) *reader { return &reader{data: data, budget: maxEmpty} }

func (r *reader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.data) {
		return nil, errShort
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out, nil
}

// sized takes what a length of one or four bytes announces.
func (r *reader) sized(width int) ([]byte, error) {
	n, err := r.uint(width)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(r.data)) {
		return nil, errShort
	}
	return r.take(int(n))
}

func (r *reader) uint(width int) (uint64, error) {
	b, err := r.take(width)
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n, nil
}

// value reads the next value with its constructor. Binary values are copies.
func (r *reader) value() (any, error) {
	code, err := r.uint(1)
	if err != nil {
		return nil, err
	}
	return r.coded(byte(code))
}

// coded reads the next value, whose constructor was read already.
func (r *reader) coded(code byte) (any, error) {
	if r.depth++; r.depth > maxDepth {
		return nil, fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	defer func() { r.depth-- }()
	switch code >> 4 {
	case 0x0:
		return r.described(code)
	case 0x4:
		return empty(code)
	case 0x5, 0x6, 0x7, 0x8, 0x9:
		b, err := r.take(1 << (code>>4 - 5))
		if err != nil {
			return nil, err
		}
		return fixed(code, b)
	case 0xa, 0xb:
		b, err := r.sized(width(code))
		if err != nil {
			return nil, err
		}
		return variable(code, b)
	default:
		return r.compound(code)
	}
}

// width is the size of length and count fields of a constructor: even categories from 0xa have one byte, odd ones four.
func width(code byte) int {
	if code>>4&1 == 0 {
		return 1
	}
	return 4
}

func (r *reader) described(code byte) (any, error) {
	if code != codeDescribed {
		return nil, unknown(code)
	}
	descriptor, err := r.value()
	if err != nil {
		return nil, err
	}
	value, err := r.value()
	if err != nil {
		return nil, err
	}
	return Described{descriptor, value}, nil
}

func empty(code byte) (any, error) {
	switch code {
	case codeNull:
		return nil, nil
	case codeTrue, codeFalse:
		return code == codeTrue, nil
	case codeUint0:
		return uint32(0), nil
	case codeUlong0:
		return uint64(0), nil
	case codeList0:
		return []any{}, nil
	default:
		return nil, unknown(code)
	}
}

func fixed(code byte, b []byte) (any, error) {
	switch code {
	case codeUbyte:
		return b[0], nil
	case codeByte:
		return int8(b[0]), nil
	case codeSmallUint:
		return uint32(b[0]), nil
	case codeSmallUlong:
		return uint64(b[0]), nil
	case codeSmallInt:
		return int32(int8(b[0])), nil
	case codeSmallLong:
		return int64(int8(b[0])), nil
	case codeBool:
		return b[0] != 0, nil
	case codeUshort:
		return binary.BigEndian.Uint16(b), nil
	case codeShort:
		return int16(binary.BigEndian.Uint16(b)), nil
	case codeUint:
		return binary.BigEndian.Uint32(b), nil
	case codeInt:
		return int32(binary.BigEndian.Uint32(b)), nil
	case codeFloat:
		return math.Float32frombits(binary.BigEndian.Uint32(b)), nil
	case codeUlong:
		return binary.BigEndian.Uint64(b), nil
	case codeLong:
		return int64(binary.BigEndian.Uint64(b)), nil
	case codeDouble:
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case codeTimestamp:
		return time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC(), nil
	case codeUUID:
		return UUID(b), nil
	case codeChar, codeDecimal32, codeDecimal64, codeDecimal128:
		return append(Opaque{code}, b...), nil
	default:
		return nil, unknown(code)
	}
}

func variable(code byte, b []byte) (any, error) {
	switch code {
	case codeBinary8, codeBinary32:
		return append([]byte{}, b...), nil
	case codeString8, codeString32:
		if !utf8.Valid(b) {
			return nil, errors.New("a string is not UTF-8")
		}
		return string(b), nil
	case codeSymbol8, codeSymbol32:
		return Symbol(b), nil
	default:
		return nil, unknown(code)
	}
}

func (r *reader) compound(code byte) (any, error) {
	body, err := r.sized(width(code))
	if err != nil {
		return nil, err
	}
	inner := &reader{data: body, depth: r.depth, budget: r.budget}
	defer func() { r.budget = inner.budget }()
	n, err := inner.uint(width(code))
	if err != nil {
		return nil, err
	}
	switch code {
	case codeList8, codeList32:
		return inner.list(int(n))
	case codeMap8, codeMap32:
		return inner.pairs(int(n))
	case codeArray8, codeArray32:
		return inner.array(int(n))
	default:
		return nil, unknown(code)
	}
}

func (r *reader) list(n int) (any, error) {
	out := []any{}
	for range n {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (r *reader) pairs(n int) (any, error) {
	if n%2 != 0 {
		return nil, errors.New("a map has a key without a value")
	}
	values, err := r.list(n)
	if err != nil {
		return nil, err
	}
	out := Map{}
	for pair := values.([]any); len(pair) > 0; pair = pair[2:] {
		out = append(out, Pair{pair[0], pair[1]})
	}
	return out, nil
}

func (r *reader) array(n int) (any, error) {
	code, err := r.uint(1)
	if err != nil {
		return nil, err
	}
	if code == codeDescribed {
		return nil, errors.New("arrays of described values are not supported")
	}
	if code>>4 == 0x4 {
		if r.budget -= n; r.budget < 0 {
			return nil, fmt.Errorf("there are more than %d values without bytes", maxEmpty)
		}
	}
	out := Array{}
	for range n {
		v, err := r.coded(byte(code))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func unknown(code byte) error {
	return fmt.Errorf("there is no AMQP type with the constructor %#02x", code)
}
