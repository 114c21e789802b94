package oncall

import (
	"fmt"
	"strings"
	"testing"

	"cordon/handler/operate/wire"
)

// TestAQuestionNamesStepsAndMachines has a scan and a tag that a rail held, an isolation, an alert of which an older
// version is listed too, and one that is not held.
func TestAQuestionNamesStepsAndMachines(t *testing.T) {
	t.Parallel()
	held := []wire.HeldEntry{
		{
			AlertID:     "da638994417204415533_-1184209733",
			Version:     2,
			MachineID:   "m1",
			MachineName: "fin-lt-0147.corp.contoso.com",
			Steps:       []wire.HeldStep{{Step: "scan Quick"}, {Step: "tag add seen"}},
			Reason:      "acting is paused",
		},
		{
			AlertID:     "da2",
			MachineID:   "m2",
			MachineName: "hr-vm-22.corp.contoso.com",
			Steps:       []wire.HeldStep{{Step: "isolate"}},
			Reason:      "protected: never-isolate",
		},
		{AlertID: "da638994417204415533_-1184209733", Version: 1, MachineID: "m1", Steps: []wire.HeldStep{{Step: "old"}}},
	}
	want := "  scan Quick, tag add seen on fin-lt-0147.corp.contoso.com; held because: acting is paused\n" +
		"  isolate on hr-vm-22.corp.contoso.com; held because: protected: never-isolate\n" +
		"  nothing that is held of da3"
	chosen := []string{"da638994417204415533_-1184209733", "da2", "da3"}
	if got := shownOf(held, chosen); got != want {
		t.Errorf("asked about\n%s\nwant\n%s", got, want)
	}
}

func TestHeldAlertsAreChosenByWhatAListShows(t *testing.T) {
	t.Parallel()
	held := []wire.HeldEntry{{AlertID: "da6389"}, {AlertID: "da6391", Over: "its run is over"}, {AlertID: "db6391"}}
	for name, tt := range map[string]struct {
		ids  []string
		all  bool
		way  heldWay
		want string
	}{
		"the beginning of one": {[]string{"da6391"}, false, continuing(), "[da6391]"},
		"repeats":              {[]string{"db63", "db6391"}, false, continuing(), "[db6391]"},
		"one that is not held": {[]string{"dc1"}, false, continuing(), "[dc1]"},
		"all that can go on":   {nil, true, continuing(), "[da6389 db6391]"},
		"all to drop":          {nil, true, droppingHeld(), "[da6389 da6391 db6391]"},
	} {
		chosen, err := chooseHeld(held, tt.ids, tt.all, tt.way)
		if got := fmt.Sprint(chosen); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, tt.want)
		}
	}
	if chosen, err := chooseHeld(held, []string{"da63"}, false, continuing()); err == nil ||
		!strings.Contains(err.Error(), "da63 is the beginning of 2 ids") {
		t.Errorf("two that begin so: %v, %v", chosen, err)
	}
}
