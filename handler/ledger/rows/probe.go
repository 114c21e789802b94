package rows

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// probe is a row that means nothing.
type probe struct {
	Keys
	Text string
}

// Probe tries what the ledger lives by, on a row that nobody else reads and that is removed again: insert, read,
// replace on condition, and the refusal of a replacement whose condition no longer holds. Tables that do not exist are
// made, as at the first start. A process that ends in between leaves a row without a meaning.
func (t *Tables) Probe(ctx context.Context) (err error) {
	if err := t.Prepare(ctx); err != nil {
		return err
	}
	table := t.Table(Switches)
	p := &probe{Keys: table.At("probe:" + rand.Text()), Text: "written"}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*time.Second)
		defer cancel()
		err = errors.Join(err, table.Remove(ctx, p.Keys))
	}()
	if err := table.Save(ctx, p); err != nil {
		return err
	}
	stale := *p
	read := probe{Keys: table.At(p.RowKey)}
	found, err := table.Read(ctx, &read)
	if err != nil {
		return err
	}
	if !found {
		return ErrNoRow
	}
	if read.Text != p.Text || read.ETag != p.ETag {
		return &Error{Op: "read " + Switches, Cause: errors.New("a row is not read as it was written")}
	}
	p.Text = "replaced"
	if err := table.Save(ctx, p); err != nil {
		return err
	}
	if err := table.Save(ctx, &stale); !errors.Is(err, ErrConflict) {
		if err == nil {
			err = errors.New("a write whose condition does not hold was taken: nothing could keep two instances apart")
		}
		return &Error{Op: "replace in " + Switches, Cause: err}
	}
	return nil
}
