package defender

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cordon/handler/incoming"
)

// The wire types read what is there and never fail on a type that they do not expect: a field that the vendor changes
// must not cost an alert.

// text is a JSON string; numbers and booleans are kept as they are written, anything else is empty. It fits into a row.
type text string

// UnmarshalJSONFrom reads any JSON value.
func (t *text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	s, err := readText(d, incoming.MaxText)
	*t = text(s)
	return err
}

// passage is a text that may be long and goes into no row.
type passage string

// UnmarshalJSONFrom reads any JSON value.
func (p *passage) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	s, err := readText(d, incoming.MaxPassage)
	*p = passage(s)
	return err
}

func readText(d *jsontext.Decoder, limit int) (s string, err error) {
	value, err := d.ReadValue()
	if err != nil {
		return "", err
	}
	switch value.Kind() {
	case '"':
		if err := json.Unmarshal(value, &s, jsontext.AllowInvalidUTF8(true)); err != nil {
			return "", err
		}
	case '0', 't', 'f':
		s = string(value)
	}
	return incoming.Text(s, limit), nil
}

// texts is a list of strings; a single string counts as a list of one. What is no list is nil, an empty list is not.
type texts []string

// UnmarshalJSONFrom reads any JSON value.
func (t *texts) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*t = nil
	add := func() error {
		var one text
		err := one.UnmarshalJSONFrom(d)
		if one != "" {
			*t = append(*t, string(one))
		}
		return err
	}
	if d.PeekKind() != '[' {
		return add()
	}
	*t = texts{}
	return elements(d, add)
}

// integer is a whole number, written as a number or as a string; anything else is 0.
type integer int64

// UnmarshalJSONFrom reads any JSON value.
func (i *integer) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var t text
	if err := t.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(t), 10, 64)
	if err != nil {
		n = 0
	}
	*i = integer(n)
	return nil
}

// instant is a UTC time with up to seven fractional digits; anything else, and years that Go could not write again, is
// the zero time.
type instant time.Time

// UnmarshalJSONFrom reads any JSON value.
func (i *instant) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var t text
	if err := t.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, string(t))
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05.9999999", strings.TrimSpace(string(t)))
	}
	if err != nil || at.UTC().Year() < 1 || at.UTC().Year() > 9999 {
		at = time.Time{}
	}
	*i = instant(at.UTC())
	return nil
}

// object reads a member only if it is a JSON object, so that null or text in its place is nothing.
type object[T any] struct{ value T }

// UnmarshalJSONFrom reads any JSON value.
func (o *object[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	o.value = *new(T)
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, &o.value)
}

// items reads a member only if it is a list, and of it only the objects.
type items[T any] []T

// UnmarshalJSONFrom reads any JSON value.
func (l *items[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*l = nil
	if d.PeekKind() != '[' {
		return d.SkipValue()
	}
	return elements(d, func() error {
		if d.PeekKind() != '{' {
			return d.SkipValue()
		}
		var one T
		if err := json.UnmarshalDecode(d, &one); err != nil {
			return err
		}
		*l = append(*l, one)
		return nil
	})
}
