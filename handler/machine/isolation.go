package machine

import (
	"cmp"
	"strings"
	"time"
)

// Whether a machine is isolated, or its apps restricted, is no field of the API: it follows from the machine's actions
// and the time. Facts, as of November 2026: actions may complete in another order than they were created, and what
// holds is the last to complete (observed, MicrosoftDocs/microsoft-365-docs issue 5903). Defender lifts an isolation
// after seven days and lists no action for it ("Take response actions on a device"). How attack disruption's own
// isolations show is not documented.

// Owner is who asked for a machine action, as far as the API shows it.
type Owner string

// The owners. None of them is empty, so that the zero value means that there is nothing to own.
const (
	ByCordon    Owner = "cordon"
	ByPerson    Owner = "person"
	ByAutomatic Owner = "automatic" // attack disruption
	ByUnknown   Owner = "unknown"   // another application, most likely
)

// AutomaticLasts is how long an isolation by attack disruption counts at most. It is limited in time and the time is
// not published; a machine that is taken for isolated longer than it is stays unprotected.
const AutomaticLasts = 24 * time.Hour

// markBegins begins the comment of every machine action that Cordon asks for.
const markBegins = "[cordon "

// Marked reports whether an action's comment begins as the mark of some Cordon's request does, whole or not.
func (a Action) Marked() bool {
	return strings.HasPrefix(a.Comment, markBegins)
}

// OfIsolation reports whether an action isolates a machine or releases one.
func (a Action) OfIsolation() bool {
	return a.Type == Isolate || a.Type == Unisolate
}

// Owners are who asked for actions that somebody keeps a record of, by the actions' ids.
type Owners map[string]Owner

// AskedBy says who asked for an action: by the record, else by what the action shows. A mark in a comment that was
// written in the portal proves nothing. That an action without comment and requestor is attack disruption's is an
// assumption: no page shows one.
func (a Action) AskedBy(known Owners) Owner {
	name, domain, isUPN := strings.Cut(a.Requestor, "@")
	switch {
	case known[a.ID] != "":
		return known[a.ID]
	case a.Marked() && !strings.EqualFold(a.RequestSource, "Portal"):
		return ByCordon
	case isUPN && name != "" && domain != "":
		return ByPerson
	case a.Requestor == "" && a.Comment == "":
		return ByAutomatic
	}
	return ByUnknown
}

// State is what a machine's actions say of a lasting state, such as its isolation. The zero value: no action says
// anything, so it is not in that state.
type State struct {
	Is     bool      // the machine is in the state
	Since  time.Time // since when it is or is no longer, by the API's clock
	Until  time.Time // when Defender ends it by itself, or has; zero: it does not, or a release came first
	Action Action    // what made it so: the one that holds or held, or the one that undid it
	By     Owner     // who asked for Action
}

// Lifted reports whether the state is over because its time was.
func (s State) Lifted() bool {
	return !s.Is && !s.Until.IsZero()
}

// Completed orders actions that Succeeded by when they did. One without a time of its last change counts from its
// creation.
func (a Action) Completed() time.Time {
	if a.Updated.IsZero() {
		return a.Created
	}
	return a.Updated
}

// completedAfter compares by completion; of two of the same moment the one that was created later came last.
func (a Action) completedAfter(b Action) bool {
	return cmp.Or(a.Completed().Compare(b.Completed()), a.Created.Compare(b.Created)) > 0
}

// UndoneBy finds the release that completed last after an action, nil if none did: what undoes it, whenever it was
// created.
func (a Action) UndoneBy(actions []Action) *Action {
	return lastDone(actions, a.Type.Opposite(), func(b Action) bool {
		return b.completedAfter(a)
	})
}

// lastDone finds the action of a type that Succeeded last, of those that are wanted; nil if there is none.
func lastDone(actions []Action, t ActionType, wanted func(Action) bool) *Action {
	var last *Action
	for _, a := range actions {
		if a.Type == t &&
			a.Status == Succeeded &&
			wanted(a) &&
			(last == nil || a.completedAfter(*last)) {
			last = &a
		}
	}
	return last
}

// LiftOf is when Defender ends a lasting state by itself that an action of this type brought about at a time; zero if
// it does not, or if lift, which is how long an isolation lasts, is not known.
func LiftOf(t ActionType, by Owner, completed time.Time, lift time.Duration) time.Time {
	spec, _ := SpecOf(t)
	if !spec.Lifts || lift <= 0 || completed.IsZero() {
		return time.Time{}
	}
	if by == ByAutomatic {
		lift = min(lift, AutomaticLasts)
	}
	return completed.Add(lift)
}

// StateOf says whether a machine is in the lasting state that actions of a type lead to, given the machine's actions in
// any order and the time. What completed last decides. Of several isolations that no release undid, the one that lasts
// longest does: a short automatic one on top of another does not end it. lift is how long Defender lets an isolation
// stand.
func StateOf(
	t ActionType,
	actions []Action,
	now time.Time,
	lift time.Duration,
	known Owners,
) State {
	var s State
	for _, a := range actions {
		if a.Type != t || a.Status != Succeeded || a.UndoneBy(actions) != nil {
			continue
		}
		by := a.AskedBy(known)
		until := LiftOf(t, by, a.Completed(), lift)
		if s.By == "" ||
			until.After(s.Until) ||
			until.Equal(s.Until) && a.completedAfter(s.Action) {
			s = State{
				Is:     until.IsZero() || now.Before(until),
				Since:  a.Completed(),
				Until:  until,
				Action: a,
				By:     by,
			}
		}
	}
	switch release := lastDone(actions, t.Opposite(), func(Action) bool { return true }); {
	case s.By == "" && release != nil:
		return State{
			Since:  release.Completed(),
			Action: *release,
			By:     release.AskedBy(known),
		}
	case s.By != "" && !s.Is:
		s.Since = s.Until
	}
	return s
}
