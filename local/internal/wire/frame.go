package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Frame types, part 2, section 2.3.1 of the standard.
const (
	TypeAMQP = 0
	TypeSASL = 1
)

const headerSize = 8

// Frame is one frame without its header. Body is empty for a keep-alive.
type Frame struct {
	Type    uint8
	Channel uint16
	Body    []byte
}

// ErrFraming marks an error of ReadFrame that is the peer's: the bytes are no frame. Any other error is the
// transport's.
var ErrFraming = errors.New("not an AMQP frame")

// ReadFrame reads one frame of at most limit bytes, header included. Body is not shared with anything.
func ReadFrame(r io.Reader, limit uint32) (Frame, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return Frame{}, err
	}
	size := binary.BigEndian.Uint32(header[:4])
	offset := 4 * uint32(header[4])
	if offset < headerSize || size < offset || size > limit {
		return Frame{},
			fmt.Errorf("size %d, data offset %d, at most %d bytes are taken: %w", size, offset, limit, ErrFraming)
	}
	rest := make([]byte, size-headerSize)
	if _, err := io.ReadFull(r, rest); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return Frame{Type: header[5], Channel: binary.BigEndian.Uint16(header[6:]), Body: rest[offset-headerSize:]}, nil
}

// AppendFrame appends a frame with the performative p, or a keep-alive for nil.
func AppendFrame(b []byte, kind uint8, channel uint16, p Performative) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, headerSize/4, kind)
	b = binary.BigEndian.AppendUint16(b, channel)
	if p != nil {
		code, fields := p.composite()
		b = appendValue(b, composite(code, fields...))
	}
	if t, ok := p.(*Transfer); ok {
		b = append(b, t.Payload...)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// Protocol headers, which both sides send before the first frame.
const (
	HeaderAMQP = "AMQP\x00\x01\x00\x00"
	HeaderSASL = "AMQP\x03\x01\x00\x00"
)
