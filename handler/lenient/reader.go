package lenient

import (
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cordon/handler/incoming"
)

// Decoder reads a body of at most limit bytes. Names count without case and may come twice.
func Decoder(body io.Reader, limit int64) *jsontext.Decoder {
	return jsontext.NewDecoder(incoming.Reader(&bounded{from: body, left: limit}), jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true), json.MatchCaseInsensitiveNames(true))
}

// bounded is a reader that fails instead of ending silently when a body is longer than any real one.
type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the answer is longer than any real one")
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	return n, err
}

// Members calls read before the value of each member of the object that comes next; read reads exactly that value.
func Members(d *jsontext.Decoder, read func(name string) error) error {
	if d.PeekKind() != '{' {
		if err := d.SkipValue(); err != nil {
			return err
		}
		return errors.New("it is not an object")
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := read(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// Elements calls read before each element of the list that comes next; read reads exactly that element.
func Elements(d *jsontext.Decoder, read func() error) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := read(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// List hands each object of the "value" list of a body to visit, as it comes, with one of them in memory. It stops at
// the first error; what was handed over before it is genuine. The count is that of the list, with entries that are no
// objects and are not handed over: a full page must not look short. A body without a list is an error, for it is not an
// empty one. more says that the body names a next page.
func List[T any](body io.Reader, limit int64, visit func(T) error) (count int, more bool, err error) {
	d := Decoder(body, limit)
	listed := false
	entry := func() error {
		if d.PeekKind() != '{' {
			err := d.SkipValue()
			if err == nil {
				count++
			}
			return err
		}
		var found T
		if err := json.UnmarshalDecode(d, &found); err != nil {
			return err
		}
		count++
		return visit(found)
	}
	err = Members(d, func(name string) error {
		switch {
		case strings.EqualFold(name, "value") && d.PeekKind() == '[':
			listed = true
			return Elements(d, entry)
		case strings.EqualFold(name, "error"):
			// The status was sent before the server ran into trouble: the list is not whole.
			return errors.New("the list was broken off by an error")
		case strings.EqualFold(name, "@odata.nextLink"):
			more = d.PeekKind() != 'n'
		}
		return d.SkipValue()
	})
	if err == nil && !listed {
		err = errors.New("there is no list in it")
	}
	return count, more, err
}
