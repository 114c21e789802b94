package outgoing

import (
	"encoding/json"
	"math"
	"testing"
	"time"
	"unicode/utf8"
)

type inner struct {
	For  time.Duration            `json:"for,omitzero"`
	Each map[string]time.Duration `json:"each,omitempty"`
	None time.Duration            `json:"none,omitzero"`
	Zero time.Duration            `json:"zero"`
}

func TestEncodeHasAFormForWhatForeignersWrite(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`{"for":"1m30s","each":{"a":"1h0m0s"},"zero":"0s"}`: inner{
			For:  90 * time.Second,
			Each: map[string]time.Duration{"a": time.Hour},
		},
		`["2s"]`:                []any{2 * time.Second},
		`"caf` + "\ufffd" + `"`: "caf\xe9",
		`{"` + "\ufffd" + `":"` + "\ufffd" + `"}`: map[string]string{"\xff": "\xff"},
		`{"a":1,"b":"<&>\u2028"}`:                 map[string]any{"b": "<&>\u2028", "a": 1},
		`null`:                                    []string(nil),
		`"(secret)"`:                              marshaler{},
		`"2026-03-02T12:00:00Z"`:                  time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
		`{"raw":{"x":"` + "\ufffd" +
			`"}}`: map[string]json.RawMessage{"raw": json.RawMessage("{\"x\":\"\xff\"}")},
	} {
		got, err := Encode(v)
		if err != nil || string(got) != want {
			t.Errorf("%#v: %s, %v, want %s", v, got, err, want)
		}
		if !json.Valid(got) || !utf8.Valid(got) {
			t.Errorf("%s is no JSON", got)
		}
	}
	if got, err := Indent(inner{For: time.Second}); err != nil ||
		string(got) != "{\n  \"for\": \"1s\",\n  \"zero\": \"0s\"\n}" {
		t.Errorf("%s, %v", got, err)
	}
	for _, v := range []any{func() {}, make(chan int), math.NaN()} {
		if got, err := Encode(v); err == nil {
			t.Errorf("%T was written: %s", v, got)
		}
	}
}

type marshaler struct{}

func (marshaler) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }
