// Package incoming readies what enters the process, whoever wrote it: texts are bounded by what a row can hold and
// without control characters, and a byte order mark in front of a document is no part of it.
package incoming

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How long texts may be, in UTF-16 units: a property of a row holds 32,768 of them, and more than one text may share
// it.
const (
	MaxText    = 4_000  // of what stands in rows, mails and lines
	MaxPassage = 32_000 // of what only rules read, such as a command line; it goes into no row
)

// Text makes a foreign text fit: bytes that are no UTF-8 become U+FFFD, control characters but line ends and tabs
// become blanks, and what is longer than limit UTF-16 units ends in an ellipsis.
func Text(s string, limit int) string {
	s = shorten(s, limit)
	if !strings.ContainsFunc(s, unfit) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r != utf8.RuneError && unfit(r) {
			return ' '
		}
		return r // what is no UTF-8 becomes U+FFFD here
	}, s)
}

func unfit(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
}

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s // no character has more units than bytes
	}
	units, end := 0, 0 // where the text ends if an ellipsis has to follow
	for at, r := range s {
		if units < limit {
			end = at
		}
		if units++; r > 0xffff {
			units++
		}
		if units > limit {
			return s[:end] + "…"
		}
	}
	return s
}

// mark is the byte order mark in UTF-8, which editors and shells of Windows put in front.
const mark = "\ufeff"

// Document is a document without the byte order mark in front of it.
func Document(body []byte) []byte {
	return bytes.TrimPrefix(body, []byte(mark))
}

// File reads a file that somebody wrote by hand.
func File(path string) ([]byte, error) {
	body, err := os.ReadFile(path)
	return Document(body), err
}

// Bytes opens a file that is no text, such as a compressed one.
func Bytes(path string) (io.ReadCloser, error) { return os.Open(path) }

// FileIn is File for a file of a folder.
func FileIn(folder fs.FS, name string) ([]byte, error) {
	body, err := fs.ReadFile(folder, name)
	return Document(body), err
}

// Reader reads from r what follows the byte order mark, if there is one.
func Reader(r io.Reader) io.Reader { return &reader{from: r} }

type reader struct {
	from    io.Reader
	begun   bool
	pending []byte
	err     error
}

// Read fills p.
func (r *reader) Read(p []byte) (int, error) {
	if !r.begun {
		r.begun = true
		head := make([]byte, len(mark))
		n, err := io.ReadFull(r.from, head)
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		r.pending, r.err = Document(head[:n]), err
	}
	if len(r.pending) > 0 {
		n := copy(p, r.pending)
		r.pending = r.pending[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.from.Read(p)
}
