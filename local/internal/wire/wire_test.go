package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func performatives() []Performative {
	long := strings.Repeat("x", 300)
	return []Performative{
		&Open{ContainerID: "c", Hostname: "h", MaxFrameSize: 65536, ChannelMax: 8, IdleTimeout: 30 * time.Second},
		&Open{ContainerID: long, MaxFrameSize: maxUint, ChannelMax: 65535},
		&Begin{
			RemoteChannel:  ptr(uint16(3)),
			NextOutgoingID: 1,
			IncomingWindow: 5000,
			OutgoingWindow: 5000,
			HandleMax:      maxUint,
		},
		&Begin{NextOutgoingID: 0, IncomingWindow: 1, OutgoingWindow: 0, HandleMax: 7},
		&Attach{
			Name:           "l",
			Handle:         1,
			Receiver:       true,
			SenderMode:     SenderMixed,
			ReceiverMode:   ReceiverSecond,
			Source:         &Terminus{Address: "q"},
			Target:         &Terminus{},
			MaxMessageSize: 262144,
			Properties:     Map{{Symbol("a"), int64(-7)}, {Symbol("b"), nil}},
		},
		&Attach{Name: "l", Handle: 1000, SenderMode: SenderSettled},
		&Attach{
			Name:     "l",
			Receiver: true,
			Source:   &Terminus{Address: "q", Filter: Map{{Symbol("f"), Described{uint64(1 << 36), "s1"}}}},
		},
		&Attach{Name: "l", Target: &Terminus{Coordinator: true}},
		&Flow{
			NextIncomingID: ptr(uint32(9)),
			IncomingWindow: 300,
			NextOutgoingID: 70000,
			OutgoingWindow: 1,
			Handle:         ptr(uint32(0)),
			DeliveryCount:  ptr(uint32(4)),
			LinkCredit:     ptr(uint32(1000)),
			Drain:          true,
			Echo:           true,
		},
		&Flow{IncomingWindow: 1, NextOutgoingID: 2, OutgoingWindow: 3},
		&Transfer{
			Handle:     2,
			DeliveryID: ptr(uint32(5)),
			Tag:        []byte("tag"),
			Format:     0x80013700,
			Settled:    true,
			More:       true,
			Payload:    []byte("body"),
		},
		&Transfer{Handle: 2, Aborted: true, Payload: []byte{}},
		&Disposition{Receiver: true, First: 1, Last: 4, Settled: true, State: &State{Kind: Accepted}},
		&Disposition{
			First: 8,
			Last:  8,
			State: &State{
				Kind:  Rejected,
				Error: &Error{Condition: "c", Description: "d", Info: Map{{Symbol("k"), "v"}}},
			},
		},
		&Disposition{First: 8, Last: 8, State: &State{Kind: Released}},
		&Disposition{
			First: 8,
			Last:  8,
			State: &State{
				Kind:              Modified,
				DeliveryFailed:    true,
				UndeliverableHere: true,
				Annotations: Map{
					{"n", int32(-1)}, {"u", UUID{1, 2}}, {"t", time.UnixMilli(5).UTC()}, {"d", math.Pi},
					{"f", float32(1.5)}, {"l", []any{true, false, uint16(7), int16(-7)}},
					{"o", Opaque{codeChar, 0, 0, 0, 65}},
				},
			},
		},
		&Detach{Handle: 3, Closed: true, Error: &Error{Condition: "amqp:not-found"}},
		&End{}, &End{Error: &Error{Condition: "x"}}, &Close{}, &Close{Error: &Error{Condition: "x", Description: long}},
		&Mechanisms{Mechanisms: []Symbol{"ANONYMOUS", "EXTERNAL"}}, &Init{Mechanism: "ANONYMOUS"}, &Outcome{Code: 1},
	}
}

