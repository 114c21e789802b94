package runs

import (
	"cmp"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/ledger/latches"
)

// StaysReleased finds the release after which the run is not to bring the latch's state about again; false if there is
// none. What was released stays released for the alert it was released for: the versions that follow it change nothing,
// unless the alert became more severe than it was at the release, is about another machine, or was resolved and opened
// again. A person's release is meant for every alert seen before it that asked for the state, or might have; a rule's
// for those that had joined the episode. A run that a person let go on after the release goes on.
//
// The answer follows from the versions of the alert and from the latch alone, so it is the same however often it is
// asked.
func (r Record) StaysReleased(run Run, l latches.Latch) (latches.Release, bool) {
	all := l.AllReleases()
	slices.SortStableFunc(all, func(a, b latches.Release) int { return cmp.Compare(b.At.UnixNano(), a.At.UnixNano()) })
	for _, release := range all {
		if !r.concerned(run, l.Kind, release) {
			continue
		}
		if run.LeaveAt.After(release.At) {
			return latches.Release{}, false
		}
		if release.ByRun == "" && !run.ObservedAt.After(release.At) {
			return release, true
		}
		return release, !r.roseSince(run, release)
	}
	return latches.Release{}, false
}

// concerned reports whether a release was meant for the run's alert.
func (r Record) concerned(run Run, kind string, release latches.Release) bool {
	if release.ByRun == "" && !run.ObservedAt.After(release.At) {
		return true
	}
	for _, before := range r.before(run, release) {
		switch {
		case release.ByRun == "":
			if before.mayHaveWanted(kind) {
				return true
			}
		case before.ID() == release.ByRun || before.EpisodeOf(kind) == release.Episode:
			return true
		}
	}
	return false
}

// before are the versions of the alert below the run's that were seen before a release, oldest first. A row that a hunt
// finds anew has none: each time it is found it is news.
func (r Record) before(run Run, release latches.Release) []Run {
	var before []Run
	if alert.IsFinding(run.AlertID) {
		return nil
	}
	for _, other := range r.Runs {
		if other.Version > 0 && other.Version < run.Version && !other.ObservedAt.After(release.At) {
			before = append(before, other)
		}
	}
	return before
}

// mayHaveWanted reports whether the run asked for a latch's state, or ended before anybody decided whether it would.
func (r Run) mayHaveWanted(kind string) bool {
	return r.Book == "" || r.EpisodeOf(kind) > 0 || r.ofLatch(kind) != nil
}

// roseSince reports whether the alert calls for more than it did when the release was asked for.
func (r Record) roseSince(run Run, release latches.Release) bool {
	seen := r.before(run, release)
	if len(seen) == 0 {
		return true
	}
	then := seen[len(seen)-1]
	if alert.Severity(run.Severity).Rank() > alert.Severity(then.Severity).Rank() || run.MachineID != then.MachineID {
		return true
	}
	resolved := then.resolved()
	for _, other := range r.Runs {
		if other.Version <= then.Version || other.Version > run.Version {
			continue
		}
		if resolved && !other.resolved() {
			return true
		}
		resolved = other.resolved()
	}
	return false
}

func (r Run) resolved() bool {
	return strings.EqualFold(r.Status, string(alert.StatusResolved))
}
