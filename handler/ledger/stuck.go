package ledger

import "time"

// StuckAfter is how long a run may come back without getting on before people are told and Health says so.
const StuckAfter = 30 * time.Minute

// lastWithin is how long after its time the last try of a run may come and still be one of a row. Nobody tried in a longer gap,
// so the tries begin anew.
const lastWithin = time.Hour

// Stick notes that the run comes back without having got on, and from when on its next try is the last. While an outage lasts
// that is put off, as if the tries began now.
func (r *Run) Stick(now time.Time, tries time.Duration, outage bool) {
	begins := r.StuckSince.IsZero()
	if begins {
		r.StuckSince = now
	}
	if begins || outage || now.Sub(r.LastTryAt) >= lastWithin {
		r.LastTryAt = now.Add(tries)
	}
}

// WaitPatiently notes that the run waits for something that ends by itself, which is not being stuck, but has its time too.
func (r *Run) WaitPatiently(now time.Time, most time.Duration) {
	if r.LastTryAt.IsZero() || !r.StuckSince.IsZero() {
		r.LastTryAt = now.Add(most)
	}
	r.StuckSince, r.StuckTold = time.Time{}, false
}

// IsLastTry reports whether the run, begun now, is held if it does not get on.
func (r Run) IsLastTry(now time.Time) bool {
	return !r.LastTryAt.IsZero() && !now.Before(r.LastTryAt) && now.Sub(r.LastTryAt) < lastWithin
}

// unstick notes that the run got on.
func (r *Run) unstick() { r.StuckSince, r.LastTryAt, r.StuckTold = time.Time{}, time.Time{}, false }

// Stuck is what Health says of the runs that do not get on.
type Stuck struct {
	Runs   int       `json:"runs"`
	Oldest string    `json:"oldest"`
	Since  time.Time `json:"since"`
	Why    string    `json:"why"` // of the oldest
}

// add counts a run that does not get on.
func (s *Stuck) add(run Run, now time.Time) {
	if run.StuckSince.IsZero() || now.Sub(run.StuckSince) < StuckAfter {
		return
	}
	s.Runs++
	if s.Oldest == "" || run.StuckSince.Before(s.Since) {
		s.Oldest, s.Since, s.Why = run.ID(), run.StuckSince, cut(run.Trouble, 300)
	}
}
