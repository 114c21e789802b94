package wire

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func messages() []*Message {
	at := time.UnixMilli(1767323045000).UTC()
	return []*Message{
		{},
		{Body: DataBody([]byte("x"))},
		{
			Header:              &Header{Durable: true, Priority: 9, TTL: time.Hour, DeliveryCount: 3},
			DeliveryAnnotations: Map{{Symbol("l"), UUID{1}}},
			Annotations:         Map{{Symbol("a"), at}},
			Properties: &Properties{
				"id", []byte("user"), "to", "subject", "reply", UUID{2}, Symbol("type"), Symbol("gzip"), at, at,
				"group", uint32(7), "back",
			},
			ApplicationProperties: Map{
				{"char", Opaque{codeChar, 0, 0, 0, 'x'}},
				{"decimal", append(Opaque{codeDecimal128}, make([]byte, 16)...)},
				{"offset", Described{Symbol("com.microsoft:datetime-offset"), int64(7)}}, {"symbol", Symbol("s")},
				{"list", Array{int64(1), int64(-1)}},
			},
			Body:   []Described{{uint64(descData), []byte("1")}, {uint64(descData), []byte("2")}},
			Footer: Map{{Symbol("f"), true}},
		},
		{
			Properties: &Properties{uint64(7)},
			Body:       []Described{{uint64(descSequence), []any{int32(1), "b"}}, {uint64(descSequence), []any{}}},
		},
		{Properties: &Properties{}, Body: ValueBody(nil)},
		{Body: ValueBody(Map{{"a", int64(1)}})},
	}
}

func TestAMessageIsReadBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	for i, want := range messages() {
		got, err := DecodeMessage(want.Append(nil))
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
}

func TestAZeroDeliveryCountIsWritten(t *testing.T) {
	t.Parallel()
	got := (&Message{Header: &Header{Priority: 4, TTL: 1 << 62}}).Append(nil)
	if want := []byte("\x00\x53\x70\xc0\x0c\x05\x42\x50\x04\x70\xff\xff\xff\xff\x40\x52\x00"); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestBytesThatAreNoMessageAreRefused(t *testing.T) {
	t.Parallel()
	section := func(code uint64, v any) []byte { return appendValue(nil, Described{code, v}) }
	twice := Map{{Symbol("k"), int32(1)}, {Symbol("k"), int32(2)}}
	for name, data := range map[string][]byte{
		"a value":                       {codeUint0},
		"no section":                    section(0x99, []any{}),
		"cut off":                       section(descData, []byte("xyz"))[:5],
		"a header that is no list":      section(descHeader, Map{}),
		"a priority of another type":    section(descHeader, []any{nil, "high"}),
		"annotations by text":           section(descAnnotations, Map{{"k", "v"}}),
		"annotations twice":             section(descAnnotations, twice),
		"annotations that are a list":   section(descAnnotations, []any{}),
		"a described key":               section(descAnnotations, Map{{Described{uint64(1), []any{}}, nil}}),
		"bytes as a key":                section(descApplicationProperties, Map{{[]byte("k"), nil}}),
		"properties by symbol":          section(descApplicationProperties, Map{{Symbol("k"), nil}}),
		"a subject that is a number":    section(descProperties, []any{nil, nil, nil, int32(1)}),
		"an id that is a number":        section(descProperties, []any{int32(1)}),
		"too many properties":           section(descProperties, make([]any, 14)),
		"properties that are a map":     section(descProperties, Map{}),
		"data that is text":             section(descData, "x"),
		"a sequence that is none":       section(descSequence, []byte("x")),
		"two values":                    append(section(descValue, "a"), section(descValue, "b")...),
		"a header after the body":       append(section(descData, []byte("a")), section(descHeader, []any{})...),
		"a footer by text":              section(descFooter, Map{{"k", "v"}}),
		"delivery annotations by text":  section(descDeliveryAnnotations, Map{{"k", "v"}}),
		"more nulls than anybody needs": section(descValue, Array(make([]any, maxEmpty+1))),
	} {
		if m, err := DecodeMessage(data); err == nil {
			t.Errorf("%s: read as %+v", name, m)
		}
	}
}

func TestAMessageMayNameItsSectionsBySymbol(t *testing.T) {
	t.Parallel()
	got, err := DecodeMessage(appendValue(nil, Described{Symbol("amqp:amqp-value:*"), "x"}))
	if err != nil || got.Value() != "x" {
		t.Errorf("%+v, error %v", got, err)
	}
}

func TestAMapTakesOneValuePerKey(t *testing.T) {
	t.Parallel()
	m := Map{{Symbol("a"), 1}, {"b", 2}}
	if diff := cmp.Diff(Map{{"a", 3}, {"b", 2}, {"c", 4}}, m.With(Pair{"a", 3}, Pair{"c", 4})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Map{{Symbol("a"), 1}, {"b", 2}}, m); diff != "" {
		t.Error(diff)
	}
}

func TestUUIDsAreTextAndBack(t *testing.T) {
	t.Parallel()
	want := UUID{0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0x55, 0x55, 0x66, 0x66, 0x77, 0x77, 0x88, 0xff}
	for _, text := range []string{
		want.String(), "11112222-3333-4444-5555-6666777788FF", "1111222233334444555566667777zzzz", "1111", "",
	} {
		got, err := ParseUUID(text)
		if ok := len(text) == 36; ok != (err == nil) || ok && got != want {
			t.Errorf("%q: %v, error %v", text, got, err)
		}
	}
}

// FuzzMessage reads foreign bytes as a message. What is read is written, and then always the same.
func FuzzMessage(f *testing.F) {
	for _, m := range messages() {
		f.Add(m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeMessage(data)
		if err != nil {
			return
		}
		first := m.Append(nil)
		again, err := DecodeMessage(first)
		if err != nil {
			t.Fatalf("%x is written as %x: %v", data, first, err)
		}
		if second := again.Append(nil); !bytes.Equal(first, second) {
			t.Errorf("%x is written as %x, and read again as %x", data, first, second)
		}
	})
}
