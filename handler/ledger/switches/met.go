package switches

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger/rows"
)

// Met is something about a machine that decisions met and that protects it from nothing, although it looks so or might.
type Met struct {
	Fact    string    `json:"fact"`           // of the machine
	Tag     string    `json:"tag,omitempty"`  // that is almost a protected one; empty: the API left the fact out
	Like    string    `json:"like,omitempty"` // the pattern that it is almost
	Machine string    `json:"machine"`        // the id; of a tag, of the machine that had it last
	At      time.Time `json:"at"`             // when it was met last
}

// Bounds of what is kept of them.
const (
	MetTags     = 20  // tags
	MetMachines = 500 // machines of which one fact was left out
	metFor      = 30 * 24 * time.Hour
	metAgain    = 24 * time.Hour // what was met again within it is not written again
)

// key tells entries apart: a tag is told once, whichever machines have it.
func (m Met) key() string {
	if m.Tag != "" {
		return fmt.Sprintf("%q like %q", m.Tag, m.Like)
	}
	return m.Fact + " of " + m.Machine
}

// metRow holds all of them.
type metRow struct {
	rows.Keys
	List     []byte // compressed JSON
	ListType string `json:"List@odata.type"`
}

// Met lists what was met in the last 30 days, in the order of their keys.
func (s *Store) Met(ctx context.Context, now time.Time) ([]Met, error) {
	_, list, err := s.met(ctx)
	return slices.DeleteFunc(list, func(m Met) bool { return now.Sub(m.At) > metFor }), err
}

func (s *Store) met(ctx context.Context) (metRow, []Met, error) {
	row := metRow{Keys: s.switches.At("met"), ListType: "Edm.Binary"}
	found, err := s.switches.Read(ctx, &row)
	if !found {
		return row, nil, err
	}
	var list []Met
	if err == nil {
		err = rows.UnpackInto(row.List, &list)
	}
	return row, list, err
}

// NoteMet adds to what was met; what is known and was met lately is not written again. It is a hint for people: of
// more than is kept the oldest goes, and when others write as well it is left for the next time.
func (s *Store) NoteMet(ctx context.Context, found []Met, now time.Time) error {
	row, list, err := s.met(ctx)
	if err != nil {
		return err
	}
	changed := false
	for _, m := range found {
		m.At, m.Tag, m.Like = now, rows.Cut(m.Tag, 200), rows.Cut(m.Like, 200)
		i := slices.IndexFunc(list, func(there Met) bool {
			return there.key() == m.key()
		})
		switch {
		case i < 0:
			list, changed = append(list, m), true
		case now.Sub(list[i].At) >= metAgain:
			list[i], changed = m, true
		}
	}
	if !changed {
		return nil
	}
	row.List, err = rows.Pack(kept(list, now))
	if err != nil {
		return fmt.Errorf("keep what was met: %w", err)
	}
	err = s.switches.Save(ctx, &row)
	if !errors.Is(err, rows.ErrConflict) {
		return err
	}
	return nil
}

// kept is the newest part of a list that is stored.
func kept(list []Met, now time.Time) []Met {
	slices.SortStableFunc(list, func(a, b Met) int {
		return b.At.Compare(a.At)
	})
	room := map[string]int{}
	list = slices.DeleteFunc(list, func(m Met) bool {
		most := MetMachines
		if m.Tag != "" {
			most = MetTags
		}
		of := m.Fact + fmt.Sprint(m.Tag != "")
		room[of]++
		return room[of] > most || now.Sub(m.At) > metFor
	})
	slices.SortFunc(list, func(a, b Met) int {
		return cmp.Compare(a.key(), b.key())
	})
	return list
}
