package hunt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/internal/long"
	"cordon/handler/ledger/runs"
	"cordon/local/funchost"
	"cordon/local/tables"
)

// passing is trouble that may pass.
type passing struct{ after time.Duration }

func (p passing) Error() string                  { return "too many requests" }
func (p passing) RetryIn() (time.Duration, bool) { return p.after, true }

func TestARowIsReportedOnceWhileItIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.show(1, 2)
	w.run()
	if len(w.asked) != 0 {
		t.Fatal("a hunt that was never seen ran before its turn")
	}
	for hour := range 30 {
		w.advance(time.Hour)
		if hour == 3 {
			w.show(1, 2, 3)
		}
		w.run()
		w.run() // nothing is due
	}
	w.deliver()
	if len(w.asked) != 30 {
		t.Errorf("asked %d times in 30 turns", len(w.asked))
	}
	// Found at 13:00 and, after a day of memory, again; host3 at 16:00 and again.
	if diff := cmp.Diff(map[string]int{"host1": 2, "host2": 2, "host3": 2}, w.mailed()); diff != "" {
		t.Errorf("mailed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{machineID(1): 2, machineID(2): 2, machineID(3): 2}, w.findings()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestTheFirstTurnCanLearnOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(hourly, "// memory", "// first: learn\n// memory", 1))
	w.show(1, 2)
	w.run()
	w.advance(time.Hour)
	w.run()
	w.show(1, 2, 3)
	w.advance(time.Hour)
	w.run()
	w.deliver()
	if diff := cmp.Diff(map[string]int{"host3": 1}, w.mailed()); diff != "" {
		t.Errorf("mailed (-want +got):\n%s", diff)
	}
}

func TestMissedTurnsAreOneThatLooksBackOverAllOfThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	w.advance(time.Hour) // 13:00
	w.run()
	w.advance(10*time.Hour + 20*time.Minute) // the turns from 14:00 on were missed
	w.run()
	w.run()
	w.advance(time.Hour)
	w.run()
	w.advance(90 * 24 * time.Hour)
	w.run()
	got := fmt.Sprint(w.asked)
	want := fmt.Sprint([]time.Time{
		noon.Add(-time.Hour), noon, noon.Add(10 * time.Hour),
		noon.Add(12*time.Hour + 20*time.Minute).Add(60 * 24 * time.Hour),
	})
	if got != want {
		t.Errorf("looked back to %s, want %s", got, want)
	}
}

func TestAFailureIsToldOnceAndItsTimeIsLookedAtLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	w.fail = errors.New("Failed to resolve table 'DeviceProcesEvents'")
	for range 5 {
		w.advance(time.Hour)
		w.run()
	}
	w.deliver()
	if len(w.mails) != 1 || !strings.Contains(w.mails[0].Subject, "Hunt tools failed") ||
		!strings.Contains(w.mails[0].Text, "DeviceProcesEvents") {
		t.Fatalf("%d mails: %+v", len(w.mails), w.mails)
	}
	w.fail = nil
	w.show(1)
	w.advance(time.Hour)
	w.run()
	if last := w.asked[len(w.asked)-1]; !last.Equal(noon.Add(-time.Hour)) {
		t.Errorf("after five failed turns it looked back to %s", last)
	}
	w.fail = context.DeadlineExceeded
	w.advance(time.Hour)
	w.run()
	w.deliver()
	if len(w.mails) != 3 || w.mailed()["host1"] != 1 {
		t.Errorf("after it succeeded and failed again there are %d mails", len(w.mails))
	}
}

// TestTroubleThatCannotBeNotedIsAnError has the ledger fail when a turn that is throttled is given back.
func TestTroubleThatCannotBeNotedIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hourly)
	w.show(1)
	w.run()
	w.advance(time.Hour)
	w.fail = passing{2 * time.Minute}
	w.asked = nil
	w.tables.SetFault(func(r *http.Request) *tables.Fault {
		if r.Method == http.MethodGet || len(w.asked) == 0 || !strings.Contains(r.URL.Path, "hunts(") {
			return nil
		}
		return &tables.Fault{Status: http.StatusForbidden}
	})
	p := w.start(-1, false)
	if err := p.runner.Run(t.Context()); err == nil {
		t.Error("nobody hears that the turn could not be given back")
	}
}

