// Package outgoing writes the JSON that leaves the process: answers, what commands print with --json, messages,
// requests and rows. There is one way to do it, so that no field can be one that has no form: a duration is a text such
// as "1m30s", and bytes that are no UTF-8 become U+FFFD. What it cannot write is only what no JSON holds: functions,
// channels, cycles, numbers that are none, and times outside of the years 0 to 9999.
package outgoing

import (
	"bytes"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// Encode writes v on one line, the members of maps in order. It goes by encoding/json otherwise, whose texts it leaves
// as they are instead of writing < and & as escapes.
func Encode(v any) ([]byte, error) {
	return encode(v, options())
}

// Indent is Encode on several lines.
func Indent(v any) ([]byte, error) {
	return encode(v, options(), jsontext.WithIndent("  "))
}

func encode(v any, o ...json.Options) ([]byte, error) {
	body, err := json.Marshal(v, o...)
	return bytes.ToValidUTF8(body, []byte("\ufffd")), err // what is JSON already is taken over byte by byte
}

func options() json.Options {
	duration := json.MarshalFunc(func(d time.Duration) ([]byte, error) {
		return []byte(strconv.Quote(d.String())), nil
	})
	return json.JoinOptions(jsonv1.DefaultOptionsV1(), json.Deterministic(true), jsontext.AllowInvalidUTF8(true),
		jsontext.EscapeForHTML(false), json.WithMarshalers(duration))
}
