package follow

import (
	"context"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// episodes reads the latches that the index of open episodes names.
func (f *Follower) episodes(ctx context.Context) ([]following, error) {
	open, err := f.Latches.OpenEpisodes(ctx)
	if err != nil {
		return nil, err
	}
	episodes := make([]following, 0, len(open))
	for _, entry := range open {
		l, err := f.Latches.Of(ctx, entry.MachineID, entry.Kind)
		if err != nil {
			return nil, err
		}
		episodes = append(episodes, following{latch: l, entry: entry})
	}
	return episodes, nil
}

// actions lists what may concern the open episodes, by machine; no call is made if there are none. For the whole
// picture it goes back to the oldest of them, whatever its state, and at least a week.
func (f *Follower) actions(
	ctx context.Context,
	episodes []following,
	now time.Time,
	whole bool,
) (map[string][]machine.Action, error) {
	if len(episodes) == 0 && !whole {
		return nil, nil
	}
	last, err := f.Switches.Mark(ctx, Mark)
	if err != nil {
		return nil, err
	}
	since := now.Add(-f.Overlap)
	if !last.At.IsZero() && last.At.Add(-f.Overlap).Before(since) {
		since = last.At.Add(-f.Overlap)
	}
	for _, e := range episodes {
		oldest := e.latch.FirstIntentAt.Add(-episode.LookBack)
		switch {
		case e.latch.State == latches.Intended:
		case e.latch.State == latches.Acting:
			oldest = e.latch.ActionAt.Add(-time.Second)
		case e.latch.State == latches.Achieved && !e.latch.ReleaseAt.IsZero():
			oldest = e.latch.ReleaseAt.Add(-time.Second)
		case e.latch.State == latches.Achieved && (whole || e.latch.AchievedAt.IsZero()),
			e.latch.State == latches.Achieved && episode.LiftNear(e.latch, f.Now(), f.Lift):
			oldest = e.latch.ActionAt.Add(-time.Second)
		default:
			continue
		}
		if oldest.Before(since) {
			since = oldest
		}
	}
	if whole {
		since = earliest(since,
			now.Add(-reconcileBack),
			now.Add(-reconcileMost))
	}
	listed, err := f.API.ActionsSince(ctx, since)
	if err != nil {
		return nil, err
	}
	byMachine := map[string][]machine.Action{}
	for _, a := range listed {
		byMachine[a.MachineID] = append(byMachine[a.MachineID], a)
	}
	return byMachine, nil
}
