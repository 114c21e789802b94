package defender

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"cordon/handler/lenient"
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

// each hands every entity of the list of an answer to visit, see lenient.List. The error of visit is returned as it is.
func each[T any](k call, answer *http.Response, visit func(T) error) (count int, err error) {
	defer answer.Body.Close()
	var refused error
	count, _, err = lenient.List(answer.Body, maxList, func(found T) error {
		refused = visit(found)
		return refused
	})
	switch {
	case refused != nil:
		return count, refused
	case err != nil:
		return count, unreadable(k, answer, err)
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
