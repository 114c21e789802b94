package httpretry

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what an answer can ask for; the longest window of the API's quotas is a day.
const maxRetryAfter = 24 * time.Hour

// verdict is what follows from one attempt.
type verdict struct {
	repeat      bool
	wait        time.Duration // asked for by the other side; 0: nothing asked
	throttled   bool          // the endpoint's quota is used up
	notExecuted bool          // proven
}

// judge is the whole policy: what may be repeated after which outcome.
func judge(req *http.Request, resp *http.Response, err error, ev *evidence) verdict {
	if err != nil {
		return judgeError(req, err, ev)
	}
	v := verdict{throttled: resp.StatusCode == http.StatusTooManyRequests}
	v.notExecuted = v.throttled
	v.repeat = v.throttled || safeMethod(req.Method) && transientStatus(resp.StatusCode)
	if v.repeat {
		v.wait, _ = ParseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return v
}

func judgeError(req *http.Request, err error, ev *evidence) verdict {
	v := verdict{notExecuted: NotExecuted(err) || ev.noConnection()}
	var own interface{ NotExecuted() bool }
	switch {
	case req.Context().Err() != nil || errors.Is(err, ErrTooLate):
	case errors.As(err, &own):
		v.wait, v.repeat = retryIn(err)
		v.repeat = v.repeat && (v.notExecuted || safeMethod(req.Method))
	default:
		v.repeat = v.notExecuted || safeMethod(req.Method)
	}
	return v
}

// safeMethod says whether a request changes nothing. PUT and DELETE are left out on purpose: the API gives some of them
// effects.
func safeMethod(method string) bool {
	return method == "" || method == http.MethodGet || method == http.MethodHead
}

func transientStatus(code int) bool {
	switch code {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	}
	return false
}

func retryIn(err error) (time.Duration, bool) {
	var r interface{ RetryIn() (time.Duration, bool) }
	if !errors.As(err, &r) {
		return 0, false
	}
	return r.RetryIn()
}

// ParseRetryAfter reads a Retry-After header, seconds or HTTP date (RFC 9110, section 10.2.3), as a wait from now on.
// What lies in the past is 0 and nothing is longer than a day; ok is false when there is no header or it is neither
// form.
func ParseRetryAfter(header string, now time.Time) (wait time.Duration, ok bool) {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0, false
	}
	seconds, err := strconv.ParseInt(header, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		seconds = min(max(seconds, 0), int64(maxRetryAfter/time.Second))
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}
