package poll

import (
	"context"
	"time"

	"cordon/handler/ledger/switches"
)

const (
	markHousekeeping = "housekeeping"
	housekeepEvery   = time.Hour
)

// housekeep removes a bounded part of what is older than the retention. Records outlive the longest sweep by far, so no
// alert can look new because its record was removed.
func (p *Poller) housekeep(ctx context.Context, now time.Time, _ switches.Mark) error {
	removed, err := p.Ledger.Housekeep(ctx, now.Add(-p.Retention), now.Add(-min(p.Retention, p.FactsRetention)))
	if removed > 0 {
		p.Log.InfoContext(ctx, "old records were removed",
			"records", removed,
			"older", p.Retention.String())
	}
	return err
}
