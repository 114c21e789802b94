package follow_test

import (
	"context"
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

func TestFollowKilledAnywhereIsRepaired(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, status := range []machine.ActionStatus{machine.Succeeded, machine.Cancelled} {
		for _, mute := range []bool{false, true} {
			points := 0
			for killed := true; killed; points++ {
				w := world.New(t)
				w.AlertOn("da1", "m1", alert.High)
				w.AlertOn("da2", "m1", alert.High)
				w.Drain(w.Start(-1, false), 10)
				w.FinishAll(status)
				mortal := w.Start(points, mute)
				_ = mortal.Follower.Follow(context.Background())
				killed = mortal.Died()
				w.Follow(w.Start(-1, false))
				want := map[machine.ActionStatus]string{
					machine.Succeeded: "isolated",
					machine.Cancelled: "not isolated",
				}[status]
				for _, id := range []string{"da1", "da2"} {
					if run := w.Run(id, 1); run.State != runs.Closed || run.Outcome != want {
						t.Errorf("%s, killed at %d: run %s is %+v", status, points, id, run)
					}
				}
				if told := strings.Count(w.Kinds(), ","); told != 3 { // two groups, two events each
					t.Errorf("%s, killed at %d: told %q", status, points, w.Kinds())
				}
			}
			if points < 8 {
				t.Errorf("only %d kill points", points)
			}
		}
	}
}
