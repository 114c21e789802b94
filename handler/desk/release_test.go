package desk_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordon/handler/desk"
	"cordon/handler/desk/isolated"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/journal"
	"cordon/handler/machine"
)

// defender takes machine actions.
type defender struct {
	asked machine.Request
	of    string
	err   error
}

func (d *defender) Act(_ context.Context, machineID string, r machine.Request) (machine.Action, error) {
	d.of, d.asked = machineID, r
	return machine.Action{ID: "a1"}, d.err
}

// lost is the error of a request whose answer was lost.
type lost struct{}

func (lost) Error() string             { return "connection reset" }
func (lost) Trouble() machine.Trouble  { return machine.UnknownFate }
func (lost) RetryAfter() time.Duration { return 0 }

func TestAReleaseSaysWhoAndWhy(t *testing.T) {
	t.Parallel()
	d := &defender{}
	action, err := desk.Release(t.Context(), d, isolated.Isolation{MachineID: "id1"}, world.Says("kim", "reimaged"))
	want := machine.Request{Type: machine.Unisolate, Comment: "Released by kim: reimaged"}
	if err != nil || action.ID != "a1" || d.of != "id1" || d.asked != want {
		t.Errorf("asked %s for %+v: %+v, %v", d.of, d.asked, action, err)
	}
	d.err = lost{}
	_, err = desk.Release(t.Context(), d, isolated.Isolation{MachineID: "id1"}, world.Says("kim", "reimaged"))
	if err == nil || !strings.Contains(err.Error(), "not known whether the release was accepted") {
		t.Errorf("of a request whose answer was lost: %v", err)
	}
}

// TestNobodyIsTakenForAnotherByWhatStandsInAReason releases a machine for a reason that looks like the sign of an order
// that was begun and not carried out.
func TestNobodyIsTakenForAnotherByWhatStandsInAReason(t *testing.T) {
	t.Parallel()
	w := left(t, orders()[desk.VerbRelease])
	other := order()
	other.ID, other.Reason = "c0ffee00-2", "see [command "+commandID+"]"
	d, _ := w.Desk()
	if _, err := d.Releases(t.Context(), other, []string{"m1"}); err != nil {
		t.Fatal(err)
	}
	w.Advance(2 * time.Hour)
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, _, err := d.Journal.Find(t.Context(), commandID, "m1")
	if err != nil || e.State != journal.Failed {
		t.Errorf("the journal says %+v, %v", e, err)
	}
}
