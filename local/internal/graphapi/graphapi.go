// Package graphapi is what every stand-in for a part of Microsoft Graph does alike: tokens, refusals in Graph's
// envelope, and faults on demand.
package graphapi

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Claims are what a token says about its bearer.
type Claims struct {
	Audience string   // the API that the token is for
	Roles    []string // application permissions
	AppID    string   // the client id of the app registration
}

// Refusal is an error answer of Graph; the zero value is none.
type Refusal struct {
	Status  int
	Code    string
	Message string
}

// No makes a refusal.
func No(status int, code, message string) Refusal { return Refusal{status, code, message} }

// Fault changes what happens to one request. The zero value is no fault.
type Fault struct {
	Status     int           // answered instead of handling the request; 0 handles it
	Code       string        // of the error that goes with Status
	Message    string        // of the same error; empty: one of the stand-in's own. Not for mail
	RetryAfter time.Duration // sent with Status, as whole seconds; 0 leaves the header out
	Delay      time.Duration // real time between handling and answer, or until the client goes away
	LoseAnswer bool          // the request is handled and the connection broken instead of an answer
	Cut        bool          // the connection is broken in the middle of the answer. Not for mail
	Empty      bool          // a list is answered with nothing in it. Only for alerts
}

// Next asks for the fault of a request; nil is none.
func Next(fault func(*http.Request) *Fault, r *http.Request) Fault {
	if fault == nil {
		return Fault{}
	}
	if f := fault(r); f != nil {
		return *f
	}
	return Fault{}
}

// Refusal is the answer that the fault asks for.
func (f Fault) Refusal() Refusal {
	if f.Message == "" {
		return Refusal{f.Status, f.Code, "Refused on request."}
	}
	return Refusal{f.Status, f.Code, f.Message}
}

// Gate reads the tokens of callers.
type Gate struct {
	// Verify reads a bearer token, given without "Bearer "; an error is answered with 401. Nil: nobody needs one.
	Verify   func(token string) (Claims, error)
	Audience string // what a token must be for; empty: anything
}

// Claims reads the caller's token. Without Verify there are none, and none are needed.
func (g Gate) Claims(r *http.Request) (Claims, Refusal) {
	if g.Verify == nil {
		return Claims{}, Refusal{}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	claims, err := g.Verify(token)
	if !strings.EqualFold(scheme, "Bearer") || err != nil {
		return Claims{}, unauthorized("Lifetime validation failed, the token is expired.")
	}
	if g.Audience != "" && strings.TrimSuffix(claims.Audience, "/") != strings.TrimSuffix(g.Audience, "/") {
		return Claims{}, unauthorized("Access token validation failure. Invalid audience.")
	}
	return claims, Refusal{}
}

func unauthorized(message string) Refusal {
	return Refusal{http.StatusUnauthorized, "InvalidAuthenticationToken", message}
}

// Wait lets real time pass and reports false if the client goes away first.
func Wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return false
	case <-timer.C:
		return true
	}
}

// Refuse answers with a refusal in Graph's envelope.
func Refuse(w http.ResponseWriter, no Refusal, retryAfter time.Duration) {
	id := Identify(w)
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((retryAfter+time.Second-1)/time.Second)))
	}
	if no.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate",
			`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(no.Status)
	// The only failure is a client that has gone away.
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"code":    no.Code,
		"message": no.Message,
		"innerError": map[string]string{
			"date":              time.Now().UTC().Format("2006-01-02T15:04:05"),
			"request-id":        id,
			"client-request-id": id,
		},
	}})
}

// Identify gives an answer an id of its own.
func Identify(w http.ResponseWriter) string {
	id := NewID()
	w.Header().Set("request-id", id)
	w.Header().Set("client-request-id", id)
	return id
}

// NewID has the form of a UUID.
func NewID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
