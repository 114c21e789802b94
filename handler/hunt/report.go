package hunt

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"cordon/handler/alert"
	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/runs"
	"cordon/handler/notice"
)

// Bounds of what is under way at once.
const (
	ledgerWriters = 8
	sendBatch     = 100
)

// report makes what a turn found known: findings first, for they are urgent, then the mail, then the memory of it.
// Every part is a no-op where it was done before.
func (r *Runner) report(ctx context.Context, h *Hunt, state hunts.Hunt, turn hunts.Turn, result hunts.Result) error {
	learning := h.Learn && state.LearnedAt.IsZero()
	if turn.New == 0 {
		if !h.TellEmpty || learning {
			return nil
		}
		return r.tell(ctx, h, turn, notice.HuntEmpty)
	}
	for part := range slices.Chunk(placesOfFindings(result), sendBatch) {
		err := r.enqueue(ctx, h, turn, result, part, thereSince(state, turn))
		if err != nil {
			return err
		}
	}
	if len(result.Mailed()) > 0 {
		err := r.tell(ctx, h, turn, notice.HuntRows)
		if err != nil {
			return err
		}
	}
	return r.Hunts.Remember(ctx, h.Name, result.Digests, turn.At)
}

// placesOfFindings are the places of the rows that become findings.
func placesOfFindings(result hunts.Result) []int {
	var at []int
	for i, m := range result.Machines {
		if m != "" {
			at = append(at, i)
		}
	}
	return at
}

// thereSince is since when rows that are new to a turn may have been there: since the turn before it, if that one saw
// all that was there, else as far back as the turn looked.
func thereSince(before hunts.Hunt, turn hunts.Turn) time.Time {
	sawAll := before.Uncovered.After(before.RanAt) && before.Rows < MaxRows
	if sawAll && before.RanAt.After(turn.Since) {
		return before.RanAt
	}
	return turn.Since
}

// enqueue records findings and then sends their messages. A message that is lost is sent again by the sweep of runs
// that stand still, as that of an alert is.
func (r *Runner) enqueue(
	ctx context.Context,
	h *Hunt,
	turn hunts.Turn,
	result hunts.Result,
	part []int,
	since time.Time,
) error {
	messages := make([]alert.Envelope, len(part))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(ledgerWriters)
	for i, at := range part {
		group.Go(func() error {
			f, err := h.finding(turn, result, at)
			if err != nil {
				return err
			}
			f.Since = since
			now := r.Now().UTC()
			o, err := r.Findings.Observe(gctx, f, now)
			if err != nil || o.Run.State != runs.Observed {
				return err
			}
			messages[i] = alert.Envelope{
				ID: alert.MessageID(r.Hunts.Tenant(), f.ID, o.Run.Version),
				Message: alert.Message{
					Tenant:     r.Hunts.Tenant(),
					AlertID:    f.ID,
					Version:    o.Run.Version,
					Reason:     "hunt",
					ObservedAt: now,
				},
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	messages = slices.DeleteFunc(messages, func(m alert.Envelope) bool { return m.ID == "" })
	if len(messages) == 0 {
		return nil
	}
	r.Log.InfoContext(ctx, "findings enqueued", "hunt", h.Name, "findings", len(messages))
	return r.Queue.SendAlerts(ctx, messages)
}

func (r *Runner) tell(ctx context.Context, h *Hunt, turn hunts.Turn, kind notice.Kind) error {
	e := notice.Event{
		Kind:   kind,
		At:     turn.At,
		Hunt:   h.Name,
		Turn:   turn.Due,
		Title:  "Hunt " + h.Name,
		Detail: h.Description,
		To:     h.To,
	}
	if kind == notice.HuntEmpty {
		e.Detail = "The query gave no row that was not seen before; it looked back to " +
			turn.Since.Format(time.RFC3339) + "."
	}
	return r.Teller.Tell(ctx, notice.HuntGroup(h.Name, turn.Due), e)
}
