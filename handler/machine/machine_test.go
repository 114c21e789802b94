package machine

import "testing"

func TestOnlyTheFourFinalStatusesAreFinal(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]bool{
		"Pending": false, "InProgress": false, "Succeeded": true, "Failed": true, "TimeOut": true, "TimedOut": true,
		"Cancelled": true, "Canceled": true, "cancelled": true, "Queued": false, "": false,
	} {
		if got := ParseActionStatus(status).Final(); got != want {
			t.Errorf("ParseActionStatus(%q).Final() = %v, want %v", status, got, want)
		}
	}
}

func TestUnknownStatusIsKeptAsItCame(t *testing.T) {
	t.Parallel()
	if got := ParseActionStatus("Queued"); got != "Queued" {
		t.Errorf("ParseActionStatus(Queued) = %q", got)
	}
}

func TestOppositeActionsUndoEachOther(t *testing.T) {
	t.Parallel()
	for _, a := range []ActionType{Isolate, Unisolate} {
		if a.Opposite().Opposite() != a || a.Opposite() == a {
			t.Errorf("%s: opposite is %s", a, a.Opposite())
		}
	}
	if got := ActionType("RunAntiVirusScan").Opposite(); got != "" {
		t.Errorf("a scan has an opposite: %s", got)
	}
}
