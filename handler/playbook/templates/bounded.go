package templates

import (
	"errors"
	"strings"
)

// MaxText is the most that a rendered comment holds, in characters.
const MaxText = 1000

var errFull = errors.New("the comment is full")

// boundedText ends a rendering that has become longer than anything that is kept of it.
type boundedText struct{ strings.Builder }

// Write implements io.Writer; errFull when no more is wanted.
func (b *boundedText) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxRendered {
		room := maxRendered - b.Len()
		b.Builder.Write(p[:room])
		return room, errFull
	}
	return b.Builder.Write(p)
}
