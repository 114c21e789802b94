package machine

import (
	"errors"
	"time"
)

// Trouble says what an error of the API means for whoever asked, above all whether the request was carried out.
type Trouble int

// The kinds of trouble. The zero value is used for errors that are none of the API's.
const (
	NoTrouble Trouble = iota
	// not carried out; a later try may work: quota, service down before the request was taken, no connection
	Transient
	Denied        // not carried out: token or permission is missing; a later try works once a person has mended it
	UnknownFate   // the request may have been carried out: look before asking again
	AlreadyActive // not carried out: an action of that kind is under way on the machine
	NotFound      // alert, machine or action does not exist, or not yet
	Refused       // not carried out, and a repeat would be answered the same
	Unsupported   // refused because the machine's platform, or the client on it, does not know the action
)

func (t Trouble) String() string {
	names := [...]string{
		"no trouble", "transient", "denied", "unknown fate", "already active", "not found", "refused", "unsupported",
	}
	if t < 0 || int(t) >= len(names) {
		return "trouble of no known kind"
	}
	return names[t]
}

// APIError is what the errors of the API's client say about themselves; it is found with errors.As.
type APIError interface {
	error
	// Trouble classifies the error.
	Trouble() Trouble
	// RetryAfter is how long the service asked to wait, 0 if it did not say.
	RetryAfter() time.Duration
}

// TroubleOf classifies any error: NoTrouble for nil, Transient for one that is no APIError, because something between
// here and the API failed before a request was sent.
func TroubleOf(err error) (Trouble, time.Duration) {
	if err == nil {
		return NoTrouble, 0
	}
	var api APIError
	if errors.As(err, &api) {
		return api.Trouble(), api.RetryAfter()
	}
	return Transient, 0
}
