// Package wire is the operator API as it is written in JSON: its routes, what is asked and what is answered. The server
// (handler/operate) and the command line share it; nothing here knows where an answer comes from.
//
// Neighbours: handler/operate answers, handler/operate/client asks.
package wire

import (
	"fmt"
	"net/http"
	"time"
)

// Base begins the path of every route.
const Base = "/api/operator"

// Role is an app role of the registration "Cordon". Operator and Approver include reading.
type Role string

// The roles. Anybody is for what needs no sign-in.
const (
	Anybody  Role = ""
	Reader   Role = "Cordon.Reader"
	Operator Role = "Cordon.Operator"
	Approver Role = "Cordon.Approver"
)

// Problem is a problem document (RFC 9457), and the error that a client makes of one.
type Problem struct {
	Type   string `json:"type"`  // always about:blank
	Title  string `json:"title"` // of the status
	Status int    `json:"status"`
	Code   string `json:"code"`   // a word for programs
	Detail string `json:"detail"` // a sentence for people: what is missing, and the way out
	// RetryAfter is when a repeat of the same request may work, in seconds; 0: never, or nobody knows.
	RetryAfter int `json:"retryAfter,omitzero"`
}

// NewProblem makes a problem: a word for programs, and a sentence for people.
func NewProblem(status int, code, detail string) *Problem {
	return &Problem{
		Type:   "about:blank",
		Title:  http.StatusText(status),
		Status: status,
		Code:   code,
		Detail: detail,
	}
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// Order begins every write. The id of a command is made by whoever asks: the same id is done once, however often it is
// sent, and answered with what became of it. For another order it is refused.
type Order struct {
	Command string `json:"command"` // 8 to 64 letters, digits and hyphens
	Reason  string `json:"reason"`  // why, 1 to 500 characters; others read it
}

// Result is what became of one thing that was asked for.
type Result struct {
	Object  string `json:"object"`         // id of the machine, alert, action, mail or dead letter
	Name    string `json:"name,omitempty"` // as people know it
	Done    bool   `json:"done"`           // so now, or asked for where it takes time
	Outcome string `json:"outcome"`        // a sentence: what became of it, or why nothing did
	Action  string `json:"action,omitempty"`
	// Unknown: nobody knows whether it was done. Look before asking again under a new command id.
	Unknown bool `json:"unknown,omitzero"`
}

// Results are what became of an order.
type Results struct {
	Command string   `json:"command"`
	Results []Result `json:"results"`
	// Repeated: the order was done before; these are the results of then.
	Repeated bool `json:"repeated,omitzero"`
}

// Missed counts what was not done.
func (r Results) Missed() int {
	missed := 0
	for _, one := range r.Results {
		if !one.Done {
			missed++
		}
	}
	return missed
}

// Me is who asks, as the API sees it.
type Me struct {
	Name     string    `json:"name"` // user principal name; of an app its id
	ObjectID string    `json:"objectId"`
	Tenant   string    `json:"tenant"`
	Roles    []Role    `json:"roles"`
	App      bool      `json:"app,omitzero"`   // an app without a person: it may read only
	Until    time.Time `json:"until,omitzero"` // when the token ends; zero: there is none
	Version  string    `json:"version"`        // of Cordon
}

// SignIn says how to sign in at an app; anybody may read it.
type SignIn struct {
	Tenant string `json:"tenant"`
	API    string `json:"api"`   // client id of the registration "Cordon"
	CLI    string `json:"cli"`   // client id of the registration "Cordon CLI"; empty: there is none
	Cloud  string `json:"cloud"` // as CORDON_CLOUD
	// Authority is where tokens come from, for an app on this computer only; a client believes no other.
	Authority string `json:"authority,omitempty"`
}

// Scope is what a token for an app has to be asked for. The host is part of it: an app that pretends to be another
// gets no token that the other would take.
func (s SignIn) Scope(host string) string {
	return fmt.Sprintf("api://%s/%s/Cordon.Use", host, s.API)
}
