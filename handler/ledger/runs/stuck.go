package runs

import (
	"time"
)

// StuckAfter is how long a run may come back without getting on before people are told and Health says so.
const StuckAfter = 30 * time.Minute

// lastWithin is how long after its time the last try of a run may come and still be one of a row. Nobody tried in a
// longer gap, so the tries begin anew.
const lastWithin = time.Hour

// Stick notes that the run comes back without having got on, and from when on its next try is the last. While an outage
// lasts that is put off, as if the tries began now. A run that waits for its machine action needs no tries.
func (r *Run) Stick(now time.Time, tries time.Duration, outage bool) {
	if r.State == Waiting {
		return
	}
	begins := r.StuckSince.IsZero()
	if begins {
		r.StuckSince = now
	}
	if begins || outage || r.lastMissed(now) {
		r.LastTryAt = now.Add(tries)
	}
}

// WaitPatiently notes that the run waits for something that ends by itself, which is not being stuck, but has its time
// too.
func (r *Run) WaitPatiently(now time.Time, most time.Duration) {
	if r.State == Waiting {
		return
	}
	if r.LastTryAt.IsZero() || !r.StuckSince.IsZero() || r.lastMissed(now) {
		r.LastTryAt = now.Add(most)
	}
	r.StuckSince, r.StuckTold = time.Time{}, false
}

// WaitTurn notes that the run waits for a turn that it was promised. That is not being stuck, and no time in which it
// is tried.
func (r *Run) WaitTurn(now time.Time, wait time.Duration) {
	if r.TurnSince.IsZero() {
		r.TurnSince = now
	}
	if !r.StuckSince.IsZero() {
		r.StuckSince = r.StuckSince.Add(wait)
	}
	if !r.LastTryAt.IsZero() {
		r.LastTryAt = r.LastTryAt.Add(wait)
	}
}

// TurnsFor reports whether the run has come back for turns no longer than most. After that a wait for one is like any
// other.
func (r Run) TurnsFor(now time.Time, most time.Duration) bool {
	return r.TurnSince.IsZero() || now.Sub(r.TurnSince) < most
}

// lastMissed reports whether nobody tried the run when it was to be tried last, nor for a while after that.
func (r Run) lastMissed(now time.Time) bool {
	return now.Sub(r.LastTryAt) >= lastWithin
}

// IsLastTry reports whether the run, begun now, is held if it makes no progress.
func (r Run) IsLastTry(now time.Time) bool {
	return r.State != Waiting && !r.LastTryAt.IsZero() && !now.Before(r.LastTryAt) && !r.lastMissed(now)
}

// unstick notes that the run got on.
func (r *Run) unstick() {
	r.StuckSince = time.Time{}
	r.LastTryAt = time.Time{}
	r.TurnSince = time.Time{}
	r.StuckTold = false
}
