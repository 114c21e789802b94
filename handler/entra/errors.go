package entra

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
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
func (e *Error) RetryIn() (time.Duration, bool) { return e.RetryAfter, e.Retryable }

// advice says what to do about the error codes that a wrong set-up leads to
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
func advice(code string) string {
	switch code {
	case "AADSTS7000215":
		return "client secret is invalid: set CORDON_CLIENT_SECRET to the value, not the id, of a secret of this app registration"
	case "AADSTS7000222":
		return "client secret is expired: create a new one for the app registration and set CORDON_CLIENT_SECRET"
	case "AADSTS700016":
		return "the tenant does not know this app: check CORDON_CLIENT_ID and CORDON_TENANT_ID"
	case "AADSTS7000112":
		return "the app is disabled in the tenant: enable its enterprise application"
	case "AADSTS90002", "AADSTS900023":
		return "there is no such tenant: check CORDON_TENANT_ID and CORDON_CLOUD"
	case "AADSTS500011", "AADSTS500014":
		return "the tenant does not have the API, or has it disabled: check the audience settings (CORDON_DEFENDER_AUDIENCE, CORDON_GRAPH_AUDIENCE) and CORDON_CLOUD"
	case "AADSTS1002012", "AADSTS70011":
		return "the scope is not valid: an audience setting must be the API's application id URI"
	case "AADSTS53003":
		return "Conditional Access blocks the app: look up the sign-in log of the service principal"
	}
	if code == "" {
		return "this is no answer of Microsoft Entra: check CORDON_AUTHORITY_URL"
	}
	return "look up the code in Microsoft's list of Entra error codes"
}

// describe turns MSAL's error into one that is safe to print and says what to do.
func (s *Source) describe(err error, scope string) *Error {
	var call msal.CallErr
	if errors.As(err, &call) && call.Resp != nil {
		return describeAnswer(call.Resp, scope)
	}
	var network *url.Error
	if errors.As(err, &network) {
		return describeNetwork(network, scope)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Scope: scope, Code: "network", Retryable: true, text: "the authority did not answer in time", err: context.DeadlineExceeded}
	}
	var undecodable msal.InvalidJsonErr
	if errors.As(err, &undecodable) {
		// Its text holds the answer, which may be a token.
		return &Error{Scope: scope, Retryable: true, text: "the authority's answer is not JSON: is there a proxy in between, or is CORDON_AUTHORITY_URL wrong?"}
	}
	// An answer that makes no sense: perhaps a wrong authority, perhaps a proxy that will be gone in a minute.
	return &Error{Scope: scope, Retryable: true, text: "the authority's answer is not understood, check CORDON_AUTHORITY_URL: " + s.scrub(err.Error())}
}

func describeAnswer(resp *http.Response, scope string) *Error {
	var body struct {
		Error string `json:"error"`
		Codes []int  `json:"error_codes"`
	}
	// An answer that is not JSON leaves both empty: the status alone tells then.
	_ = json.NewDecoder(resp.Body).Decode(&body)
	e := &Error{Scope: scope, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	if regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`).MatchString(body.Error) {
		e.Code = body.Error
	}
	if len(body.Codes) > 0 {
		e.Code = "AADSTS" + strconv.Itoa(body.Codes[0])
	}
	e.Retryable = e.Status == http.StatusTooManyRequests || e.Status >= 500
	name := strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code))
	if e.Retryable {
		e.text = name + ": the authority is throttling or out of order: try again later"
		return e
	}
	e.text = name + ": " + advice(e.Code)
	return e
}

func describeNetwork(err *url.Error, scope string) *Error {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return &Error{Scope: scope, Code: "tls", err: err.Err,
			text: fmt.Sprintf("the authority's certificate is not trusted: set CORDON_CA_FILE if it is signed by a CA of your own: %v", err.Err)}
	}
	return &Error{Scope: scope, Code: "network", Retryable: true, err: err.Err,
		text: fmt.Sprintf("the authority cannot be reached: %v", err.Err)}
}

// retryAfter reads a Retry-After header, seconds or HTTP date; 0 when it is absent, past or neither. An hour is the most.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.Atoi(strings.TrimSpace(header)); err == nil {
		wait = time.Duration(min(max(seconds, 0), 3600)) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), time.Hour)
}
