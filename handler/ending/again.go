package ending

import (
	"context"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
)

// BeginAgain lets a run that joined the episode after its release begin again. A repeat only sends another message.
func (c *Closer) BeginAgain(ctx context.Context, j latches.Joiner, l latches.Latch) error {
	again := false
	run, err := c.Runs.Update(ctx, j.AlertID, j.Version, func(run *runs.Run) (bool, error) {
		joined := run.EpisodeOf(l.Kind) == l.Episode && run.State != runs.Parked
		begun := run.EpisodeOf(l.Kind) == 0 &&
			run.State == runs.Started &&
			!run.IsOver(l.Kind)
		again = run.ObservedAt.After(l.ReleasedAt) && (joined || begun)
		if !again {
			return false, nil
		}
		run.Again(l.Kind, "", c.Now().UTC())
		run.Copies++
		return true, nil
	})
	if err != nil || !again {
		return err
	}
	return c.Queue.SendAlerts(ctx,
		[]alert.Envelope{run.Message(c.Runs.Tenant(), "released", time.Time{})})
}
