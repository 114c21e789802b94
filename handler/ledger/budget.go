package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Reservation asks for one slot of an action's caps. The same Key asks for the same slot.
type Reservation struct {
	Action  string // isolate
	Key     string // what the slot is for: machine and episode
	At      time.Time
	PerHour int // 0: no cap
	PerDay  int // 0: no cap
}

type budget struct {
	keys
	Entries     []byte `json:",omitempty"` // compressed JSON list of budgetEntry
	EntriesType string `json:"Entries@odata.type,omitempty"`
}

type budgetEntry struct {
	Key string    `json:"k"`
	At  time.Time `json:"t"`
}

// Reserve takes a slot and answers "", or says which cap is reached and takes none. A slot that was taken under the same
// key within the last day is found again. The caps hold across instances: the row is written conditionally.
func (s *Store) Reserve(ctx context.Context, r Reservation) (capReached string, err error) {
	for range conflictTries {
		capReached, err = s.reserve(ctx, r)
		if !errors.Is(err, ErrConflict) {
			return capReached, err
		}
	}
	return "", &Error{Op: "reserve a slot for " + r.Action, cause: ErrConflict}
}

func (s *Store) reserve(ctx context.Context, r Reservation) (string, error) {
	b := budget{keys: keys{PartitionKey: s.pk(), RowKey: key(r.Action)}}
	if err := s.get(ctx, tableBudgets, b.PartitionKey, b.RowKey, &b); err != nil && !errors.Is(err, errNotFound) {
		return "", err
	}
	entries, err := b.read()
	if err != nil {
		return "", err
	}
	kept := entries[:0]
	hour, day := 0, 0
	for _, e := range entries {
		if e.Key == r.Key {
			return "", nil
		}
		age := r.At.Sub(e.At)
		if age >= 24*time.Hour {
			continue
		}
		kept = append(kept, e)
		day++
		if age < time.Hour {
			hour++
		}
	}
	switch {
	case r.PerHour > 0 && hour >= r.PerHour:
		return fmt.Sprintf("%d of at most %d an hour are taken", hour, r.PerHour), nil
	case r.PerDay > 0 && day >= r.PerDay:
		return fmt.Sprintf("%d of at most %d a day are taken", day, r.PerDay), nil
	}
	if b.Entries, err = packJSON(append(kept, budgetEntry{Key: r.Key, At: r.At})); err != nil {
		return "", &Error{Op: "encode the budget of " + r.Action, cause: err}
	}
	if len(b.Entries) > maxProperty {
		return fmt.Sprintf("%d slots are taken, more than the ledger counts in a day", day), nil
	}
	b.EntriesType = "Edm.Binary"
	return "", s.save(ctx, tableBudgets, &b)
}

func (b budget) read() ([]budgetEntry, error) {
	if len(b.Entries) == 0 {
		return nil, nil
	}
	body, err := unpack(b.Entries)
	if err != nil {
		return nil, &Error{Op: "read the budget row", cause: err}
	}
	var entries []budgetEntry
	if err := json.Unmarshal(body, &entries); err != nil {
		return nil, &Error{Op: "read the budget row", cause: err}
	}
	return entries, nil
}
