package defender

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"cordon/handler/defender/lenient"
	"cordon/handler/machine"
)

// entity is a wire type; every resource has an id, and an answer without one is no answer to rely on.
type entity interface{ id() string }

// one decodes a single entity. The answer of an acting request that cannot be read leaves its fate unknown.
func one[T entity](k call, answer *http.Response) (T, error) {
	defer answer.Body.Close()
	var found T
	err := json.UnmarshalDecode(lenient.Decoder(answer.Body, maxEntity), &found)
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
	d := lenient.Decoder(answer.Body, maxList)
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
	err = lenient.Members(d, func(name string) error {
		switch {
		case strings.EqualFold(name, "value") && d.PeekKind() == '[':
			listed = true
			return lenient.Elements(d, entry)
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