func TestThrottlingIsWaitedForAndNoFailure(t *testing.T) {
	t.Parallel()
	other := strings.ReplaceAll(hourly, "tools", "zools")
	w := newWorld(t, hourly, other)
	w.show(1)
	w.run()
	w.advance(time.Hour)
	w.fail = passing{2 * time.Minute}
	w.run()
	if len(w.asked) != 1 {
		t.Fatalf("asked %d times although the API wants to be left alone", len(w.asked))
	}
	w.fail = nil
	w.advance(time.Minute)
	p := w.run() // the other hunt was not told to wait
	if len(w.asked) != 2 {
		t.Errorf("asked %d times within the pause", len(w.asked))
	}
	w.advance(time.Minute)
	w.run()
	w.deliver()
	if w.mailed()["host1"] != 2 || len(w.mails) != 2 {
		t.Errorf("after the pause %v was mailed in %d mails", w.mailed(), len(w.mails))
	}
	w.fail = passing{}
	w.advance(time.Hour)
	for range 10 {
		w.run()
		w.advance(time.Minute)
	}
	w.deliver()
	if h, err := p.ledger.Hunts.Of(t.Context(), "tools"); err != nil || h.FailedAt.IsZero() || len(w.mails) != 4 {
		t.Errorf("trouble that does not pass: %+v, %v, %d mails", h, err, len(w.mails))
	}
}

func TestARowWithoutAMachineIsMailedOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(hourly, "do: both", "do: findings", 1))
	w.run()
	w.show(1)
	w.rows = append(w.rows, []string{"", "host8", "tool.exe", ""},
		[]string{"host9.example.com", "host9", "tool.exe", ""})
	w.advance(time.Hour)
	w.run()
	w.deliver()
	if diff := cmp.Diff(map[string]int{"host8": 1, "host9": 1}, w.mailed()); diff != "" {
		t.Errorf("mailed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{machineID(1): 1}, w.findings()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestAResultWithoutTheColumnsOfTheIdentityIsAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(hourly, "DeviceId, FileName", "DeviceId, SHA1", 1))
	w.run()
	w.show(1)
	w.advance(time.Hour)
	w.run()
	w.deliver()
	if len(w.mails) != 1 || !strings.Contains(w.mails[0].Text, "no column SHA1") || len(w.sent) != 0 {
		t.Errorf("%+v", w.mails)
	}
}

func TestNothingNewIsMailedOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]int{"": 0, "// empty: mail\n": 1} {
		w := newWorld(t, strings.Replace(hourly, "// memory", header+"// memory", 1))
		w.run()
		w.advance(time.Hour)
		w.run()
		w.deliver()
		if len(w.mails) != want {
			t.Errorf("%q: %d mails", header, len(w.mails))
		}
	}
}

func TestMoreRowsThanATurnReportsFollowWithTheNext(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := newWorld(t, strings.Replace(strings.Replace(hourly, "do: both", "do: mail", 1), "// severity: High\n", "", 1))
	w.run()
	var all []int
	for i := range maxNew + 5 {
		all = append(all, i)
	}
	w.show(all...)
	for range 3 {
		w.advance(time.Hour)
		w.run()
	}
	w.deliver()
	rows := 0
	for _, m := range w.mails {
		rows += strings.Count(string(m.File.Body), "host")
	}
	if len(w.mails) != 2 || rows != maxNew+5 || !strings.Contains(w.mails[0].Text, "More rows are new") {
		t.Errorf("%d mails with %d rows", len(w.mails), rows)
	}
	if !w.asked[1].Equal(noon.Add(-time.Hour)) {
		t.Errorf("the rest was looked for from %s on", w.asked[1])
	}
}

func TestManyAtOnceRunATurnOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	w.show(1, 2)
	w.advance(time.Hour)
	var group sync.WaitGroup
	for range 6 {
		p := w.start(-1, false)
		group.Go(func() {
			if err := p.runner.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	w.deliver()
	if len(w.asked) != 1 || len(w.mails) != 1 {
		t.Errorf("asked %d times, %d mails", len(w.asked), len(w.mails))
	}
}

// TestKilledAnywhereNoRowIsReportedTwiceOrLost kills the process before and after every call that it makes in a turn;
// the query gives another row when it is asked again, and with gone the first row no more.
func TestKilledAnywhereNoRowIsReportedTwiceOrLost(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, mute := range []bool{false, true} {
		for _, gone := range []bool{false, true} {
			points := 0
			for killed := true; killed; points++ {
				killed = killAt(t, points, mute, gone)
			}
			t.Logf("answer lost %v, a row gone %v: %d kill points", mute, gone, points-1)
			if points < 25 {
				t.Errorf("only %d kill points", points)
			}
		}
	}
}

func killAt(t *testing.T, k int, mute, gone bool) (killed bool) {
	t.Helper()
	w := newWorld(t)
	w.run()
	w.show(1, 2)
	w.advance(time.Hour)
	mortal := w.start(k, mute)
	err := mortal.runner.Run(context.Background())
	if !mortal.Died() && err != nil {
		t.Fatal(err)
	}
	w.show(1, 2, 3)
	if gone {
		w.show(2, 3)
	}
	for range 3 {
		w.advance(10 * time.Minute)
		w.run()
	}
	w.advance(time.Hour)
	w.run()
	w.deliver()
	w.advance(2 * time.Minute) // a mail that is late waits once more
	w.deliver()
	mails, machines := w.mailed(), w.findings()
	for n := 1; n <= 3; n++ {
		mailed, sent := mails[fmt.Sprint("host", n)], machines[machineID(n)]
		if sent == 0 && standing(t, w, n) {
			sent = 1
		}
		// What was gone before anything was recorded of it is as if the query had come later.
		if mailed != sent || mailed > 1 || mailed == 0 && (n != 1 || !gone) {
			t.Errorf("killed at %d (answer lost %v, a row gone %v): machine %d is in %d mails and %d messages", k, mute,
				gone, n, mailed, sent)
		}
	}
	return mortal.Died()
}

// standing reports whether a finding is observed and will be sent by the sweep of runs that stand still.
func standing(t *testing.T, w *world, n int) bool {
	t.Helper()
	p := w.start(-1, false)
	found := false
	err := p.ledger.Runs.EachOpen(t.Context(), func(o runs.OpenEntry) error {
		run, open, err := p.ledger.Runs.ReadOpen(t.Context(), o, w.clock())
		found = found || open && run.MachineID == machineID(n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestATickThatComesEarlyRunsWhatIsDue has a timer tick every five minutes, some milliseconds early or late, as the
// host's do.
func TestATickThatComesEarlyRunsWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(hourly, "0 0 * * * *", "0 */10 * * * *", 1))
	w.run()
	off := []time.Duration{
		-3 * time.Millisecond, 0, 2 * time.Millisecond, -time.Millisecond, 900 * time.Millisecond,
		-400 * time.Millisecond,
	}
	for tick := 1; tick <= 60; tick++ {
		w.advance(noon.Add(time.Duration(tick)*5*time.Minute + off[tick%len(off)]).Sub(w.clock()))
		before := len(w.asked)
		p := w.run()
		if ran := len(w.asked) - before; ran != (tick+1)%2 {
			t.Errorf("tick %d at %s ran %d turns", tick, w.clock().Format("15:04:05.000"), ran)
		}
		state, err := p.ledger.Hunts.Of(t.Context(), "tools")
		if want := noon.Add(time.Duration(tick/2+1) * 10 * time.Minute); err != nil || !state.Due.Equal(want) {
			t.Errorf("tick %d: next turn %s, want %s (%v)", tick, state.Due, want, err)
		}
	}
	for i, since := range w.asked {
		// Each turn begins where the one before it ended, or earlier.
		if want := noon.Add(time.Duration(i+1)*10*time.Minute - 2*time.Hour); since.After(want.Add(time.Second)) {
			t.Errorf("turn %d looks back to %s, want %s", i, since, want)
		}
	}
}

// TestADayOfTheHostsTicksRunsEveryTurnOnce has a timer tick every minute for a day, as early and as late as the host's
// do.
func TestADayOfTheHostsTicksRunsEveryTurnOnce(t *testing.T) {
	t.Parallel()
	for text, every := range map[string]int{
		"0 * * * * *":    1,
		"0 */5 * * * *":  5,
		"0 0 * * * *":    60,
		"0 0 0,12 * * *": 720,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, strings.Replace(hourly, "0 0 * * * *", text, 1))
			p := w.run()
			for tick := 1; tick <= 24*60; tick++ {
				mark := noon.Add(time.Duration(tick) * time.Minute)
				w.advance(mark.Add(funchost.Lateness(1, "RunHunts", mark)).Sub(w.clock()))
				before := len(w.asked)
				if err := p.runner.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := 0
				if tick%every == 0 {
					want = 1
				}
				if ran := len(w.asked) - before; ran != want {
					t.Errorf("tick %d at %s ran %d turns, want %d", tick, w.clock().Format("15:04:05.000"), ran, want)
				}
			}
		})
	}
}

// TestTroubleThatPassesIsOverAtAnEarlyTick has the API ask for exactly one interval of the timer.
func TestTroubleThatPassesIsOverAtAnEarlyTick(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	w.fail = passing{5 * time.Minute}
	w.advance(time.Hour + 2*time.Millisecond)
	w.run()
	w.fail = nil
	w.advance(5*time.Minute - 5*time.Millisecond)
	w.run()
	if len(w.asked) != 2 {
		t.Errorf("asked %d times", len(w.asked))
	}
}

func TestAResultWithoutRowsNeedNotSayItsColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, _ := w.hunts.Find("tools")
	if result, more, err := h.fresh(Table{}, nil); err != nil || more || len(result.Rows) > 0 {
		t.Errorf("%+v, %v, %v", result, more, err)
	}
	if digests, err := h.all(Table{}); err != nil || len(digests) > 0 {
		t.Errorf("%v, %v", digests, err)
	}
	if _, err := h.all(Table{Columns: []Column{{Name: "x"}}}); err == nil {
		t.Error("a result without the columns of the identity is taken")
	}
}
