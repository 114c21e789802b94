// Package notice tells people: it groups what happened into notices, one mail per machine, incident and window, keeps
// them in the ledger until they are sent, and writes their text. What it says is what the ledger and the API's final
// answers say; it never calls something done that is only asked for.
package notice

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// Kind is what happened.
type Kind string

// The kinds of events. Those about a machine action are told once per machine and episode, those about nothing being
// done once per alert, machine, step, severity and cause, the others once per run and step.
const (
	Requested     Kind = "requested"     // the API accepted the request or one was under way; not confirmed yet
	StillPending  Kind = "still pending" // the machine has not confirmed for long
	Isolated      Kind = "isolated"      // the API's final word on an isolation is Succeeded
	Done          Kind = "done"          // so it is on another machine action, or another change was made
	Failed        Kind = "failed"        // the API's final word is Failed
	TimedOut      Kind = "timed out"     // the machine never came back
	Cancelled     Kind = "cancelled"     // somebody took the request back
	Released      Kind = "released"      // somebody released the machine
	ByRule        Kind = "released by a rule"
	LiftsSoon     Kind = "lifts soon"       // Defender is about to lift the isolation by itself
	Lifted        Kind = "lifted"           // and has, as far as is known: no action shows it
	Refused       Kind = "refused"          // the API will not do it
	Denied        Kind = "denied"           // a permission is missing; it is tried again
	Held          Kind = "held"             // a rail held it for a person
	Waits         Kind = "waits"            // what undoes it is under way; it is decided when that is over
	WouldIsolate  Kind = "would isolate"    // observe mode: nothing was done
	WouldDo       Kind = "would do"         // so it was for another step
	Skipped       Kind = "skipped"          // the machine does not know the action, or another run stands against it
	NoMachine     Kind = "no machine"       // the alert names no machine
	NotFound      Kind = "not found"        // alert or machine does not exist
	Duplicate     Kind = "duplicate"        // a second request slipped through and was taken back if possible
	Matched       Kind = "matched"          // a rule asked for mail only
	Parked        Kind = "parked"           // the run was set aside because it ends the process
	Stuck         Kind = "not answered yet" // the run comes back without getting on, and is tried further
	GaveUp        Kind = "not answered"     // the run ended without a decision, because the alert could not be read
	CapReached    Kind = "cap reached"      // a cap of the playbook holds what is beyond it
	UnknownAlerts Kind = "unknown alerts"   // alerts were asked for that nobody knows
	Overdue       Kind = "overdue"          // a function of Cordon itself does not succeed any more
	Recovered     Kind = "well again"       // and does again
	SourceOut     Kind = "source out"       // alerts cannot be read from one of two sources
	SourceBack    Kind = "source back"      // and can again
	Behind        Kind = "ledger behind"    // the ledger does not know what Cordon did
	Unready       Kind = "unready"          // a part of Cordon itself does not work as it is set
	Paused        Kind = "paused"           // a person stopped all acting
	Resumed       Kind = "resumed"          // a person let it go on
	ReleasedEarly Kind = "released before"  // the machine was released after this alert was seen; not isolated again
	HuntRows      Kind = "hunt rows"        // a turn of a hunt found rows that are new
	HuntEmpty     Kind = "hunt empty"       // a turn of a hunt found none, and that was to be told
	HuntFailed    Kind = "hunt failed"      // a turn of a hunt came to no result
)

