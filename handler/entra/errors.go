package entra

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
)

// Error says why there is no token. Nothing but the token request was sent.
type Error struct {
	Scope      string
	Status     int           // HTTP status of the authority's answer, 0 when there was none
	Code       string        // "AADSTS7000215", else the OAuth error ("invalid_client"), else "network", "tls" or ""
	Retryable  bool          // 429, 5xx, network trouble, nonsense: the same request may succeed later
	RetryAfter time.Duration // what the authority asked for, 0 when it asked for nothing
	text       string
	err        error // a network error only: MSAL's own errors carry the request, and with it the secret
}

// Error says what went wrong and what to do about it.
func (e *Error) Error() string {
	return fmt.Sprintf("entra: no token for %s: %s", e.Scope, e.text)
}

// Unwrap returns the network error, nil for an answer of the authority.
func (e *Error) Unwrap() error { return e.err }

// RetryIn says whether trying again can help, and how long the authority wants to be left alone before.
func (e *Error) RetryIn() (time.Duration, bool) {
	return e.RetryAfter, e.Retryable
}

// describe turns MSAL's error into one that is safe to print and says what to do.
func (i identity) describe(err error, scope string) *Error {
	from := i.from
	var own *Error
	if errors.As(err, &own) {
		return own // of the identity that vouches for this one
	}
	var call msal.CallErr
	if errors.As(err, &call) && call.Resp != nil {
		return from.describeAnswer(call.Resp, scope)
	}
	var network *url.Error
	if errors.As(err, &network) {
		return from.describeNetwork(network, scope)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{
			Scope:     scope,
			Code:      "network",
			Retryable: true,
			text:      from.name + " did not answer in time",
			err:       context.DeadlineExceeded,
		}
	}
	var undecodable msal.InvalidJsonErr
	if errors.As(err, &undecodable) {
		// Its text holds the answer, which may be a token.
		return &Error{
			Scope:     scope,
			Retryable: true,
			text: fmt.Sprintf("%s's answer is not JSON: is there a proxy in between, or is %s wrong?", from.name,
				from.setting),
		}
	}
	// An answer that makes no sense: perhaps from the wrong place, perhaps from a proxy that will be gone in a minute.
	return &Error{
		Scope:     scope,
		Retryable: true,
		text: fmt.Sprintf("%s's answer is not understood, check %s: %s", from.name, from.setting,
			i.scrub(err.Error())),
	}
}

func (p party) describeAnswer(resp *http.Response, scope string) *Error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
	}
	// An answer that is not JSON leaves all empty: the status alone tells then.
	_ = json.NewDecoder(io.LimitReader(resp.Body, drainLimit)).Decode(&body)
	e := &Error{
		Scope:      scope,
		Status:     resp.StatusCode,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
	}
	if regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`).MatchString(body.Error) {
		e.Code = body.Error
	}
	if len(body.Codes) > 0 {
		e.Code = "AADSTS" + strconv.Itoa(body.Codes[0])
	} else if code := regexp.MustCompile(`^AADSTS[0-9]{1,9}`).FindString(body.Description); code != "" {
		e.Code = code // the identity endpoints pass the authority's text on
	}
	e.Retryable = e.Status == http.StatusTooManyRequests ||
		e.Status >= 500 ||
		slices.Contains(p.passing, e.Status)
	name := strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code))
	if e.Retryable {
		e.text = fmt.Sprintf("%s: %s is throttling or out of order: try again later%s", name, p.name, p.lasting)
		return e
	}
	e.text = name + ": " + p.advice(e.Status, e.Code)
	return e
}

func (p party) describeNetwork(err *url.Error, scope string) *Error {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return &Error{
			Scope: scope,
			Code:  "tls",
			err:   err.Err,
			text: fmt.Sprintf("%s's certificate is not trusted: set CORDON_CA_FILE if it is signed by a CA of your "+
				"own: %v", p.name, err.Err),
		}
	}
	return &Error{
		Scope:     scope,
		Code:      "network",
		Retryable: true,
		err:       err.Err,
		text:      fmt.Sprintf("%s cannot be reached: %v%s", p.name, err.Err, p.absent),
	}
}

// retryAfter reads a Retry-After header, seconds or HTTP date; 0 when it is absent, past or neither. An hour is the
// most.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	seconds, err := strconv.Atoi(strings.TrimSpace(header))
	if err == nil {
		wait = time.Duration(min(max(seconds, 0), 3600)) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), time.Hour)
}
