package follow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/machine"
	"cordon/handler/notice"
)

// unknownFor is how long an accepted action that the API neither lists nor knows is waited for: Defender itself gives an action
// up after three days and a quarter of an hour.
const unknownFor = 4 * 24 * time.Hour

// unlisted follows an episode's action that no list shows by its id, once lists have had their time. One that the API does not
// know either is told about like one that is not confirmed, and given up after days.
func (f *Follower) unlisted(ctx context.Context, e following, actions []machine.Action) error {
	l := e.latch
	age := f.Now().Sub(l.ActionAt)
	if age < f.RecheckAfter {
		return nil
	}
	a, err := f.API.Action(ctx, l.ActionID)
	trouble, _ := machine.TroubleOf(err)
	switch {
	case err == nil && a.ID == l.ActionID:
		return f.seen(ctx, e, a, slices.Concat(actions, []machine.Action{a}))
	case err == nil:
		return fmt.Errorf("the API answers for action %q with action %q", l.ActionID, a.ID)
	case trouble != machine.NotFound:
		return fmt.Errorf("read action %s, which no list shows: %w", l.ActionID, err)
	case age > unknownFor:
		gone := machine.Action{ID: l.ActionID, Type: l.Desired, Status: machine.TimeOut, MachineID: l.MachineID, Created: l.ActionAt, Updated: f.Now().UTC()}
		return f.settle(ctx, e, gone, fmt.Sprintf("Action %s was accepted at %s, and the API has known nothing of it since.", l.ActionID, l.ActionAt.Format(time.RFC3339)), actions)
	case age > f.PendingAfter:
		waiting := f.event(l, notice.StillPending)
		waiting.Detail = fmt.Sprintf("Action %s was accepted at %s, but the API does not know it.", l.ActionID, l.ActionAt.Format(time.RFC3339))
		return f.endings.TellJoiners(ctx, l, waiting)
	}
	return nil
}
