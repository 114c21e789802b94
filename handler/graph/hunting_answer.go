package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"cordon/handler/incoming"
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
	schemas bool                         // one was there, even if without columns
	results bool                         // they were there, even if none
	early   []map[string]json.RawMessage // rows that came before their schema
}

// decodeHunting reads a result, whole or not at all: half a result would look like rows that went away. Names of keys
// and columns come in either case, schema and results in either order. A result without rows may be without columns.
func decodeHunting(r io.Reader) (HuntingResult, error) {
	d := &huntingDecoder{Decoder: json.NewDecoder(incoming.Reader(http.MaxBytesReader(nil, io.NopCloser(r),
		maxHuntingAnswer)))}
	err := d.object()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return HuntingResult{},
			fmt.Errorf("the answer is larger than %d MB: let the query project fewer columns or summarize",
				maxHuntingAnswer>>20)
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return HuntingResult{}, fmt.Errorf("the answer cannot be read (byte %d): %w", d.InputOffset(), err)
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
	if err := d.place(); err != nil {
		return err
	}
	// What was sent in pieces is whole only at its end.
	if _, err := d.Token(); err == nil {
		return errors.New("something follows the result")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// place puts the rows that came early into columns.
func (d *huntingDecoder) place() error {
	if len(d.early) > 0 && d.result.Columns == nil {
		return errors.New("it has rows and no columns")
	}
	for _, found := range d.early {
		d.result.Rows = append(d.result.Rows, rowOf(d.result.Columns, found))
	}
	d.early = nil
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
	if d.schemas {
		return errors.New("it has two schemas")
	}
	d.schemas = true
	if err := d.open('['); err != nil {
		return err
	}
	for d.More() {
		var c HuntingColumn
		if err := d.Decode(&c); err != nil {
			return err
		}
		c.Name, c.Type = incoming.Text(c.Name, incoming.MaxText), incoming.Text(c.Type, incoming.MaxText)
		if c.Name == "" {
			return errors.New("a column has no name")
		}
		if len(d.result.Columns) == maxHuntingColumns {
			return fmt.Errorf("it has more than %d columns: let the query project fewer", maxHuntingColumns)
		}
		d.result.Columns = append(d.result.Columns, c)
	}
	_, err := d.Token()
	return err
}

func (d *huntingDecoder) rows() error {
	if d.results {
		return errors.New("it has results twice")
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
		so := len(d.result.Rows) + len(d.early)
		switch {
		case found == nil:
			return fmt.Errorf("row %d is null", so+1)
		case so == maxHuntingRows:
			return fmt.Errorf("it has more than %d rows: let the query summarize or take a shorter timespan",
				maxHuntingRows)
		case d.result.Columns != nil:
			d.result.Rows = append(d.result.Rows, rowOf(d.result.Columns, found))
		default:
			d.early = append(d.early, found)
		}
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

// textOf is a value as text that is not too long. Numbers stay as they were written: some are larger than a float is
// exact for.
func textOf(value json.RawMessage) string {
	switch {
	case len(value) == 0, string(value) == "null":
		return ""
	case value[0] == '"':
		var text string
		if json.Unmarshal(value, &text) == nil {
			return incoming.Text(text, incoming.MaxPassage)
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return ""
	}
	return incoming.Text(compact.String(), incoming.MaxPassage)
}
