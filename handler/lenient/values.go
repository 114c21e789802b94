// Package lenient reads JSON as the vendor's APIs write it: what is there is read, and a type that is not expected
// never fails. A field that the vendor changes must not cost an alert.
package lenient

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cordon/handler/incoming"
)

// Text is a JSON string; numbers and booleans are kept as they are written, anything else is empty. It fits into a row.
type Text string

// UnmarshalJSONFrom reads any JSON value.
func (t *Text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	s, err := readText(d, incoming.MaxText)
	*t = Text(s)
	return err
}

// Passage is a text that may be long and goes into no row.
type Passage string

// UnmarshalJSONFrom reads any JSON value.
func (p *Passage) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	s, err := readText(d, incoming.MaxPassage)
	*p = Passage(s)
	return err
}

func readText(d *jsontext.Decoder, limit int) (s string, err error) {
	value, err := d.ReadValue()
	if err != nil {
		return "", err
	}
	switch value.Kind() {
	case '"':
		err := json.Unmarshal(value, &s, jsontext.AllowInvalidUTF8(true))
		if err != nil {
			return "", err
		}
	case '0', 't', 'f':
		s = string(value)
	}
	return incoming.Text(s, limit), nil
}

// Texts is a list of strings; a single string counts as a list of one. What is no list is nil, an empty list is not.
type Texts []string

// UnmarshalJSONFrom reads any JSON value.
func (t *Texts) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*t = nil
	add := func() error {
		var one Text
		err := one.UnmarshalJSONFrom(d)
		if one != "" {
			*t = append(*t, string(one))
		}
		return err
	}
	if d.PeekKind() != '[' {
		return add()
	}
	*t = Texts{}
	return Elements(d, add)
}

// Integer is a whole number, written as a number or as a string; anything else is 0.
type Integer int64

// UnmarshalJSONFrom reads any JSON value.
func (i *Integer) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var t Text
	if err := t.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(t), 10, 64)
	if err != nil {
		n = 0
	}
	*i = Integer(n)
	return nil
}

// Instant is a UTC time with up to seven fractional digits; anything else, and years that Go could not write again, is
// the zero time.
type Instant time.Time

// UnmarshalJSONFrom reads any JSON value.
func (i *Instant) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var t Text
	if err := t.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, string(t))
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05.9999999", strings.TrimSpace(string(t)))
	}
	if err != nil ||
		at.UTC().Year() < 1 ||
		at.UTC().Year() > 9999 {
		at = time.Time{}
	}
	*i = Instant(at.UTC())
	return nil
}

// Object reads a member only if it is a JSON object, so that null or text in its place is nothing.
type Object[T any] struct{ Value T }

// UnmarshalJSONFrom reads any JSON value.
func (o *Object[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	o.Value = *new(T)
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, &o.Value)
}

// Items reads a member only if it is a list, and of it only the objects.
type Items[T any] []T

// UnmarshalJSONFrom reads any JSON value.
func (l *Items[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*l = nil
	if d.PeekKind() != '[' {
		return d.SkipValue()
	}
	return Elements(d, func() error {
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
