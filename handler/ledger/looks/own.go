package looks

import (
	"encoding/json"
	"time"

	"cordon/handler/alert"
	"cordon/handler/outgoing"
)

// Own is a change of an alert that Cordon itself made: the alert as it was and as it is, by the same source.
type Own struct {
	Version int // whose run made it
	Was, Is alert.Alert
	Updated time.Time
}

// Absorb takes Cordon's own change for seen, and reports whether it could: not if anybody saw another change.
func (l *Looks) Absorb(own Own) bool {
	source := own.Was.Source
	shown := l.last(source)
	if l.Version != own.Version ||
		!l.ShownBy(source) ||
		shown.hash != alert.DecisionHash(own.Was) {
		return false
	}
	shown.hash = alert.DecisionHash(own.Is)
	if own.Updated.After(shown.updated) {
		shown.updated = own.Updated
	}
	l.Shared = alert.SharedHash(own.Is)
	l.only(source, shown)
	l.Remember(own)
	return true
}

// Change is what Cordon changed in an alert, without the rest of it, which differs from machine to machine. In a row it
// is a text.
type Change struct {
	Was, Is work
	Updated time.Time `json:",omitzero"`
}

// MarshalText makes a text of it.
func (c Change) MarshalText() ([]byte, error) {
	type plain Change
	return outgoing.Encode(plain(c))
}

// UnmarshalText reads it.
func (c *Change) UnmarshalText(text []byte) error {
	type plain Change
	return json.Unmarshal(text, (*plain)(c))
}

// work is where people or automation stand with an alert, as far as Cordon changes it and a rule can see it.
type work struct {
	Status         alert.Status `json:",omitempty"`
	Classification string       `json:",omitempty"`
	Determination  string       `json:",omitempty"`
}

func workOf(a alert.Alert) work {
	return work{a.Status, a.Classification, a.Determination}
}

// Remember keeps Cordon's own change, by which it is known on the alert's other machines.
func (l *Looks) Remember(own Own) {
	l.Ours = Change{
		Was:     workOf(own.Was),
		Is:      workOf(own.Is),
		Updated: own.Updated,
	}
}

// ours is Cordon's own change if a look shows that and nothing else.
func (l *Looks) ours(o Look) (Own, bool) {
	if l.Ours.Is == l.Ours.Was ||
		workOf(o.Alert) != l.Ours.Is ||
		o.Alert.Updated.Before(l.Ours.Updated) {
		return Own{}, false
	}
	own := Own{
		Version: l.Version,
		Was:     o.Alert,
		Is:      o.Alert,
		Updated: o.Alert.Updated,
	}
	own.Was.Status = l.Ours.Was.Status
	own.Was.Classification = l.Ours.Was.Classification
	own.Was.Determination = l.Ours.Was.Determination
	shown := l.last(o.Alert.Source)
	return own, l.ShownBy(o.Alert.Source) && shown.hash == alert.DecisionHash(own.Was)
}
