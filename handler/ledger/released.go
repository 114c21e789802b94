package ledger

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// Release is one end of a lasting state of a machine that somebody asked for, such as the release of an isolation.
type Release struct {
	Episode int       `json:"episode"`         // that it ended
	At      time.Time `json:"at"`              // when it was asked for, by the API's clock
	ByRun   string    `json:"byRun,omitempty"` // the run whose rule asked for it; empty: a person did
	Why     string    `json:"why,omitempty"`   // the sentence that people were told
}

// Releases are the ends of a latch's earlier episodes that somebody asked for, oldest first. In a row they are a text, for a
// row holds no lists.
type Releases []Release

// How many releases a latch remembers, and how much of what was said of each. An alert is judged by the newest that was meant
// for it, so only many releases for other alerts make one forgotten.
const (
	releasesKept = 30
	releaseWhy   = 300
)

// MarshalText implements encoding.TextMarshaler.
func (r Releases) MarshalText() ([]byte, error) { return outgoing.Encode([]Release(r)) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Releases) UnmarshalText(text []byte) error {
	var releases []Release
	if err := json.Unmarshal(text, &releases); err != nil {
		return fmt.Errorf("releases of a latch: %w", err)
	}
	*r = releases
	return nil
}

// AllReleases are those of the earlier episodes and that of the newest, if it ended with one.
func (l Latch) AllReleases() Releases {
	all := slices.Clone(l.Releases)
	if !l.ReleasedAt.IsZero() {
		all = append(all, Release{l.Episode, l.ReleasedAt, l.UndoneBy, rows.Cut(l.EndReason, releaseWhy)})
	}
	return all[max(len(all)-releasesKept, 0):]
}

// StaysReleased finds the release after which the run is not to bring the latch's state about again; false if there is none.
// What was released stays released for the alert it was released for: the versions that follow it change nothing, unless the
// alert became more severe than it was at the release, is about another machine, or was resolved and opened again. A person's
// release is meant for every alert seen before it that asked for the state, or might have; a rule's for those that had joined
// the episode. A run that a person let go on after the release goes on.
//
// The answer follows from the versions of the alert and from the latch alone, so it is the same however often it is asked.
func (r Record) StaysReleased(run Run, l Latch) (Release, bool) {
	all := l.AllReleases()
	slices.SortStableFunc(all, func(a, b Release) int { return cmp.Compare(b.At.UnixNano(), a.At.UnixNano()) })
	for _, release := range all {
		if !r.concerned(run, l.Kind, release) {
			continue
		}
		if run.LeaveAt.After(release.At) {
			return Release{}, false
		}
		if release.ByRun == "" && !run.ObservedAt.After(release.At) {
			return release, true
		}
		return release, !r.roseSince(run, release)
	}
	return Release{}, false
}

// concerned reports whether a release was meant for the run's alert.
func (r Record) concerned(run Run, kind string, release Release) bool {
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

// before are the versions of the alert below the run's that were seen before a release, oldest first. A row that a hunt finds
// anew has none: each time it is found it is news.
func (r Record) before(run Run, release Release) []Run {
	var before []Run
	if IsFinding(run.AlertID) {
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
func (r Record) roseSince(run Run, release Release) bool {
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

func (r Run) resolved() bool { return strings.EqualFold(r.Status, string(alert.StatusResolved)) }
