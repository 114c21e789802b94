package episode

import (
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// MaxReissues bounds how often the machine action of one run is asked for again after it failed.
const MaxReissues = 2

// mendable reports whether an episode ended in a way that another request may mend: the action failed or the machine
// did not come back. What a person cancelled or released, a rail held or the API refused stays as it is.
func mendable(l latches.Latch) bool {
	failed := l.EndKind == string(notice.Failed) || l.EndKind == string(notice.TimedOut)
	return failed && l.State == latches.Ended && l.ReleasedAt.IsZero()
}

// MayReissue reports whether a run may ask again for what a latch owns, after its episode ended.
func MayReissue(run runs.Run, l latches.Latch) bool {
	own := run.EpisodeOf(l.Kind) == l.Episode
	return own &&
		mendable(l) &&
		!run.IsOver(l.Kind) &&
		run.ReissuesOf(l.Kind) < MaxReissues
}

// Answers reports whether the run is the one that decides for its alert: the newest version's, or one before it as
// long as that one has not decided otherwise.
func Answers(record runs.Record, run runs.Run) bool {
	latest, exists := record.Latest()
	return exists &&
		(latest.Version == run.Version || latest.Book == "" && !latest.State.Final())
}

// Reissue lets a run begin a new episode in place of the one that failed. It is written once: the run's episode is none
// afterwards.
func Reissue(run *runs.Run, kind string, due time.Time) {
	run.Again(kind, "the machine action failed and is asked for again", due)
	run.CountReissue(kind)
}

// CloseWith ends the step of a run with its episode, if it is the run's and the step is not over; with its last step
// the run is closed.
func CloseWith(
	run *runs.Run,
	l latches.Latch,
	outcome, reason string,
	at time.Time,
) (changed bool) {
	if run.IsOver(l.Kind) || run.EpisodeOf(l.Kind) != l.Episode {
		return false
	}
	NoteIsolation(run, l)
	run.FinishLatch(l.Kind, outcome, reason, at)
	return true
}

// NoteIsolation notes in a run when the isolation that it ends with reached the machine, if Cordon asked for it. One
// that stood when the run was observed was not made for it.
func NoteIsolation(run *runs.Run, l latches.Latch) {
	ours := l.Kind == latches.Isolation &&
		l.By() == machine.ByCordon &&
		l.ActionStatus == machine.Succeeded
	if ours && !l.AchievedAt.Before(run.ObservedAt) {
		run.IsolatedAt = l.AchievedAt
	}
}
