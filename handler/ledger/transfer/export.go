package transfer

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/switches"
	"cordon/handler/outgoing"
)

// Ledger is what is taken out of and put into.
type Ledger struct {
	*rows.Tables
	Switches *switches.Store
}

// Progress hears how many rows are done; nil: nobody does.
type Progress func(table string, done int)

// markPoll is the mark of the last poll that reached the present.
const markPoll = "poll"

// Export writes all rows of the tenant but those of signing in, one at a time.
func (l Ledger) Export(ctx context.Context, to io.Writer, h Header, progress Progress) (End, error) {
	h.Format = format
	h.ID = rand.Text()
	h.Tenant = l.Tenant()
	polled, err := l.Switches.Mark(ctx, markPoll)
	if err != nil {
		return End{}, err
	}
	packed := gzip.NewWriter(to)
	err = put(packed, h)
	var end End
	for _, name := range tableOrder() {
		if err == nil {
			err = l.exportTable(ctx, packed, name, &end, progress)
		}
	}
	if err != nil {
		return end, err
	}
	again, err := l.Switches.Mark(ctx, markPoll)
	if err != nil {
		return end, err
	}
	end.Moved = !again.At.Equal(polled.At)
	err = put(packed, line{End: &end})
	return end, errors.Join(err, packed.Close())
}

func (l Ledger) exportTable(ctx context.Context, to io.Writer, name string, end *End, progress Progress) error {
	table := l.Table(name)
	for body, err := range rows.Each[json.RawMessage](ctx, table, table.Whole(), "") {
		if rows.IsTableMissing(err) {
			return nil // a table that the version before did not have
		}
		if err != nil {
			return err
		}
		e, err := ownRow(body)
		if err != nil {
			return fmt.Errorf("read a row of %s: %w", name, err)
		}
		own := isOf(l.Tenant(), e.text("PartitionKey"))
		if !own || signsIn(l.Tenant(), name, e) || passing(name, e.text("RowKey")) {
			continue
		}
		row, err := outgoing.Encode(e)
		if err == nil {
			err = put(to, line{Table: name, Row: row})
		}
		if err != nil {
			return err
		}
		end.Rows++
		if progress != nil {
			progress(name, end.Rows)
		}
	}
	return nil
}

// put writes a line.
func put(to io.Writer, v any) error {
	text, err := outgoing.Encode(v)
	if err == nil {
		_, err = to.Write(append(text, '\n'))
	}
	return err
}

// Made is a header of now.
func Made(prefix, version string, now time.Time) Header {
	return Header{
		Prefix:  prefix,
		Version: version,
		At:      now.UTC(),
	}
}
