// Package poll is ingest: it reads the alerts that changed since the watermark, records each change in the ledger and
// puts it on the queue. Its sweeps close what gaps there are: alerts that become visible late, and versions whose
// message was lost. It decides nothing and calls no machine action. Its neighbours are the ledger, which knows what was
// seen, and the response package behind the queue.
//
// The order of writes makes every gap repairable: observed row, then queue, then watermark. Whatever is interrupted is
// read again, and nothing is enqueued twice that matters.
package poll

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// MarkPoll is the ledger mark of the last poll that reached the present.
const MarkPoll = "poll"

// API is what ingest reads from Defender besides alerts.
type API interface {
	// Machines reads the machines with the given ids in as few calls as possible; those that do not exist are missing
	// from the answer.
	Machines(ctx context.Context, ids []string) ([]machine.Machine, error)
}

// Queue takes messages for the responder, all of them or an error.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Housekeeper removes records that were last changed before a time, a bounded number of them. A repeat is safe.
type Housekeeper interface {
	Housekeep(ctx context.Context, before, factsBefore time.Time) (removed int, err error)
}

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// Options are the parts and settings of a Poller. All are required, but Teller and Operator only with two sources.
type Options struct {
	API        API
	Sources    []Source // where alerts are read; one or two
	Queue      Queue
	Teller     Teller
	Operator   []string // who is told that a source is out of order
	Runs       *runs.Store
	Latches    *latches.Store
	Switches   *switches.Store
	Ledger     Housekeeper
	Log        *slog.Logger
	Now        func() time.Time
	Overlap    time.Duration // read again behind the watermark, for alerts that become visible late
	Lookback   time.Duration // how far the very first poll goes back
	Every      time.Duration // the longest pause between two polls
	SweepAfter time.Duration // how long a version may stand still before it is sent again
	Retention  time.Duration // how long records are kept after their last change
	// FactsRetention is how long it is kept what runs were decided on; no longer than Retention.
	FactsRetention time.Duration
}

// Poller polls. One poll runs at a time; a second instance is harmless.
type Poller struct{ Options }

// New makes a Poller.
func New(o Options) *Poller { return &Poller{o} }

// tally counts what one poll or sweep did, for its log line.
type tally struct {
	windows, alerts, changed, resent, refused int

	sent map[string]bool // ids of the messages that this poll has sent, whichever source showed it; nil: not kept

	known  time.Time     // alerts updated before this were to be seen earlier; zero: not known
	lates  int           // changes among those
	latest time.Duration // the largest lateness of them
	lateID string
}

// Poll reads from the watermark of each source to the present, and then sweeps what is due. On an error the watermarks
// stand before everything that may not have been enqueued; the next poll starts there. A source that is out of order
// fails no poll while another works. A repeat is safe.
func (p *Poller) Poll(ctx context.Context) error {
	if err := p.Runs.Prepare(ctx); err != nil {
		return err
	}
	standings, err := p.standings(ctx)
	if err != nil {
		return err
	}
	var sent map[string]bool
	if len(p.Sources) > 1 {
		sent = map[string]bool{}
	}
	reads := make([]reading, 0, len(p.Sources))
	for _, s := range p.wellFirst(standings) {
		r := reading{
			Poller: p,
			Source: s,
			done:   tally{sent: sent},
		}
		if err := r.begin(ctx); err != nil {
			return err
		}
		r.read(ctx, standings.of(s.Name).out())
		reads = append(reads, r)
	}
	return errors.Join(p.judge(ctx, reads, standings), p.sweep(ctx, reads))
}
