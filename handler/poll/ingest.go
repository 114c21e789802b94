package poll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/runs"
)

// candidate is an alert on its way from the API to the queue.
type candidate struct {
	alert alert.Alert
	hash  string
}

func candidates(alerts []alert.Alert) []candidate {
	batch := make([]candidate, 0, len(alerts))
	for _, a := range alerts {
		batch = append(batch, candidate{alert: a, hash: alert.DecisionHash(a)})
	}
	return batch
}

// Bounds of what is under way at once.
const (
	ledgerReaders = 16
	sentKept      = 5000 // messages of a poll; after an outage more are sent once for each source
	sendBatch     = 100
)

// ingest records what changed and enqueues it, High first. It returns an error if any change may not have been
// enqueued.
func (p *Poller) ingest(ctx context.Context, batch []candidate, apiNow time.Time, done *tally) error {
	batch = p.checkIDs(ctx, latestOfEach(batch), done)
	due, err := p.changed(ctx, batch, apiNow, done.sent)
	if err != nil {
		return err
	}
	slices.SortStableFunc(due, func(a, b candidate) int {
		byRank := cmp.Compare(b.alert.Severity.Rank(), a.alert.Severity.Rank())
		if byRank != 0 {
			return byRank
		}
		return a.alert.Updated.Compare(b.alert.Updated)
	})
	machines := p.machines(ctx, due)
	for part := range slices.Chunk(due, sendBatch) {
		err := p.enqueue(ctx, part, machines, apiNow, done)
		if err != nil {
			return err
		}
	}
	return nil
}

// latestOfEach keeps the newest view of every alert: pages may show one twice when it is updated while paging.
func latestOfEach(batch []candidate) []candidate {
	at := make(map[string]int, len(batch))
	kept := batch[:0]
	for _, c := range batch {
		i, twice := at[c.alert.ID]
		switch {
		case !twice:
			at[c.alert.ID] = len(kept)
			kept = append(kept, c)
		case c.alert.Updated.After(kept[i].alert.Updated):
			kept[i] = c
		}
	}
	return kept
}

// checkIDs leaves out alerts whose id cannot be an id, with one log line each. They can be neither recorded nor asked
// for again, and must not stop the others.
func (p *Poller) checkIDs(ctx context.Context, batch []candidate, done *tally) []candidate {
	return slices.DeleteFunc(batch, func(c candidate) bool {
		err := alert.CheckID(c.alert.ID)
		if err != nil {
			done.refused++
			p.Log.ErrorContext(ctx, "the API listed an alert without a usable id; look it up in the portal",
				"id", err.Error(), "title", c.alert.Title)
		}
		return err != nil
	})
}

// changed finds the alerts that need a message: new, changed, or observed before but never begun. Of the others what
// was shown is kept.
func (p *Poller) changed(
	ctx context.Context,
	batch []candidate,
	apiNow time.Time,
	sent map[string]bool,
) ([]candidate, error) {
	due := make([]bool, len(batch))
	err := parallel(ctx, len(batch), func(ctx context.Context, i int) error {
		record, err := p.Runs.Alert(ctx, batch[i].alert.ID)
		if err != nil {
			return err
		}
		latest, exists := record.Latest()
		unsent := latest.State == runs.Observed &&
			!sent[alert.MessageID(p.Runs.Tenant(), latest.AlertID, latest.Version)]
		if !exists || unsent {
			due[i] = true
			return nil
		}
		look := looks.Look{
			Alert: batch[i].alert,
			Hash:  batch[i].hash,
			At:    cmp.Or(apiNow, p.Now().UTC()),
		}
		if due[i] = record.Seen.Compare(look) == looks.News; due[i] {
			return nil
		}
		return p.Runs.Touch(ctx, *record.Seen, look)
	})
	if err != nil {
		return nil, err
	}
	kept := batch[:0]
	for i, c := range batch {
		if due[i] {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

// machines reads the machines of the alerts in one go, encoded as snapshots. Without them the responder reads for
// itself, so a failure costs calls but no alert.
func (p *Poller) machines(ctx context.Context, due []candidate) map[string]snapshot {
	var ids []string
	for _, c := range due {
		if alert.CheckID(c.alert.MachineID) == nil {
			ids = append(ids, c.alert.MachineID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil
	}
	found, err := p.API.Machines(ctx, ids)
	if err != nil {
		p.Log.WarnContext(ctx, "machines could not be listed; each response reads its own", "machines", len(ids),
			"error", err.Error())
		return nil
	}
	machines := make(map[string]snapshot, len(found))
	for _, m := range found {
		body, sha := alert.Snapshot(m)
		machines[m.ID] = snapshot{body: body, sha: sha}
	}
	return machines
}

type snapshot struct {
	body []byte
	sha  string
}

// enqueue writes each alert as observed and then sends its message.
func (p *Poller) enqueue(ctx context.Context, part []candidate, machines map[string]snapshot, apiNow time.Time,
	done *tally) error {
	messages := make([]*alert.Envelope, len(part))
	var mu sync.Mutex
	err := parallel(ctx, len(part), func(ctx context.Context, i int) error {
		body, sha := alert.Snapshot(part[i].alert)
		m := machines[part[i].alert.MachineID]
		now := p.Now().UTC()
		o, err := p.Runs.Observe(ctx, runs.Observation{
			Alert:       part[i].alert,
			Hash:        part[i].hash,
			SnapshotSHA: sha,
			MachineSHA:  m.sha,
			At:          now,
			APINow:      apiNow,
		})
		if err != nil {
			return fmt.Errorf("alert %s: %w", part[i].alert.ID, err)
		}
		if o.Run.State != runs.Observed {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		message := alert.Message{
			Tenant:     p.Runs.Tenant(),
			AlertID:    part[i].alert.ID,
			Version:    o.Run.Version,
			Reason:     done.count(o.Changed, part[i].alert, apiNow),
			ObservedAt: now,
			Alert:      body,
			Machine:    m.body,
		}
		messages[i] = &alert.Envelope{
			ID:      alert.MessageID(message.Tenant, message.AlertID, message.Version),
			Message: message,
		}
		return nil
	})
	ready := make([]alert.Envelope, 0, len(messages))
	for _, m := range messages {
		if m != nil {
			ready = append(ready, *m)
		}
	}
	if len(ready) == 0 {
		return err
	}
	// Those that were recorded go out even if others could not be; the error keeps the watermark where it is.
	sendErr := p.Queue.SendAlerts(ctx, ready)
	if sendErr == nil && done.sent != nil && len(done.sent) < sentKept {
		for _, m := range ready {
			done.sent[m.ID] = true
		}
	}
	return errors.Join(err, sendErr)
}

// parallel calls work for 0 to n-1, a bounded number at once and in order of start, and joins the errors.
func parallel(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	errs := make([]error, n)
	slots := make(chan struct{}, ledgerReaders)
	var group sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			errs[i] = work(ctx, i)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// count counts a message, and is its reason.
func (t *tally) count(changed bool, a alert.Alert, apiNow time.Time) string {
	if !changed {
		t.resent++
		return "resent"
	}
	t.changed++
	t.late(a, apiNow)
	return "changed"
}

// late notes how late a change was seen that an earlier poll was to see.
func (t *tally) late(a alert.Alert, apiNow time.Time) {
	if t.known.IsZero() ||
		apiNow.IsZero() ||
		!a.Updated.Before(t.known) {
		return
	}
	t.lates++
	late := apiNow.Sub(a.Updated)
	if late > t.latest {
		t.latest, t.lateID = late, a.ID
	}
}
