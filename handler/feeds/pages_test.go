package feeds

import (
	"fmt"
	"testing"
	"time"

	"cordon/handler/playbook/read"
	"cordon/local/defendersim"
)

// TestPagesThatShiftWhileTheyAreReadLoseNothing has more alerts in one second than a page holds, so that pages must be
// skipped through, and changes some between two pages: what is updated leaves the window, the others move up, and as
// many as that are on no page.
func TestPagesThatShiftWhileTheyAreReadLoseNothing(t *testing.T) {
	t.Parallel()
	book, err := read.Load("test.yaml", []byte(isolateHigh))
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorld(feed{Lookback: time.Hour, Window: day}, book)
	if err != nil {
		t.Fatal(err)
	}
	const alerts = 2600
	for i := range alerts {
		at := epoch.Add(-2*time.Minute + time.Duration(i)*100*time.Nanosecond)
		id := w.sim.AddAlert(defendersim.Alert{ID: fmt.Sprintf("da%d", i+1), Severity: "Low", Updated: at}, epoch)
		w.alerts = append(w.alerts, id)
		w.listed[id] = epoch
	}
	pages := 0
	w.onPage = func() {
		if pages++; pages > 20 {
			return // of the windows on the way to the second, and of the second itself
		}
		w.advance(w.now.Add(time.Second))
		for i := range 3 {
			w.alter(pages*3+i, toMedium, false)
		}
	}
	w.runPoll(w.poller)
	if pages < 4 {
		t.Fatalf("%d pages were read: none was skipped to", pages)
	}
	w.onPage = nil
	w.advance(w.now.Add(firstTick))
	w.runPoll(w.poller)
	for _, p := range w.problems {
		t.Errorf("%s %s", p.promise, p.text)
	}
	for _, a := range w.sim.Alerts() {
		if w.recorded(a.ID) != w.hash(a) {
			t.Errorf("%s is not recorded as the API shows it", a.ID)
		}
	}
}
