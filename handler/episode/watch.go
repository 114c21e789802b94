package episode

import (
	"slices"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// Standing is what is true of a state that was reached.
type Standing struct {
	Latch    latches.Latch   // brought up to what the actions say
	Changed  bool            // Latch is another than the one that was asked about
	Until    time.Time       // until when the state lasts by another action than before; zero: by the same
	Released *machine.Action // what ended the state; nil: nothing did
	Release  machine.Action  // a release under way; its zero value: none
	LiftDue  bool            // Defender has lifted the isolation by now, unless Release says otherwise
}

// Watch says what the actions of a machine show of the state that its latch has reached: it was released, it lasts
// longer by another action, it is about to be released, or its time is over.
func Watch(l latches.Latch, actions []machine.Action, now time.Time, lift time.Duration) Standing {
	s := Standing{Latch: l}
	s.Changed = noteCompletion(&s.Latch, actions)
	s.Released = DoneAction(s.Latch).UndoneBy(actions)
	if s.Released != nil {
		return s
	}
	s.Until = prolong(&s.Latch, actions, now, lift)
	if !s.Until.IsZero() {
		s.Changed = true
	}
	s.Release = releaseUnderWay(s.Latch, actions)
	s.LiftDue = LiftDue(s.Latch, now, lift)
	return s
}

// WaitsForRelease reports whether a lift that is due waits for the release that is under way: only its end says
// whether a person's word stands. Whatever lists one as open for longer than Defender tries is not waited for.
func (s Standing) WaitsForRelease(now time.Time) bool {
	return s.Release.ID != "" && now.Sub(s.Release.Created) < PatientFor
}

// noteCompletion fills in what rows from before it was kept do not have.
func noteCompletion(l *latches.Latch, actions []machine.Action) (changed bool) {
	done := func(a machine.Action) bool {
		return a.ID == l.ActionID && a.Status == machine.Succeeded
	}
	i := slices.IndexFunc(actions, done)
	if i < 0 || !l.AchievedAt.IsZero() {
		return false
	}
	l.AchievedAt, l.Owner = actions[i].Completed(), actions[i].AskedBy(Owners(*l))
	return true
}

// prolong makes the isolation that stands the latch's, if Defender lifts it later than the latch's own, such as one
// that a person asked for meanwhile: the machine is isolated until then. The answer is until when; zero: nothing has
// changed.
func prolong(
	l *latches.Latch,
	actions []machine.Action,
	now time.Time,
	lift time.Duration,
) time.Time {
	own := LiftOf(*l, lift)
	is := StateOf(*l, actions, now, lift)
	if own.IsZero() ||
		!is.Is ||
		is.Action.ID == l.ActionID ||
		!is.Until.After(own) {
		return time.Time{}
	}
	Own(l, is.Action, !Marks(is.Action, *l))
	l.AchievedAt, l.LiftTold = is.Since, false
	return is.Until
}

// releaseUnderWay is the oldest release that is not over; its zero value if there is none.
func releaseUnderWay(l latches.Latch, actions []machine.Action) (open machine.Action) {
	for _, a := range actions {
		if a.Type == l.Desired.Opposite() &&
			!a.Status.Final() &&
			(open.ID == "" || a.Created.Before(open.Created)) {
			open = a
		}
	}
	return open
}
