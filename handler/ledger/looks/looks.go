// Package looks tells news of an alert from what is known of it, whichever source showed it. Two sources write the same
// alert differently, show it at different times, and either may fail: what one shows is held against what the same one
// showed before, and only where another source showed the newest version against what both say in the same words.
// Neighbours: handler/ledger/runs, which keeps this with the alert, and handler/poll, which looks.
package looks

import (
	"time"

	"cordon/handler/alert"
)

// Look is an alert as a source showed it at a moment.
type Look struct {
	Alert  alert.Alert
	Hash   string    // alert.DecisionHash
	At     time.Time // by the clock of the source, if it told
	Single bool      // read alone instead of in a list
}

// Looks is what was last shown of an alert. It is part of a row; the zero value is an alert that was never seen.
type Looks struct {
	Version int // counts the changes that a rule can see, from 1; 0: asked for but never seen
	// Hash and Updated are what Defender showed last, and when the alert was updated then. No Hash: it never showed it.
	Hash    string
	Updated time.Time
	Behind  bool `json:",omitempty"` // Defender has not shown Version yet; another source has

	GraphHash    string    `json:",omitempty"` // the same three of Graph
	GraphUpdated time.Time `json:",omitzero"`
	GraphBehind  bool      `json:",omitempty"`
	GraphID      string    `json:",omitempty"` // Graph's own id of the alert, as far as it is known

	Shared string `json:",omitempty"` // alert.SharedHash of Version
	Ours   Change `json:",omitzero"`  // what Cordon last changed in the alert, on whichever of its machines
}

// Meaning is what a look says about an alert that was seen before.
type Meaning int

// The meanings.
const (
	Known Meaning = iota // it is as it was
	News                 // a rule could decide differently now
	// Old is an earlier moment than the source showed before, or may be the same one: a list and a single read show
	// evidence differently.
	Old
	Lagging // an earlier moment than another source showed
)

// upTo is the newest moment of which a source showed Version.
func (l *Looks) upTo() (newest time.Time) {
	for _, s := range []alert.Source{alert.Defender, alert.Graph} {
		if shown := l.last(s); l.ShownBy(s) && shown.updated.After(newest) {
			newest = shown.updated
		}
	}
	return newest
}

// farFuture is how far the time of an alert's last update may lie ahead of the API's clock and still be believed.
const farFuture = 5 * time.Minute

// future reports whether a time lies ahead. It says nothing then about which of two views is the newer one, so the view
// that is read last counts.
func (o Look) future(t time.Time) bool {
	return t.After(o.At.Add(farFuture))
}

// before reports whether a look is of an earlier moment than what the same source showed, or may be of the same one.
func (o Look) before(shown time.Time) bool {
	if o.Single && o.Alert.Updated.Equal(shown) {
		return true
	}
	return o.Alert.Updated.Before(shown) && !o.future(shown)
}

// Compare says what a look means. What a source showed of Version itself it is held against first: fields that only
// this source has are news too. Of a version that only another source showed, the moments up to the newest that was
// shown are known; after it, what both say in the same words decides.
func (l *Looks) Compare(o Look) Meaning {
	shown := l.last(o.Alert.Source)
	current := l.ShownBy(o.Alert.Source)
	upTo := l.upTo()
	past := o.Alert.Updated.Before(upTo) && !o.future(upTo)
	switch {
	case l.Version == 0:
		return News
	case past && !current:
		return Lagging
	case o.before(shown.updated):
		return Old
	case current && shown.hash == o.Hash:
		return Known
	case past && !l.agrees(o):
		return Lagging
	case !current && (o.Alert.Updated.Equal(upTo) || l.agrees(o)):
		return Known
	}
	if _, ours := l.ours(o); ours {
		return Known
	}
	return News
}

// agrees reports whether a look says what Version says, as far as all sources say it in the same words.
func (l *Looks) agrees(o Look) bool {
	return alert.SharedHash(o.Alert) == l.Shared
}

// Note keeps a look that is no news, and reports whether that changed anything.
func (l *Looks) Note(o Look) bool {
	before := *l
	switch l.Compare(o) {
	case Known:
		if own, ours := l.ours(o); ours && l.Absorb(own) {
			break
		}
		shown := last{hash: o.Hash, updated: o.Alert.Updated}
		if l.ShownBy(o.Alert.Source) && !shown.updated.After(l.UpdatedBy(o.Alert.Source)) {
			return false
		}
		l.put(o.Alert.Source, shown)
	case Lagging:
		l.put(o.Alert.Source, last{
			hash:    o.Hash,
			updated: o.Alert.Updated,
			behind:  true,
		})
	case News, Old:
		return false
	}
	l.noteID(o)
	return *l != before
}

// Make makes the next version of what a look shows. Whatever other sources showed is of an earlier version then.
func (l *Looks) Make(o Look) {
	l.Version++
	l.Shared = alert.SharedHash(o.Alert)
	l.only(o.Alert.Source, last{
		hash:    o.Hash,
		updated: o.Alert.Updated,
	})
	l.noteID(o)
}

func (l *Looks) noteID(o Look) {
	if o.Alert.GraphID != "" {
		l.GraphID = o.Alert.GraphID
	}
}
