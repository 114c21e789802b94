package defender

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cordon/handler/incoming"
	"cordon/handler/machine"
)

func decoder(body io.Reader, limit int64) *jsontext.Decoder {
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

// entity is a wire type; every resource has an id, and an answer without one is no answer to rely on.
type entity interface{ id() string }

// one decodes a single entity. The answer of an acting request that cannot be read leaves its fate unknown.
func one[T entity](k call, answer *http.Response) (T, error) {
	defer answer.Body.Close()
	var found T
	err := json.UnmarshalDecode(decoder(answer.Body, maxEntity), &found)
	if err == nil && found.id() == "" {
		err = errors.New("it has no id")
	}
	if err != nil {
		return *new(T), unreadable(k, answer, err)
	}
	drain(answer.Body)
	return found, nil
}

// each decodes the "value" list of an answer as a stream and hands every entity to visit. It stops at the first error;
// what was handed over before it is genuine. The count is that of the list, with entries that are no objects and are
// not handed over: a full page must not look short. An answer without a list is an error, for it is not an empty one.
func each[T any](k call, answer *http.Response, visit func(T) error) (count int, err error) {
	defer answer.Body.Close()
	d := decoder(answer.Body, maxList)
	listed := false
	var refused error
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
		refused = visit(found)
		return refused
	}
	err = members(d, func(name string) error {
		switch {
		case strings.EqualFold(name, "value") && d.PeekKind() == '[':
			listed = true
			return elements(d, entry)
		case strings.EqualFold(name, "error"):
			// The status was sent before the server ran into trouble: the list is not whole.
			return errors.New("the list was broken off by an error")
		}
		return d.SkipValue()
	})
	switch {
	case refused != nil:
		return count, refused
	case err != nil:
		return count, unreadable(k, answer, err)
	case !listed:
		return count, unreadable(k, answer, errors.New("there is no list in it"))
	}
	drain(answer.Body)
	return count, nil
}

// members calls read before the value of each member of the object that comes next; read reads exactly that value.
func members(d *jsontext.Decoder, read func(name string) error) error {
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

// elements calls read before each element of the list that comes next; read reads exactly that element.
func elements(d *jsontext.Decoder, read func() error) error {
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

func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, maxTrailer) }

// unreadable is the error of a 2xx whose body is cut, broken or none of the API's. That is trouble on the way: reads
// are repeated, acts are looked up.
func unreadable(k call, answer *http.Response, err error) error {
	fate := machine.Transient
	if k.acting() {
		fate = machine.UnknownFate
	}
	return &Error{
		Method:   k.method,
		Endpoint: k.endpoint,
		Status:   answer.StatusCode,
		fate:     fate,
		look:     k.look,
		cause:    fmt.Errorf("the answer cannot be read: %w", err),
	}
}
