package trigger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// metadata is what an envelope's Metadata says about a delivery. With dataType binary the host does not copy members of
// the message into it, so a sender cannot forge it.
type metadata struct {
	messageID     string    // "" if not said
	deliveryCount int       // 0 if not said
	enqueuedAt    time.Time // zero if not said
}

// taker receives the value of the trigger's binding. The value is valid during the call only. With a name that comes
// twice, the last value counts.
type taker struct {
	binding string
	take    func(v jsontext.Value)
}

// maxDepth bounds the nesting of an envelope. The host's own need six levels, application properties may add some.
const maxDepth = 64

// read decodes the envelope, whose length the host need not tell. It is bounded in bytes and depth, and by the
// server in time; every error is a badInput.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, t taker) (metadata, error) {
	m, err := h.readBody(w, r, t)
	if err != nil {
		// Or else the server would wait for the rest of the body before it lets the answer go.
		w.Header().Set("Connection", "close")
		return m, badInput{h.explain(err)}
	}
	return m, nil
}

func (h *Handler) readBody(w http.ResponseWriter, r *http.Request, t taker) (metadata, error) {
	// The host always sends JSON. A page in a browser on the same machine cannot, without a permission that nobody
	// gives.
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return metadata{},
			fmt.Errorf("the invocation's Content-Type is %.40q; send application/json", r.Header.Get("Content-Type"))
	}
	d, pooled := h.decoders.Get().(*jsontext.Decoder)
	if !pooled {
		d = new(jsontext.Decoder)
	}
	defer func() {
		d.Reset(http.NoBody)
		h.decoders.Put(d)
	}()
	d.Reset(http.MaxBytesReader(w, r.Body, h.options.MaxBody), tolerant())
	return decode(d, t)
}

func (h *Handler) explain(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return fmt.Errorf("the invocation is larger than %d bytes", large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the invocation's body did not arrive within %v", h.options.BodyTime)
	case errors.Is(err, io.EOF):
		return errors.New("the invocation's body is empty; send {\"Data\":{…},\"Metadata\":{…}}")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the invocation's body ends too early: %w", err)
	}
	return fmt.Errorf("the invocation is not the host's envelope: %w", err)
}

// tolerant reads what .NET may write: a name twice, and half of a surrogate pair.
func tolerant() jsontext.Options {
	return json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// decode reads {"Data":{…},"Metadata":{…}} and nothing after it. Other members are skipped, whatever they hold.
func decode(d *jsontext.Decoder, t taker) (metadata, error) {
	var m metadata
	kind := d.PeekKind()
	if kind != '{' && kind != 0 {
		return m, fmt.Errorf("it is %s, not an object", kind)
	}
	err := members(d, func(name []byte) error {
		switch string(name) {
		case "Data":
			return members(d, func(name []byte) error {
				return t.data(d, name)
			})
		case "Metadata":
			return members(d, func(name []byte) error {
				return m.member(d, name)
			})
		}
		return skip(d)
	})
	if err != nil {
		return m, err
	}
	switch _, err := d.ReadToken(); {
	case err == nil:
		return m, errors.New("something follows the envelope")
	case !errors.Is(err, io.EOF):
		return m, err
	}
	return m, nil
}

// members calls f for each member of the object that is next; f reads the member's value, and the name is valid until
// it does. A value that is no object is skipped: it has no members.
func members(d *jsontext.Decoder, f func(name []byte) error) error {
	if d.PeekKind() != '{' {
		return skip(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := f(text(name)); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// skip reads over one value.
func skip(d *jsontext.Decoder) error {
	for depth := d.StackDepth(); ; {
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		if d.StackDepth() > maxDepth {
			return fmt.Errorf("it is nested deeper than %d levels", maxDepth)
		}
		if d.StackDepth() <= depth {
			return nil
		}
	}
}

func (t taker) data(d *jsontext.Decoder, name []byte) error {
	if string(name) != t.binding {
		return skip(d)
	}
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	if err := checkDepth(v); err != nil {
		return err
	}
	t.take(v)
	return nil
}

// member reads one member of Metadata. It is tolerant: what is not as expected counts as not said.
func (m *metadata) member(d *jsontext.Decoder, name []byte) error {
	var set func(said string)
	switch string(name) {
	case "MessageId":
		set = func(said string) { m.messageID = said }
	case "DeliveryCount":
		set = m.setDeliveryCount
	case "EnqueuedTime":
		set = func(said string) { m.setEnqueuedAt(said, true) }
	case "EnqueuedTimeUtc":
		// This one has no zone. It counts where the other is not said.
		set = func(said string) { m.setEnqueuedAt(said, false) }
	}
	kind := d.PeekKind()
	if set == nil || kind == '{' || kind == '[' {
		return skip(d)
	}
	v, err := d.ReadValue()
	if err == nil {
		set(scalar(v))
	}
	return err
}

func (m *metadata) setDeliveryCount(said string) {
	n, err := strconv.Atoi(said)
	if err == nil && n > 0 {
		m.deliveryCount = n
	}
}

func (m *metadata) setEnqueuedAt(said string, instead bool) {
	at := instant(said)
	if !at.IsZero() && (instead || m.enqueuedAt.IsZero()) {
		m.enqueuedAt = at
	}
}

// instant reads a time as the host writes it; one without a zone is UTC. It is zero for what is no time, and for .NET's
// first instant, which stands for none.
func instant(text string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		at, err := time.Parse(layout, text)
		if err == nil && at.Year() > 1 {
			return at.UTC()
		}
	}
	return time.Time{}
}

// checkDepth bounds the nesting of a value that has been read whole.
func checkDepth(v jsontext.Value) error {
	kind := v.Kind()
	if kind != '{' && kind != '[' {
		return nil
	}
	depth, quoted := 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			// Envelope and Data are the two levels around it.
			if depth++; depth+2 > maxDepth {
				return fmt.Errorf("it is nested deeper than %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// text is the content of a JSON string, with what is no UTF-8 replaced. It may share the string's memory.
func text(v jsontext.Value) []byte {
	inner := v[1 : len(v)-1]
	if !bytes.ContainsRune(inner, '\\') && utf8.Valid(inner) {
		return inner
	}
	// The only error that a string which has been read can give is that of invalid UTF-8, and then the text is whole.
	plain, _ := jsontext.AppendUnquote(nil, v)
	return plain
}

// isString says whether all of v is one JSON string.
func isString(v jsontext.Value) bool {
	return len(v) > 1 &&
		v[0] == '"' &&
		v[len(v)-1] == '"' &&
		v.IsValid(tolerant())
}

// scalar reads a value that the host may have encoded once more: "\"abc\"" is abc, "4" and 4 are 4. It is "" for null,
// in either form. Two layers are taken off at most, so a text that was meant with quotes keeps the inner ones.
func scalar(v jsontext.Value) string {
	said := []byte(v)
	for range 2 {
		if !isString(said) {
			break
		}
		said = text(said)
	}
	if string(said) == "null" {
		return ""
	}
	return string(said)
}
