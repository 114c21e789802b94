package desk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"cordon/handler/desk"
	"cordon/handler/machine"
)

// names is Defender as it names machines now; of an id that is not there it knows nothing.
type names map[string]string

func (n names) Machine(_ context.Context, id string) (machine.Machine, error) {
	name, known := n[id]
	if !known {
		return machine.Machine{}, errors.New("503")
	}
	return machine.Machine{ID: id, ComputerDNSName: name}, nil
}

// TestOnlyTheOneMachineThatIsMeantIsReleasable has names that several machines have, old names, and machines that
// cannot be released now.
func TestOnlyTheOneMachineThatIsMeantIsReleasable(t *testing.T) {
	t.Parallel()
	all := []desk.Isolation{
		{MachineID: "id1", MachineName: "old.contoso.com", API: "isolated"},
		{MachineID: "id2", API: "isolated"},
		{MachineID: "id3", API: "isolated"},
		{MachineID: "id4", API: "isolated", Release: machine.Pending},
		{MachineID: "id5", API: "being isolated", ActionID: "a5"},
	}
	api := names{
		"id1": "pc1.contoso.com",
		"id2": "pc2.contoso.com",
		"id3": "pc2.fabrikam.com",
		"id4": "pc4.contoso.com",
		"id5": "pc5.contoso.com",
	}
	for which, want := range map[string]string{
		"ID1":              "id1",
		"pc1":              "id1",
		"PC1.contoso.com":  "id1",
		"pc2.fabrikam.com": "id3",
		"pc2":              "2 isolated machines have the name pc2; name one by its id: id2, id3",
		"old.contoso.com":  "no isolated machine has the id or name old.contoso.com",
		"pc":               "no isolated machine has the id or name pc",
		"":                 "no isolated machine has the id or name",
		"id4":              "a release of id4 is under way already (Pending)",
		"pc5":              "pc5.contoso.com is not isolated yet: action a5 is under way",
	} {
		i, err := desk.Releasable(t.Context(), api, all, which)
		if got := i.MachineID; err == nil && got != want {
			t.Errorf("%q: released would be %s, want %s", which, got, want)
		}
		if err != nil && (!strings.Contains(err.Error(), want) || i.MachineID != "") {
			t.Errorf("%q: %v, want %s", which, err, want)
		}
	}
	delete(api, "id3") // it may be a second pc1
	if i, err := desk.Releasable(t.Context(), api, all, "pc1"); err == nil || i.MachineID != "" {
		t.Errorf("released would be %s although a name cannot be read", i.MachineID)
	}
	if i, err := desk.Releasable(t.Context(), api, all, "id1"); err != nil || i.MachineID != "id1" {
		t.Errorf("by its id: %s, %v", i.MachineID, err)
	}
}

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
	action, err := desk.Release(t.Context(), d, desk.Isolation{MachineID: "id1"}, desk.Says("kim", "reimaged"))
	want := machine.Request{Type: machine.Unisolate, Comment: "Released by kim: reimaged"}
	if err != nil || action.ID != "a1" || d.of != "id1" || d.asked != want {
		t.Errorf("asked %s for %+v: %+v, %v", d.of, d.asked, action, err)
	}
	d.err = lost{}
	_, err = desk.Release(t.Context(), d, desk.Isolation{MachineID: "id1"}, desk.Says("kim", "reimaged"))
	if err == nil || !strings.Contains(err.Error(), "not known whether the release was accepted") {
		t.Errorf("of a request whose answer was lost: %v", err)
	}
}
