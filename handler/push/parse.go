package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep lists and objects may stand in each other.
const maxDepth = 16

// object is a JSON object. Its names are folded to lower case, as senders write them in every way.
type object struct{ fields map[string]any }

// parse reads JSON in which everything has one meaning: no name stands twice in an object, in whatever case, nothing is
// nested deeper than any sender needs, and nothing follows.
func parse(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	tree, err := value(d, 0)
	if err != nil {
		return nil, err
	}
	_, err = d.Token()
	if !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return tree, nil
}

func value(d *json.Decoder, depth int) (any, error) {
	token, err := next(d)
	if err != nil {
		return nil, err
	}
	delimiter, isDelimiter := token.(json.Delim)
	switch {
	case !isDelimiter:
		return token, nil
	case depth == maxDepth:
		return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
	case delimiter == '[':
		list := []any{}
		for d.More() {
			item, err := value(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := next(d)
		return list, err
	}
	o := object{map[string]any{}}
	for d.More() {
		name, err := next(d)
		if err != nil {
			return nil, err
		}
		folded := strings.ToLower(fmt.Sprint(name))
		if _, twice := o.fields[folded]; twice {
			return nil, fmt.Errorf("the name %.40q stands twice in an object", name)
		}
		o.fields[folded], err = value(d, depth+1)
		if err != nil {
			return nil, err
		}
	}
	_, err = next(d)
	return o, err
}

// next is the decoder's next token. An end in the middle of something is no JSON.
func next(d *json.Decoder) (json.Token, error) {
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	return token, nil
}
