package transfer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Checked is what a file was found to be: whole, of the tenant, and every line of it a row that may be put in.
type Checked struct {
	Header
	End
}

// Check reads a file to its end and says why it cannot be imported for the tenant. It keeps one line in memory.
func Check(from io.Reader, tenant string) (Checked, error) {
	return read(from, tenant, func(string, entity) error { return nil })
}

// read hands over the rows of a file, each after it was checked. Rows that come before an error were handed over.
func read(from io.Reader, tenant string, visit func(table string, e entity) error) (Checked, error) {
	var found Checked
	lines, err := open(from, tenant, &found.Header)
	if err != nil {
		return found, err
	}
	at := place{table: -1}
	for n := 2; ; n++ {
		body, err := lines.next()
		var l line
		if err == nil {
			err = json.Unmarshal(body, &l)
		}
		if err == nil && l.End != nil {
			found.End = *l.End
			return found, lines.end(found.Rows, n-2)
		}
		var next place
		var e entity
		if err == nil {
			next, e, err = l.check(tenant)
		}
		if err == nil && !next.after(at) {
			err = errors.New("it stands twice, or not in its place")
		}
		if err == nil {
			at = next
			err = visit(l.Table, e)
		}
		if err != nil {
			return found, fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// open reads the header, and refuses what is no export of the tenant.
func open(from io.Reader, tenant string, h *Header) (*lines, error) {
	file := bufio.NewReader(from)
	packed, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("this is no export of cordon: %w", err)
	}
	packed.Multistream(false)
	l := &lines{file: file, text: bufio.NewReaderSize(packed, 64<<10)}
	body, err := l.next()
	if err == nil {
		err = json.Unmarshal(body, h)
	}
	switch {
	case err != nil || h.Format == 0 || h.ID == "":
		return nil, errors.Join(errors.New("this is no export of cordon: it has no header"), err)
	case h.Format != format:
		return nil, fmt.Errorf("the export is of format %d and this program knows %d; use the program of version %.40q",
			h.Format, format, h.Version)
	case h.Tenant != tenant:
		return nil, fmt.Errorf("the export is of tenant %.80q, and CORDON_TENANT_ID is %q", h.Tenant, tenant)
	}
	return l, nil
}

// lines reads a compressed text line by line.
type lines struct {
	file *bufio.Reader // compressed
	text *bufio.Reader
}

// next reads a line of bounded length.
func (l *lines) next() ([]byte, error) {
	var body []byte
	for {
		part, err := l.text.ReadSlice('\n')
		body = append(body, part...)
		switch {
		case len(body) > maxLine:
			return nil, fmt.Errorf("it is longer than %d bytes", maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, fmt.Errorf("the file is cut off or damaged: %w", broken(err))
		}
		body = bytes.TrimSuffix(body, []byte("\n"))
		return body, plainLine(body)
	}
}

// broken is an end that comes too early.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// end holds the last line against what was read, and asks that nothing follows.
func (l *lines) end(said, are int) error {
	if said != are {
		return fmt.Errorf("the file says it has %d rows and has %d", said, are)
	}
	for _, rest := range []*bufio.Reader{l.text, l.file} {
		if _, err := rest.ReadByte(); !errors.Is(err, io.EOF) {
			return errors.Join(errors.New("the file is damaged, or something stands behind its end"), err)
		}
	}
	return nil
}
