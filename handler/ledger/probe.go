package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// probe is a row that means nothing.
type probe struct {
	keys
	Text string
}

// Probe tries what the ledger lives by, on a row that nobody else reads and that is removed again: insert, read, replace on
// condition, and the refusal of a replacement whose condition no longer holds. Tables that do not exist are made, as at the
// first start. A process that ends in between leaves a row without a meaning.
func (s *Store) Probe(ctx context.Context) (err error) {
	if err := s.Prepare(ctx); err != nil {
		return err
	}
	p := &probe{keys: keys{PartitionKey: s.pk(), RowKey: "probe:" + rand.Text()}, Text: "written"}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*time.Second)
		defer cancel()
		err = errors.Join(err, s.remove(ctx, tableSwitches, p.PartitionKey, p.RowKey))
	}()
	if err := s.save(ctx, tableSwitches, p); err != nil {
		return err
	}
	stale := *p
	var found probe
	if err := s.get(ctx, tableSwitches, p.PartitionKey, p.RowKey, &found); err != nil {
		return err
	}
	if found.Text != p.Text || found.ETag != p.ETag {
		return &Error{Op: "read " + tableSwitches, cause: errors.New("a row is not read as it was written")}
	}
	p.Text = "replaced"
	if err := s.save(ctx, tableSwitches, p); err != nil {
		return err
	}
	if err := s.save(ctx, tableSwitches, &stale); !errors.Is(err, ErrConflict) {
		if err == nil {
			err = errors.New("a write whose condition does not hold was taken: nothing could keep two instances apart")
		}
		return &Error{Op: "replace in " + tableSwitches, cause: err}
	}
	return nil
}
