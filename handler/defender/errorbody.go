package defender

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
)

// wireError is the body of an error: {"error":{"code","message","target"}} (Common REST API error codes page).
type wireError struct {
	Error object[struct {
		Code    text `json:"code"`
		Message text `json:"message"`
		Target  text `json:"target"`
	}] `json:"error"`
}

// apiError reads an answer that is no 2xx. A body of another form leaves the status to speak.
func apiError(k call, answer *http.Response) error {
	e := &Error{Method: k.method, Endpoint: k.endpoint, Status: answer.StatusCode, needs: k.needs, look: k.look, after: retryAfter(answer)}
	var body wireError
	if err := json.UnmarshalDecode(decoder(answer.Body, maxErrorBody), &body); err == nil {
		found := body.Error.value
		e.Code, e.Message, e.Target = clean(found.Code), clean(found.Message), clean(found.Target)
		drain(answer.Body)
	}
	if e.Code == "" {
		e.Code = http.StatusText(answer.StatusCode)
	}
	return e
}

// maxForeignText is how many characters of one text of the API an error shows.
const maxForeignText = 500

// clean readies foreign text for logs and mails: bounded, on one line, and without anything that looks like a token.
func clean(t text) string {
	s := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(t))
	s = hide(s)
	if runes := []rune(s); len(runes) > maxForeignText {
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
