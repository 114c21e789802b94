package poll

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"cordon/handler/ledger/switches"
	"cordon/handler/outgoing"
)

// Swept counts what the sweeps found that nothing else did, since the first poll.
type Swept struct {
	Resent int       `json:"resent"` // versions that stood still
	Late   int       `json:"late"`   // changes that no poll saw
	At     time.Time `json:"at"`     // of the last find; zero: none
}

// ReadSwept reads the count.
func ReadSwept(ctx context.Context, store *switches.Store) (Swept, error) {
	return readMark[Swept](ctx, store, markSwept)
}

func (p *Poller) noteSwept(ctx context.Context, resent, late int) error {
	if resent+late == 0 {
		return nil
	}
	swept, err := ReadSwept(ctx, p.Switches)
	if err != nil {
		return err
	}
	swept.Resent = swept.Resent + resent
	swept.Late = swept.Late + late
	swept.At = p.Now().UTC()
	return writeMark(ctx, p.Switches, markSwept, swept.At, swept)
}

// Lateness is how long after its last update the latest of the alerts of about a week was seen, although polls were
// running: how late the API shows alerts, as far as a sweep's rhythm tells.
type Lateness struct {
	Longest time.Duration `json:"longest"`
	AlertID string        `json:"alert"`
	At      time.Time     `json:"at"` // when it was seen; zero: no alert was late
}

// latenessNote is Lateness as the ledger has it.
type latenessNote struct {
	Nanoseconds int64     `json:"longest"`
	AlertID     string    `json:"alert"`
	At          time.Time `json:"at"`
}

// ReadLateness reads the largest lateness.
func ReadLateness(ctx context.Context, store *switches.Store) (Lateness, error) {
	note, err := readMark[latenessNote](ctx, store, markLateness)
	return Lateness{
		Longest: time.Duration(note.Nanoseconds),
		AlertID: note.AlertID,
		At:      note.At,
	}, err
}

func (p *Poller) noteLateness(ctx context.Context, found tally) error {
	if found.latest == 0 {
		return nil
	}
	now := p.Now().UTC()
	known, err := ReadLateness(ctx, p.Switches)
	if err != nil || (found.latest <= known.Longest && now.Sub(known.At) < weekBack) {
		return err
	}
	return writeMark(ctx, p.Switches, markLateness, now, latenessNote{
		Nanoseconds: found.latest.Nanoseconds(),
		AlertID:     found.lateID,
		At:          now,
	})
}

func readMark[T any](ctx context.Context, store *switches.Store, name string) (T, error) {
	var v T
	mark, err := store.Mark(ctx, name)
	if err != nil || mark.Note == "" {
		return v, err
	}
	err = json.Unmarshal([]byte(mark.Note), &v)
	if err != nil {
		return v, fmt.Errorf("ledger mark %s: %w", name, err)
	}
	return v, nil
}

func writeMark(
	ctx context.Context,
	store *switches.Store,
	name string,
	at time.Time,
	v any,
) error {
	note, err := outgoing.Encode(v)
	if err != nil {
		return fmt.Errorf("ledger mark %s: %w", name, err)
	}
	return store.SetMark(ctx, name, at, string(note))
}