// Event is one thing that people are told. Its JSON is stored with the notice.
type Event struct {
	Kind     Kind      `json:"kind"`
	At       time.Time `json:"at"`
	RunID    string    `json:"run"` // of events about Cordon itself: the function or the cap, and since when
	AlertID  string    `json:"alert"`
	Title    string    `json:"title,omitempty"`
	Severity string    `json:"severity,omitempty"`
	Incident int64     `json:"incident,omitempty"`
	Rule     string    `json:"rule,omitempty"`
	Note     string    `json:"note,omitempty"` // what the rule has to say to people; plain text

	MachineID   string `json:"machine,omitempty"`
	MachineName string `json:"name,omitempty"`
	// of the alert, with its domain; empty, as are group and tags: not known, or told by an event before
	User  string   `json:"user,omitempty"`
	Group string   `json:"group,omitempty"`
	Tags  []string `json:"tags,omitempty"`

	Episode  int    `json:"episode,omitempty"`
	ActionID string `json:"action,omitempty"`

	// which step or latch it is about; empty: an isolation, or no step
	Step string `json:"step,omitempty"`
	// of a machine action other than an isolation, and of what a cap holds
	Action machine.ActionType `json:"actionType,omitempty"`
	Scope  machine.Scope      `json:"scope,omitempty"`

	Hunt string    `json:"hunt,omitempty"`
	Turn time.Time `json:"turn,omitzero"` // of Hunt; the record of it has the rows

	Detail string `json:"detail,omitempty"` // a sentence: why, or what to do
	// of what is not done for this alert: it is so or under way all the same, for another
	Stands Standing `json:"stands,omitempty"`
	// of a machine action that came to nothing: Cordon asks for it again by itself
	Again bool `json:"again,omitempty"`
	// of what is held: it is on no list, because the machine was not read
	Unlisted bool `json:"unlisted,omitempty"`
	// Detail without what differs at every look, such as an age; empty: it has nothing of the kind
	Cause string `json:"cause,omitempty"`
	// how often the same was told before, and then something else; of what is not done
	Times int      `json:"times,omitempty"`
	To    []string `json:"to,omitempty"` // empty: the recipients of the group, else the configured ones
	seq   int
	told  time.Time // when it was recorded, which may be long after At
}

// Standing is how far a machine action is that was asked for for another alert.
type Standing string

// How far it is; empty: there is none.
const (
	UnderWay Standing = "under way"
	InForce  Standing = "in force"
)

// Key identifies the event within its group: telling it again is nothing new. That nothing is done is told once per
// alert, machine, step, severity and cause, whatever becomes of the alert: its next version is no news if all that is
// as it was.
func (e Event) Key() string {
	about := e.MachineID
	if e.Step != "" {
		about += ":" + e.Step
	}
	switch e.Kind {
	case LiftsSoon:
		// Another isolation may take the place of the first, and is lifted later.
		return fmt.Sprintf("%s:e%d:%s:%s", about, e.Episode, e.ActionID, e.Kind)
	case Requested, StillPending, Isolated, Failed, TimedOut, Cancelled, Lifted:
		return fmt.Sprintf("%s:e%d:%s", about, e.Episode, e.Kind)
	case NoMachine:
		return fmt.Sprintf("%s::%s:%s", e.AlertID, e.Kind, e.cause())
	case Held, WouldIsolate, WouldDo, Skipped, NotFound, Refused, Denied, ReleasedEarly:
		return fmt.Sprintf("%s:%s:%s:%s", e.AlertID, about, e.Kind, e.cause())
	case Waits:
		return fmt.Sprintf("%s:%s:%s:%s", e.AlertID, about, e.ActionID, e.Kind)
	case Released, ByRule:
		// Both who asked for the release and who had asked for the isolation hear of it.
		return fmt.Sprintf("%s:%s:%s", about, e.ActionID, e.Kind)
	case Done:
		if e.Action != "" {
			return fmt.Sprintf("%s:e%d:%s", about, e.Episode, e.Kind)
		}
	case Matched:
		return fmt.Sprintf("%s:%s:%s:%s", e.AlertID, e.Rule, e.Severity, e.Kind)
	case HuntRows, HuntEmpty, HuntFailed:
		return fmt.Sprintf("%s:%s:%s", e.Hunt, e.Turn.UTC().Format(time.RFC3339), e.Kind)
	}
	return fmt.Sprintf("%s:%s:%s", e.RunID, about, e.Kind)
}

// cause stands for why the event is told, of an alert of which severity, and for whether it is told anew or the machine
// is so all the same.
func (e Event) cause() string {
	return alert.SHA256(fmt.Appendf(nil, "%s %d %v %s", e.Severity, e.Times, e.Stands != "",
		cmp.Or(e.Cause, e.Detail)))[:16]
}

// Group names the notice group of an alert for some recipients: its incident if it has one, else the alert itself.
// No recipients means the configured ones.
func Group(a alert.Alert, to []string) string {
	group := "alert:" + a.ID
	if a.IncidentID != 0 {
		group = fmt.Sprintf("incident:%d", a.IncidentID)
	}
	if len(to) == 0 {
		return group
	}
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join(slices.Sorted(slices.Values(to)), ","))))
	return group + ":" + hex.EncodeToString(sum[:6])
}

// OperatorGroup is the notice group of what only those hear who look after Cordon.
const OperatorGroup = "operator"

// HuntGroup names the notice group of a turn of a hunt: each turn is one mail.
func HuntGroup(hunt string, turn time.Time) string {
	return "hunt:" + hunt + ":" + turn.UTC().Format(time.RFC3339)
}
