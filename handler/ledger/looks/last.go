package looks

import (
	"time"

	"cordon/handler/alert"
)

// last is what one source showed last.
type last struct {
	hash    string
	updated time.Time
	behind  bool
}

func (l *Looks) last(s alert.Source) last {
	if s == alert.Graph {
		return last{l.GraphHash, l.GraphUpdated, l.GraphBehind}
	}
	return last{l.Hash, l.Updated, l.Behind}
}

func (l *Looks) put(s alert.Source, to last) {
	if s == alert.Graph {
		l.GraphHash = to.hash
		l.GraphUpdated = to.updated
		l.GraphBehind = to.behind
		return
	}
	l.Hash = to.hash
	l.Updated = to.updated
	l.Behind = to.behind
}

// ShownBy reports whether a source showed Version.
func (l *Looks) ShownBy(s alert.Source) bool {
	last := l.last(s)
	return last.hash != "" && !last.behind
}

// UpdatedBy is when the alert was last updated, as a source showed it; zero if it never did.
func (l *Looks) UpdatedBy(s alert.Source) time.Time {
	return l.last(s).updated
}

// only keeps what one source showed, and that the others have not shown it yet.
func (l *Looks) only(s alert.Source, to last) {
	l.Behind = l.Hash != ""
	l.GraphBehind = l.GraphHash != ""
	l.put(s, to)
}
