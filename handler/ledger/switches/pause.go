package switches

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/ledger/rows"
)

// Pause says whether a person has stopped all acting, and who changed that last. The zero value: nobody ever did.
type Pause struct {
	rows.Keys
	Paused bool
	At     time.Time // of the last change
	By     string    // who made it
	Reason string    // why; a resumption may have none
	// Command is the id of the command in the journal; empty: there is none.
	Command string `json:",omitempty"`
}

// Why is the pause in words, for people; empty if acting is not paused.
func (p Pause) Why() string {
	if !p.Paused {
		return ""
	}
	return fmt.Sprintf("%s, by %s since %s", p.Reason, p.By, p.At.UTC().Format(time.RFC3339))
}

// Pause reads whether acting is paused. A change counts for every instance from its next step on.
func (s *Store) Pause(ctx context.Context) (Pause, error) {
	p := Pause{Keys: s.switches.At("acting")}
	_, err := s.switches.Read(ctx, &p)
	return p, err
}

// Turn is a change of the pause.
type Turn struct {
	Paused  bool
	By      string
	Reason  string
	Command string // its id in the journal; empty: there is none
	At      time.Time
	// Before is called with what is about to be overwritten, before it is; an error keeps it. Nil: nothing is called.
	Before func(was Pause) error
}

// SetPause stops acting or lets it go on, and answers with what was so before. Each change stays in a row of its own as
// well, written first, until housekeeping takes it out. What is so already is not written again.
func (s *Store) SetPause(ctx context.Context, turn Turn) (was Pause, err error) {
	fresh := Pause{Keys: s.switches.At("acting")}
	_, err = rows.Change(ctx, s.switches, "pause or resume", fresh, func(p *Pause) (bool, error) {
		was = *p
		if was.Paused == turn.Paused {
			return false, nil
		}
		if turn.Before != nil {
			if err := turn.Before(was); err != nil {
				return false, err
			}
		}
		*p = Pause{
			Keys:    was.Keys,
			Paused:  turn.Paused,
			At:      turn.At.UTC(),
			By:      rows.Cut(turn.By, 200),
			Reason:  rows.Cut(turn.Reason, 1000),
			Command: turn.Command,
		}
		record := *p
		record.Keys = s.switches.At(rows.NewestFirst(turn.At), "pauses")
		return true, s.switches.Put(ctx, &record)
	})
	return was, err
}

// Aging are the records of pauses.
func (s *Store) Aging() []rows.Aging {
	pauses := rows.InPartition(s.switches.Partition("pauses"))
	return []rows.Aging{{
		Name:   "pauses",
		Table:  s.switches,
		Filter: pauses,
		Remove: s.switches.RemoveRow,
	}}
}
