package defender

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"

	"cordon/handler/lenient"
)

// wireError is the body of an error: {"error":{"code","message","target"}} (Common REST API error codes page).
type wireError struct {
	Error lenient.Object[struct {
		Code    lenient.Text `json:"code"`
		Message lenient.Text `json:"message"`
		Target  lenient.Text `json:"target"`
	}] `json:"error"`
}

// apiError reads an answer that is no 2xx. Without the API's own words it was made by somebody on the way, and decides
// nothing but what its status alone can say.
func (c *Client) apiError(ctx context.Context, k call, answer *http.Response) error {
	e := &Error{
		Method:   k.method,
		Endpoint: k.endpoint,
		Status:   answer.StatusCode,
		needs:    k.needs,
		look:     k.look,
		after:    retryAfter(answer),
	}
	content := &counting{from: answer.Body}
	var body wireError
	err := json.UnmarshalDecode(lenient.Decoder(content, maxErrorBody), &body)
	if err == nil {
		found := body.Error.Value
		e.Code = clean(found.Code)
		e.Message = clean(found.Message)
		e.Target = clean(found.Target)
		drain(answer.Body)
	}
	if e.Code == "" && e.Message == "" {
		e.foreign = foreign(answer, content.read > 0)
	}
	if e.Code == "" {
		e.Code = http.StatusText(answer.StatusCode)
	}
	if e.Status == http.StatusForbidden && c.o.Lacks != nil {
		e.lacking = c.o.Lacks(ctx, k.needs)
	}
	return e
}

// counting is a reader that knows how much was read.
type counting struct {
	from io.Reader
	read int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.read += int64(n)
	return n, err
}

// foreign describes an answer without the API's words; empty: its status alone counts. Bare statuses are the API's
// where its framework, or a gateway of its own, makes such ones and where taking them for it does no harm.
func foreign(answer *http.Response, body bool) string {
	status := answer.StatusCode
	bare := status >= 500 ||
		slices.Contains([]int{
			http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooManyRequests,
		}, status)
	kind := clean(lenient.Text(answer.Header.Get("Content-Type")))
	switch {
	case !body && bare:
		return ""
	case !body:
		return "a status without a word"
	case kind == "":
		return "a page of somebody else"
	}
	return "a page of somebody else (" + kind + ")"
}

// maxForeignText is how many characters of one text of the API an error shows.
const maxForeignText = 500

// clean readies foreign text for logs and mails: bounded, on one line, and without anything that looks like a token.
func clean(t lenient.Text) string {
	s := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(t))
	s = hide(s)
	runes := []rune(s)
	if len(runes) > maxForeignText {
		return string(runes[:maxForeignText]) + "…"
	}
	return s
}

// hide takes out of a text what looks like a token, and the queries of addresses.
func hide(s string) string {
	s = regexp.MustCompile(`(?i)bearer\s+\S+|eyJ[\w-]*\.[\w-]*\.[\w-]*`).ReplaceAllString(s, "[hidden]")
	return regexp.MustCompile(`(https?://[^\s"?]*)\?[^\s"]*`).ReplaceAllString(s, "$1?[hidden]")
}

// maxRetryAfter bounds what an answer can ask for; the longest window of the API's quotas is a day.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header in seconds or as a date, seen from the API's own clock if the answer tells it.
func retryAfter(answer *http.Response) time.Duration {
	value := strings.TrimSpace(answer.Header.Get("Retry-After"))
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(seconds, 0), int64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now := date(answer)
	if now.IsZero() {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
