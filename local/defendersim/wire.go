package defendersim

import (
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"cordon/local/internal/coding"
)

// contextBase begins the @odata.context of every answer.
const contextBase = "https://api.security.microsoft.com/api/$metadata#"

// answer is what goes back to the client. The body is written when it is sent, so that long lists stream.
type answer struct {
	status     int
	retryAfter time.Duration // sent as whole seconds, rounded up; 0: not sent
	challenge  bool          // WWW-Authenticate is sent
	text       string        // the whole body, if it is not JSON of ours
	body       func(*jsonWriter)
}

// fail is an answer in the API's error shape (Common REST API error codes page).
func (s *Sim) fail(status int, code, message string) answer {
	target := s.ids.guid()
	return answer{status: status, body: func(w *jsonWriter) {
		w.open('{')
		w.key("error")
		w.open('{')
		w.always("code", code)
		w.always("message", message)
		w.always("target", target)
		w.close('}')
		w.close('}')
	}}
}

// faulty is the answer that a fault asks for.
func (s *Sim) faulty(f Fault) answer {
	code := map[int]string{400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}[f.Status]
	a := s.fail(f.Status, code, http.StatusText(f.Status))
	switch {
	case f.Body != "":
		a = answer{status: f.Status, text: f.Body}
	case f.Status == http.StatusTooManyRequests:
		a = s.overQuota(0, "100 per 00:01:00")
	case code == "":
		a = s.fail(f.Status, "InternalServerError", "")
	}
	a.retryAfter = f.RetryAfter
	return a
}

// entity answers with one object of a set.
func entity(status int, set string, members func(*jsonWriter)) answer {
	return answer{status: status, body: func(w *jsonWriter) {
		w.open('{')
		w.always("@odata.context", contextBase+set+"/$entity")
		members(w)
		w.close('}')
	}}
}

// write sends an answer.
func (s *Sim) write(w http.ResponseWriter, r *http.Request, at time.Time, a answer, cutAfter int) {
	h := w.Header()
	h.Set("Date", at.Format(http.TimeFormat))
	h.Set("Content-Type", "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8")
	h.Set("OData-Version", "4.0")
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((a.retryAfter+time.Second-1)/time.Second)))
	}
	if a.challenge {
		h.Set("WWW-Authenticate", "Bearer")
	}
	zip := coding.AcceptsGzip(r.Header.Get("Accept-Encoding"))
	if zip {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Vary", "Accept-Encoding")
	w.WriteHeader(a.status)
	out := io.Writer(w)
	if cutAfter > 0 {
		out = &cutter{to: w, left: cutAfter}
	}
	if err := s.send(out, a, zip); errors.Is(err, errCut) {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // net/http then breaks the connection
	}
}

func (s *Sim) send(out io.Writer, a answer, zip bool) (err error) {
	if zip {
		z := s.gzips.Get().(*gzip.Writer)
		defer s.gzips.Put(z)
		z.Reset(out)
		defer func() { err = errors.Join(err, z.Close()) }()
		out = z
	}
	if a.text != "" {
		_, err = io.WriteString(out, a.text)
		return err
	}
	j := &jsonWriter{to: out, fresh: true}
	a.body(j)
	return j.flush()
}

// reset ends the connection without an answer.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

var errCut = errors.New("defendersim: the fault cuts the body here")

// cutter passes some bytes and then fails.
type cutter struct {
	to   io.Writer
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p[:min(len(p), c.left)])
	c.left -= n
	if err == nil && n < len(p) {
		err = errCut
	}
	return n, err
}

// flushAt is how much JSON is gathered before it is passed on.
const flushAt = 32 << 10

// jsonWriter writes members in the API's order, with null where the API has null, and keeps no more than one element of
// a list. After an error of the underlying writer it writes nothing.
type jsonWriter struct {
	to    io.Writer
	buf   []byte
	fresh bool // no comma is due
	err   error
}

func (w *jsonWriter) flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.to.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

func (w *jsonWriter) comma() {
	if !w.fresh {
		w.buf = append(w.buf, ',')
	}
	w.fresh = false
}

func (w *jsonWriter) open(bracket byte) {
	w.comma()
	w.buf = append(w.buf, bracket)
	w.fresh = true
}

func (w *jsonWriter) close(bracket byte) {
	w.buf = append(w.buf, bracket)
	w.fresh = false
	if len(w.buf) >= flushAt {
		_ = w.flush() // kept in err
	}
}

func (w *jsonWriter) quote(text string) {
	w.comma()
	// The error says that the text is not UTF-8; what is appended then is.
	w.buf, _ = jsontext.AppendQuote(w.buf, text)
}

func (w *jsonWriter) key(name string) {
	w.quote(name)
	w.buf = append(w.buf, ':')
	w.fresh = true
}

func (w *jsonWriter) raw(name, value string) {
	w.key(name)
	w.comma()
	w.buf = append(w.buf, value...)
}

func (w *jsonWriter) null(names ...string) {
	for _, name := range names {
		w.raw(name, "null")
	}
}

// always writes a text, even an empty one.
func (w *jsonWriter) always(name, text string) {
	w.key(name)
	w.quote(text)
}

// text writes a text, an empty one as null.
func (w *jsonWriter) text(name, text string) {
	if text == "" {
		w.null(name)
		return
	}
	w.always(name, text)
}

func (w *jsonWriter) number(name string, n int64) {
	w.key(name)
	w.comma()
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// count writes a number, 0 as null.
func (w *jsonWriter) count(name string, n int64) {
	if n == 0 {
		w.null(name)
		return
	}
	w.number(name, n)
}

func (w *jsonWriter) flag(name string, is bool) { w.raw(name, strconv.FormatBool(is)) }

func (w *jsonWriter) texts(name string, texts []string) {
	w.key(name)
	w.open('[')
	for _, one := range texts {
		w.quote(one)
	}
	w.close(']')
}

// stamp is the layout of the API's times: as many of seven fractional digits as are not trailing zeros, always UTC.
const stamp = "2006-01-02T15:04:05.9999999Z"

// time writes a time, the zero time as null.
func (w *jsonWriter) time(name string, t time.Time) {
	if t.IsZero() {
		w.null(name)
		return
	}
	w.key(name)
	w.comma()
	w.buf = append(w.buf, '"')
	w.buf = t.UTC().AppendFormat(w.buf, stamp)
	w.buf = append(w.buf, '"')
}
