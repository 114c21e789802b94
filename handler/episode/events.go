package episode

import (
	"fmt"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// Event begins an event about the episode of a latch.
func Event(l latches.Latch, kind notice.Kind, at time.Time) notice.Event {
	e := notice.Event{
		Kind:        kind,
		At:          at.UTC(),
		MachineID:   l.MachineID,
		MachineName: l.MachineName,
		Episode:     l.Episode,
		ActionID:    l.ActionID,
	}
	if l.Kind != latches.Isolation {
		e.Step = l.Kind
		e.Action = l.Desired
		e.Scope = l.Scope
	}
	return e
}

// ReleaseEvent tells that a lasting state was undone by an action.
func ReleaseEvent(l latches.Latch, a machine.Action, now time.Time) notice.Event {
	e := Event(l, notice.Released, now)
	if hasMark(a) {
		e.Kind = notice.ByRule
	}
	e.At, e.ActionID = a.Updated, a.ID
	e.Detail = fmt.Sprintf("Released by %s (%s): %s", a.Requestor, a.RequestSource, a.Comment)
	return e
}

// DoneKind is what people are told of a machine action that Succeeded.
func DoneKind(t machine.ActionType) notice.Kind {
	if t == machine.Isolate {
		return notice.Isolated
	}
	return notice.Done
}

// FailedKind is what people are told of a machine action that came to nothing.
func FailedKind(s machine.ActionStatus) notice.Kind {
	switch s {
	case machine.TimeOut:
		return notice.TimedOut
	case machine.Cancelled:
		return notice.Cancelled
	}
	return notice.Failed
}

// FinalDetail says how a machine action ended, for people.
func FinalDetail(a machine.Action) string {
	detail := fmt.Sprintf("Action %s is %s since %s.", a.ID, a.Status,
		a.Updated.Format(time.RFC3339))
	if a.Status == machine.Cancelled && a.CancelledBy != "" {
		detail += fmt.Sprintf(" Cancelled by %s: %s", a.CancelledBy, a.CancelComment)
	}
	if a.ErrorHResult != 0 {
		detail += " Error " + machine.ResultText(a.ErrorHResult) + "."
	}
	return detail
}

// EndReleased ends the episode of a latch with a release.
func EndReleased(l *latches.Latch, a machine.Action, now time.Time) {
	l.State, l.EndedAt, l.ReleasedAt, l.EndReason = latches.Ended, now.UTC(), a.Created, ReleaseEvent(*l, a, now).Detail
	if l.UndoneBy != "" && !IsOf(a, l.UndoneBy) {
		l.UndoneBy = "" // a person was first
	}
}