func TestWhatIsWrittenIsReadBackTheSame(t *testing.T) {
	t.Parallel()
	for _, want := range performatives() {
		frame, err := ReadFrame(bytes.NewReader(AppendFrame(nil, TypeAMQP, 7, want)), math.MaxUint32)
		if err != nil {
			t.Fatalf("%T: %v", want, err)
		}
		if frame.Channel != 7 || frame.Type != TypeAMQP {
			t.Errorf("%T: frame of type %d on channel %d", want, frame.Type, frame.Channel)
		}
		got, err := Decode(frame.Body)
		if err != nil {
			t.Fatalf("%T: %v", want, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T (-want +got):\n%s", want, diff)
		}
	}
}

func TestSymbolicDescriptorsMeanTheSameAsNumbers(t *testing.T) {
	t.Parallel()
	body := appendValue(nil,
		Described{Symbol("amqp:end:list"), []any{Described{Symbol("amqp:error:list"), []any{Symbol("c")}}}})
	got, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&End{Error: &Error{Condition: "c"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAKeepAliveHasNoBody(t *testing.T) {
	t.Parallel()
	frame, err := ReadFrame(bytes.NewReader(AppendFrame(nil, TypeAMQP, 0, nil)), 512)
	if err != nil || len(frame.Body) != 0 {
		t.Errorf("body %q, error %v", frame.Body, err)
	}
}

func TestBytesThatAreNoFrameAreRefused(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{
		"shorter than a header": "\x00\x00\x00\x07\x02\x00\x00\x00",
		"offset in the header":  "\x00\x00\x00\x10\x01\x00\x00\x00",
		"offset past the end":   "\x00\x00\x00\x08\x03\x00\x00\x00",
		"longer than allowed":   "\x00\x00\x02\x01\x02\x00\x00\x00",
	} {
		if _, err := ReadFrame(strings.NewReader(header+strings.Repeat("x", 600)), 512); !errors.Is(err, ErrFraming) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadFrame(strings.NewReader("\x00\x00\x00\x10\x02\x00\x00\x00abc"),
		512); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v", err)
	}
}

func TestForeignBytesAreErrors(t *testing.T) {
	t.Parallel()
	deep := bytes.Repeat([]byte{codeDescribed, codeNull}, 100)
	for name, body := range map[string][]byte{
		"nothing":                     {},
		"no constructor of ours":      {0x46},
		"a number":                    {codeUint0},
		"a descriptor without a list": appendValue(nil, Described{uint64(descOpen), "x"}),
		"unknown performative":        appendValue(nil, composite(0x99)),
		"unknown symbol":              appendValue(nil, Described{Symbol("x"), []any{}}),
		"wrong field type":            appendValue(nil, composite(descDetach, "handle")),
		"missing field":               appendValue(nil, composite(descDetach)),
		"wrong nested type":           appendValue(nil, composite(descEnd, "error")),
		"wrong type further in":       appendValue(nil, composite(descEnd, composite(descError, uint32(1)))),
		"no state": appendValue(nil,
			composite(descDisposition, true, uint32(1), nil, nil, composite(descOpen))),
		"list longer than the data": {0, codeSmallUlong, descOpen, codeList8, 200, 1},
		"odd map":                   {0, codeSmallUlong, descOpen, codeList8, 6, 1, codeMap8, 2, 1, codeNull},
		"a billion nulls": {
			0, codeSmallUlong, descOpen, codeList8, 12, 1, codeArray32, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, codeNull,
		},
		"too deep":          deep,
		"text that is none": {0, codeSmallUlong, descOpen, codeList8, 4, 1, codeString8, 1, 0xff},
	} {
		if p, err := Decode(body); err == nil {
			t.Errorf("%s: read as %+v", name, p)
		}
	}
}

func TestArraysKeepTheTypeOfTheirValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body []byte
		want Array
	}{
		"longs":      {[]byte{codeArray8, 4, 2, codeSmallLong, 1, 0xff}, Array{int64(1), int64(-1)}},
		"booleans":   {[]byte{codeArray8, 4, 2, codeBool, 1, 0}, Array{true, false}},
		"characters": {[]byte{codeArray8, 6, 1, codeChar, 0, 0, 0, 65}, Array{Opaque{codeChar, 0, 0, 0, 65}}},
		"uints":      {[]byte{codeArray8, 4, 2, codeSmallUint, 1, 0}, Array{uint32(1), uint32(0)}},
		"ulongs":     {[]byte{codeArray8, 3, 1, codeSmallUlong, 1}, Array{uint64(1)}},
		"symbols":    {[]byte{codeArray8, 5, 2, codeSymbol8, 1, 'a', 0}, Array{Symbol("a"), Symbol("")}},
		"strings":    {[]byte{codeArray8, 4, 1, codeString8, 1, 'a'}, Array{"a"}},
		"bytes":      {[]byte{codeArray8, 4, 1, codeBinary8, 1, 'a'}, Array{[]byte("a")}},
		"lists":      {[]byte{codeArray8, 7, 2, codeList8, 1, 0, 2, 1, codeTrue}, Array{[]any{}, []any{true}}},
		"maps":       {[]byte{codeArray8, 6, 1, codeMap8, 3, 2, codeTrue, codeNull}, Array{Map{{true, nil}}}},
		"arrays":     {[]byte{codeArray8, 6, 1, codeArray8, 3, 1, codeUbyte, 7}, Array{Array{uint8(7)}}},
		"nulls":      {[]byte{codeArray8, 2, 2, codeNull}, Array{nil, nil}},
		"described":  {[]byte{codeArray8, 6, 1, codeDescribed, codeSmallUlong, 1, codeUbyte, 7}, nil},
		"cut off":    {[]byte{codeArray8, 4, 2, codeUint}, nil},
		"empty":      {[]byte{codeArray8, 2, 0, codeNull}, Array{}},
	} {
		got, err := newReader(c.body).value()
		if c.want == nil {
			if err == nil {
				t.Errorf("%s: read as %v", name, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(any(c.want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if again, err := newReader(appendValue(nil, got)).value(); err != nil || !cmp.Equal(got, again) {
			t.Errorf("%s: written and read again: %v, error %v", name, again, err)
		}
	}
}

// FuzzFrame feeds foreign bytes to everything that reads them. What is read and can be written is read back the same.
func FuzzFrame(f *testing.F) {
	for _, p := range performatives() {
		f.Add(AppendFrame(nil, TypeAMQP, 1, p))
	}
	f.Add([]byte("\x00\x00\x00\x1c\x02\x00\x00\x00\x00\x53\x18\xc0\x0f\x01\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40"))
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := ReadFrame(bytes.NewReader(data), 1<<16)
		if err != nil {
			return
		}
		p, err := Decode(frame.Body)
		if err != nil {
			return
		}
		again, err := ReadFrame(bytes.NewReader(AppendFrame(nil, frame.Type, frame.Channel, p)), math.MaxUint32)
		if err != nil {
			t.Fatal(err)
		}
		q, err := Decode(again.Body)
		if err != nil {
			t.Fatal(err)
		}
		first, second := AppendFrame(nil, 0, 0, p), AppendFrame(nil, 0, 0, q)
		if !bytes.Equal(first, second) {
			t.Errorf("%+v is written as %x, and read again as %x", p, first, second)
		}
	})
}
