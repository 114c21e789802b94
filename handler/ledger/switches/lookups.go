package switches

import (
	"context"
	"slices"
	"time"

	"cordon/handler/ledger/rows"
)

// Alerts that were asked for by their id, and that no poll has recorded, cost a read of the API each. Anybody with a
// function key or the right to send can make such ids up, so one row counts the look-ups of the tenant, and remembers
// what came of them until people are told.

const (
	// LookupsPerHour is how many ids that no poll recorded are looked up in any hour. One that is found does not count.
	LookupsPerHour = 20
	// MaxLookups bounds the row: beyond it ids are only counted.
	MaxLookups = 200
)

// Lookup is one id that was asked for.
type Lookup struct {
	AlertID string    `json:"id"`
	At      time.Time `json:"at"`
	Missing bool      `json:"missing,omitempty"` // the API does not know it
	Over    bool      `json:"over,omitempty"`    // it was not looked up, because the hour's look-ups were used up
	Told    bool      `json:"told,omitempty"`
}

// untold reports whether people are to hear of it.
func (l Lookup) untold() bool {
	return (l.Missing || l.Over) && !l.Told
}

// Lookups is what is known of the ids that no poll recorded.
type Lookups struct {
	rows.Keys
	Packed     []byte `json:",omitempty"` // All
	PackedType string `json:"Packed@odata.type,omitempty"`
	More       int    `json:",omitempty"` // messages about ids beyond what the row has room for, since people were told
	ToldAt     time.Time
	All        []Lookup `json:"-"`
}

// Untold are those that people have not heard of, oldest first.
func (l Lookups) Untold() []Lookup {
	return slices.DeleteFunc(slices.Clone(l.All), func(one Lookup) bool {
		return !one.untold()
	})
}

// LookupAnswer is the answer to whether an id may be looked up.
type LookupAnswer int

// The answers. The zero value is none.
const (
	LookUp        LookupAnswer = iota + 1 // it may; what comes of it is to be said by Found or Missing
	LookedUp                              // the API did not know it within the last hour
	NoLookupsLeft                         // the hour's look-ups are used up
)

// AskToLookUp takes one of the hour's look-ups for an id, if there is one.
func (s *Store) AskToLookUp(ctx context.Context, alertID string, now time.Time) (LookupAnswer, error) {
	var answer LookupAnswer
	err := s.changeLookups(ctx, now, func(l *Lookups) (changed bool) {
		of := func(one Lookup) bool { return one.AlertID == alertID }
		taken := 0
		for _, one := range l.All {
			if !one.Over && now.Sub(one.At) < time.Hour {
				taken++
			}
		}
		switch {
		case slices.ContainsFunc(l.All, func(one Lookup) bool {
			return of(one) &&
				one.Missing &&
				now.Sub(one.At) < time.Hour
		}):
			answer = LookedUp
			return false
		case taken < LookupsPerHour:
			answer = LookUp
			l.All = append(l.All, Lookup{AlertID: alertID, At: now})
			return true
		}
		answer = NoLookupsLeft
		if slices.ContainsFunc(l.All, of) {
			return false
		}
		if len(l.All) >= MaxLookups {
			l.More++
		} else {
			l.All = append(l.All, Lookup{
				AlertID: alertID,
				At:      now,
				Over:    true,
			})
		}
		return true
	})
	return answer, err
}

// Found gives the look-up of an id back: it was real.
func (s *Store) Found(ctx context.Context, alertID string, now time.Time) error {
	return s.changeLookups(ctx, now, func(l *Lookups) (changed bool) {
		before := len(l.All)
		l.All = slices.DeleteFunc(l.All, func(one Lookup) bool {
			return one.AlertID == alertID
		})
		return len(l.All) != before
	})
}

// Missing notes that the API does not know an id that was looked up.
func (s *Store) Missing(ctx context.Context, alertID string, now time.Time) error {
	return s.changeLookups(ctx, now, func(l *Lookups) (changed bool) {
		for i, one := range l.All {
			if one.AlertID == alertID && !one.Missing {
				l.All[i].Missing, changed = true, true
			}
		}
		return changed
	})
}

// LookupsTold notes that people heard of what was untold when l was read.
func (s *Store) LookupsTold(ctx context.Context, l Lookups, now time.Time) error {
	return s.changeLookups(ctx, now, func(current *Lookups) (changed bool) {
		for _, told := range l.Untold() {
			for i, one := range current.All {
				if one.AlertID == told.AlertID && one.At.Equal(told.At) {
					current.All[i].Told = true
				}
			}
		}
		current.More = max(current.More-l.More, 0)
		current.ToldAt = now
		return true
	})
}

// ReadLookups reads what is known of ids that no poll recorded.
func (s *Store) ReadLookups(ctx context.Context) (Lookups, error) {
	l := Lookups{Keys: s.switches.At("lookups")}
	_, err := s.switches.Read(ctx, &l)
	if err != nil {
		return l, err
	}
	return l, l.unpack()
}

func (l *Lookups) unpack() error {
	if !l.Stored() {
		return nil
	}
	err := rows.UnpackInto(l.Packed, &l.All)
	if err != nil {
		return &rows.Error{Op: "read the look-ups", Cause: err}
	}
	return nil
}

// changeLookups changes the row in a conditional write, and tries again while others write it. Changes of one process
// take turns. What is over an hour old and told is forgotten.
func (s *Store) changeLookups(
	ctx context.Context,
	now time.Time,
	change func(*Lookups) (changed bool),
) error {
	const op = "count look-ups of alerts"
	fresh := Lookups{Keys: s.switches.At("lookups")}
	return rows.ChangeInTurn(ctx, s.looking, s.switches, op, fresh, func(l *Lookups) (bool, error) {
		if err := l.unpack(); err != nil {
			return false, err
		}
		l.All = slices.DeleteFunc(l.All, func(one Lookup) bool {
			return now.Sub(one.At) >= time.Hour && !one.untold()
		})
		if !change(l) {
			return false, nil
		}
		var err error
		l.Packed, err = rows.Pack(l.All)
		if err != nil {
			return false, &rows.Error{Op: op, Cause: err}
		}
		l.PackedType = "Edm.Binary"
		return true, nil
	})
}
