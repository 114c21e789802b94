package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Bounds of a result. The first two are the API's own ("Advanced hunting quotas and usage limits").
const (
	maxHuntingRows    = 100_000
	maxHuntingAnswer  = 50 << 20
	maxHuntingColumns = 1_000
)

// huntingDecoder reads a result row by row, so that an answer is never held twice.
type huntingDecoder struct {
	*json.Decoder
	result  HuntingResult
	results bool // they were there, even if none
}

// decodeHunting reads a result, whole or not at all: half a result would look like rows that went away. Names of keys and
// columns come in either case.
func decodeHunting(r io.Reader) (HuntingResult, error) {
	d := &huntingDecoder{Decoder: json.NewDecoder(http.MaxBytesReader(nil, io.NopCloser(r), maxHuntingAnswer))}
	err := d.object()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return HuntingResult{}, fmt.Errorf("the answer is larger than %d MB: let the query project fewer columns or summarize", maxHuntingAnswer>>20)
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return HuntingResult{}, fmt.Errorf("the answer can not be read (byte %d): %w", d.InputOffset(), err)
	}
	return d.result, nil
}

func (d *huntingDecoder) object() error {
	if err := d.open('{'); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		switch strings.ToLower(name) {
		case "schema":
			err = d.schema()
		case "results":
			err = d.rows()
		default:
			var other json.RawMessage
			err = d.Decode(&other)
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if !d.results {
		return errors.New("it has no results")
	}
	// What was sent in pieces is whole only at its end.
	if _, err := d.Token(); err == nil {
		return errors.New("something follows the result")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (d *huntingDecoder) open(want json.Delim) error {
	token, err := d.Token()
	if err == nil && token != want {
		err = fmt.Errorf("it has something else where %s is expected", want)
	}
	return err
}

func (d *huntingDecoder) schema() error {
	if d.result.Columns != nil {
		return errors.New("it has two schemas")
	}
	if err := d.open('['); err != nil {
		return err
	}
	for d.More() {
		var c HuntingColumn
		if err := d.Decode(&c); err != nil {
			return err
		}
		if c.Name == "" {
			return errors.New("a column has no name")
		}
		if len(d.result.Columns) == maxHuntingColumns {
			return fmt.Errorf("it has more than %d columns: let the query project fewer", maxHuntingColumns)
		}
		d.result.Columns = append(d.result.Columns, c)
	}
	_, err := d.Token()
	if err == nil && d.result.Columns == nil {
		err = errors.New("its schema has no columns")
	}
	return err
}

func (d *huntingDecoder) rows() error {
	switch {
	case d.results:
		return errors.New("it has results twice")
	case d.result.Columns == nil:
		return errors.New("its rows come before their schema")
	}
	d.results = true
	if err := d.open('['); err != nil {
		return err
	}
	for d.More() {
		var found map[string]json.RawMessage
		if err := d.Decode(&found); err != nil {
			return err
		}
		if found == nil {
			return fmt.Errorf("row %d is null", len(d.result.Rows)+1)
		}
		if len(d.result.Rows) == maxHuntingRows {
			return fmt.Errorf("it has more than %d rows: let the query summarize or take a shorter timespan", maxHuntingRows)
		}
		d.result.Rows = append(d.result.Rows, rowOf(d.result.Columns, found))
	}
	_, err := d.Token()
	return err
}

// rowOf is a row's texts in the order of the columns. A name in the column's own letters goes before one in others.
func rowOf(columns []HuntingColumn, found map[string]json.RawMessage) []string {
	row := make([]string, len(columns))
	var folded map[string]json.RawMessage
	for i, c := range columns {
		value, exact := found[c.Name]
		if !exact {
			if folded == nil {
				folded = make(map[string]json.RawMessage, len(found))
				for name, v := range found {
					folded[strings.ToLower(name)] = v
				}
			}
			value = folded[strings.ToLower(c.Name)]
		}
		row[i] = textOf(value)
	}
	return row
}

// textOf is a value as text. Numbers stay as they were written: some are larger than a float is exact for.
func textOf(value json.RawMessage) string {
	switch {
	case len(value) == 0, string(value) == "null":
		return ""
	case value[0] == '"':
		var text string
		if json.Unmarshal(value, &text) == nil {
			return text
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return ""
	}
	return compact.String()
}
