package poll

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/starts"
	"cordon/local/funchost"
)

// pollEvery polls once a minute for a while.
func (f *tenant) pollFor(t fatal, d, every time.Duration) {
	t.Helper()
	for range d / every {
		f.advance(every)
		f.poll(t)
	}
}

// answer closes the newest run of an alert, as a responder does.
func (f *tenant) answer(t *testing.T, id string) {
	t.Helper()
	record, err := f.Runs.Alert(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Runs.Update(t.Context(), id, record.Seen.Version, func(run *runs.Run) (bool, error) {
		run.State, run.Outcome = runs.Closed, "no rule"
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAlertThatBecomesVisibleLaterThanTheOverlapIsFoundByASweep(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{6 * time.Hour, 3 * 24 * time.Hour} {
		f := newTenant(t)
		f.show("late", alert.High, noon.Add(time.Minute), noon.Add(late))
		f.poll(t)
		f.pollFor(t, late+25*time.Hour, 30*time.Minute)
		if !strings.HasPrefix(f.ids()+" ", "late:v1 ") || strings.Contains(f.ids(), "v2") {
			t.Errorf("%s late: sent %s", late, f.ids())
		}
		found, err := ReadLateness(t.Context(), f.Switches)
		if err != nil || found.Longest < late-2*time.Minute || found.AlertID != "late" {
			t.Errorf("%s late: noted %+v, %v", late, found, err)
		}
		if swept, err := ReadSwept(t.Context(), f.Switches); err != nil || swept.Late != 1 || swept.At.IsZero() {
			t.Errorf("%s late: counted %+v, %v", late, swept, err)
		}
	}
}

// TestAlertThatBecomesVisibleInAnOutageIsFoundAfterIt has the alert dated before the watermark, so that no poll catches
// up with it, and visible while nobody looks.
func TestAlertThatBecomesVisibleInAnOutageIsFoundAfterIt(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.poll(t)
	f.advance(3 * time.Hour)
	f.poll(t)
	f.show("late", alert.High, noon.Add(time.Hour), noon.Add(24*time.Hour))
	f.advance(30 * 24 * time.Hour)
	f.poll(t)
	if !strings.HasPrefix(f.ids(), "late:v1") {
		t.Errorf("sent %q", f.ids())
	}
}

// TestAlertThatIsAlmostAWeekLateIsFoundWheneverTheLongSweepIs has the alert become visible right after a long sweep: at
// the next one it is more than a week old.
func TestAlertThatIsAlmostAWeekLateIsFoundWheneverTheLongSweepIs(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.poll(t)
	f.show("late", alert.High, noon.Add(2*time.Minute), noon.Add(7*24*time.Hour+time.Minute))
	f.pollFor(t, 8*24*time.Hour, 6*time.Hour)
	if !strings.HasPrefix(f.ids(), "late:v1") {
		t.Errorf("sent %q", f.ids())
	}
}

// TestAlertThatALongSweepShouldHaveSeenIsFoundByTheNext has the pages lose the alert in the one long sweep that begins
// a week before the alert became visible.
func TestAlertThatALongSweepShouldHaveSeenIsFoundByTheNext(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.poll(t)
	day := 24 * time.Hour
	f.show("late", alert.High, noon.Add(2*time.Minute), noon.Add(7*day+time.Minute))
	f.pollFor(t, 8*day-6*time.Hour, 6*time.Hour)
	lost := f.alerts
	f.alerts = nil
	f.pollFor(t, 6*time.Hour, 6*time.Hour)
	f.alerts = lost
	f.pollFor(t, day, 6*time.Hour)
	if !strings.HasPrefix(f.ids(), "late:v1") {
		t.Errorf("sent %q", f.ids())
	}
}

func TestChangeThatBecomesVisibleLateIsTheNextVersion(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.show("da1", alert.Medium, noon.Add(-time.Minute), noon)
	f.poll(t)
	f.answer(t, "da1")
	f.advance(time.Hour)
	raised := f.clock().Add(-40 * time.Minute) // behind the overlap
	f.show("da1", alert.High, raised, noon)
	f.pollFor(t, time.Hour, time.Hour)
	if got := f.ids(); got != "da1:v1 da1:v2" {
		t.Errorf("sent %s", got)
	}
}

func TestUpdateThatNoRuleCanSeeIsFetchedOnce(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	for i := range 30 { // more than are fetched one by one
		f.show(fmt.Sprintf("da%d", i), alert.Low, noon.Add(-time.Minute), noon)
	}
	f.poll(t)
	for i := range 30 {
		f.answer(t, fmt.Sprintf("da%d", i))
	}
	f.advance(time.Hour)
	for i := range 30 { // a comment, seen by no poll
		f.show(fmt.Sprintf("da%d", i), alert.Low, f.clock().Add(-40*time.Minute), noon)
	}
	f.poll(t)
	f.windows = nil
	f.pollFor(t, 3*time.Hour, time.Hour)
	if len(f.windows) != 3 || len(f.sent) != 30 {
		t.Errorf("%d pages were read by three polls, %d messages sent", len(f.windows), len(f.sent))
	}
}

func TestSweepsGoBackNoFurtherThanTheFirstPoll(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.show("old", alert.High, noon.Add(-2*time.Hour), noon.Add(-2*time.Hour))
	f.poll(t)
	f.pollFor(t, 30*time.Hour, time.Hour)
	if len(f.sent) != 0 || f.stamps < 24 {
		t.Errorf("sent %s; %d pages were looked through", f.ids(), f.stamps)
	}
}

func TestWhatHappensWhileTheFirstPollFailsIsNotLeftOut(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.full = errors.New("the queue is not there yet")
	f.show("da1", alert.High, noon.Add(-time.Minute), noon)
	for range 3 {
		if err := f.Poll(t.Context()); err == nil {
			t.Fatal("a poll without a queue succeeded")
		}
		f.advance(24 * time.Hour)
	}
	f.full = nil
	f.poll(t)
	if f.ids() != "da1:v1 da1:v1:s3" { // recorded by the first poll, and standing still since
		t.Errorf("sent %s", f.ids())
	}
}

func TestAlertDatedInTheFutureIsSeenNowAndSoAreItsChanges(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.show("da1", alert.Medium, noon.Add(72*time.Hour), noon)
	f.poll(t)
	f.answer(t, "da1")
	f.advance(time.Minute)
	f.show("da1", alert.High, f.clock(), noon) // its update is dated by the real clock, before what was seen
	f.poll(t)
	f.answer(t, "da1")
	f.pollFor(t, 3*time.Hour, 30*time.Minute)
	if got := f.ids(); got != "da1:v1 da1:v2" {
		t.Errorf("sent %s", got)
	}
}

func TestClockBehindTheAPIStopsNoPoll(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.skew = time.Hour
	f.poll(t)
	f.show("da1", alert.High, f.clock().Add(time.Hour), noon)
	f.pollFor(t, time.Minute, time.Minute)
	if f.ids() != "da1:v1" {
		t.Errorf("sent %s", f.ids())
	}
}

func TestItemLostAtTheEdgeOfAPageDoesNotMakeAWindowLookComplete(t *testing.T) {
	long.Test(t)
	t.Parallel()
	f := newTenant(t)
	alerts := Defender(nil).page + Defender(nil).page/2
	for i := range alerts {
		f.alerts = append(f.alerts,
			shown{alert.Alert{ID: fmt.Sprintf("da%d", i), Updated: noon.Add(-time.Minute)}, noon})
	}
	f.loseAtEdge = 3
	f.poll(t)
	f.loseAtEdge = 0
	f.advance(time.Minute)
	f.poll(t)
	distinct := map[string]bool{}
	for _, e := range f.sent {
		distinct[e.Message.AlertID] = true
	}
	if len(distinct) != alerts {
		t.Errorf("%d of %d were sent", len(distinct), alerts)
	}
}

// TestVersionThatStandsStillIsSentAgainUnderAFreshID goes through the ways a run can stand still after its alert has
// left the overlap: never begun, begun and interrupted, waiting for an episode that nobody follows.
func TestVersionThatStandsStillIsSentAgainUnderAFreshID(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		run  func(*runs.Run)
		want string
	}{
		"observed": {func(*runs.Run) {}, "da1:v1:s1"},
		"begun and interrupted": {func(r *runs.Run) {
			r.State, r.Begun = runs.Started, starts.Starts{{Process: "one", At: noon}}
		}, "da1:v1:s1"},
		"waiting, nobody follows": {func(r *runs.Run) { r.State, r.Episode = runs.Waiting, 1 }, "da1:v1:s1"},
		"expected back later": {func(r *runs.Run) {
			r.State, r.DueAt = runs.Started, noon.Add(3*time.Hour)
		}, ""},
		"closed": {func(r *runs.Run) { r.State = runs.Closed }, ""},
		"parked": {func(r *runs.Run) { r.State = runs.Parked }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newTenant(t)
			f.show("da1", alert.High, noon.Add(-20*time.Minute), noon)
			f.poll(t)
			if _, err := f.Runs.Update(t.Context(), "da1", 1, func(r *runs.Run) (bool, error) {
				tt.run(r)
				return true, nil
			}); err != nil {
				t.Fatal(err)
			}
			f.sent = nil
			f.advance(11 * time.Minute)
			f.poll(t)
			if f.ids() != tt.want {
				t.Errorf("sent %q", f.ids())
			}
			f.sent = nil
			f.advance(5 * time.Minute)
			f.poll(t)
			if f.ids() != "" {
				t.Errorf("sent again too early: %q", f.ids())
			}
		})
	}
}

func TestRunThatWaitsForAFollowedActionIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.show("da1", alert.High, noon.Add(-time.Minute), noon)
	f.poll(t)
	l, err := f.Latches.Of(t.Context(), "m-da1", latches.Isolation)
	if err != nil {
		t.Fatal(err)
	}
	l = latches.NextEpisode(l)
	l.State, l.ActionID = latches.Acting, "a1"
	if err := f.Latches.Save(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Runs.Update(t.Context(), "da1", 1, func(r *runs.Run) (bool, error) {
		r.State, r.Episode = runs.Waiting, 1
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	f.sent = nil
	f.pollFor(t, time.Hour, 10*time.Minute)
	if f.ids() != "" {
		t.Errorf("sent %s", f.ids())
	}
	// Its entry in the index of open episodes was lost: without it nobody would follow the action.
	if open, err := f.Latches.OpenEpisodes(t.Context()); err != nil || len(open) != 1 {
		t.Errorf("open episodes %+v, %v", open, err)
	}
}

func TestSweepSendsHighFirst(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	for i, severity := range []alert.Severity{alert.Low, alert.High, alert.Medium, alert.High} {
		f.show(fmt.Sprintf("da%d", i), severity, noon.Add(-20*time.Minute), noon)
	}
	f.poll(t)
	f.sent = nil
	f.pollFor(t, 11*time.Minute, 11*time.Minute)
	if got := f.ids(); !strings.HasSuffix(got, "da2:v1:s1 da0:v1:s1") || len(f.sent) != 4 {
		t.Errorf("sent %s", got)
	}
}

func TestPollEndsInGoodOrderBeforeItsTimeIsUp(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.show("da1", alert.High, noon.Add(-time.Minute), noon)
	ctx, cancel := context.WithTimeout(t.Context(), timeLeft-time.Second)
	defer cancel()
	if err := f.Poll(ctx); err != nil || len(f.sent) != 0 {
		t.Errorf("Poll = %v, sent %s", err, f.ids())
	}
	if mark, err := f.Switches.Mark(t.Context(), MarkPoll); err != nil || !mark.At.IsZero() {
		t.Errorf("a poll that read nothing counts as one: %+v, %v", mark, err)
	}
	f.poll(t)
	if f.ids() != "da1:v1" {
		t.Errorf("sent %s", f.ids())
	}
}

// TestHourlySweepsRunAtEveryPollOfAnHourlyPoller has ticks come some milliseconds early and late.
func TestHourlySweepsRunAtEveryPollOfAnHourlyPoller(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.Every = time.Hour
	for tick := range 12 {
		f.advance(noon.Add(time.Duration(tick)*time.Hour +
			[]time.Duration{2, -3, 0, -1}[tick%4]*time.Millisecond).Sub(f.clock()))
		f.poll(t)
		for _, mark := range []string{markSweepRuns, markSweepDay, markHousekeeping} {
			if swept, err := f.Switches.Mark(t.Context(), mark); err != nil || !swept.At.Equal(f.clock()) {
				t.Errorf("tick %d: %s ran at %s (%v)", tick, mark, swept.At, err)
			}
		}
	}
}

// TestADayOfTheHostsTicksSweepsAtEvenIntervals polls every minute for a day, as early and as late as the host's timers
// tick.
func TestADayOfTheHostsTicksSweepsAtEvenIntervals(t *testing.T) {
	long.Test(t)
	t.Parallel()
	f := newTenant(t)
	f.Every = time.Minute
	due := map[string]int{
		MarkPoll:         1,
		markSweepRuns:    10,
		markSweepDay:     60,
		markHousekeeping: 60,
		markSweepWeek:    24 * 60,
	}
	for tick := range 24*60 + 1 {
		mark := noon.Add(time.Duration(tick) * time.Minute)
		f.advance(mark.Add(funchost.Lateness(1, "PollAlerts", mark)).Sub(f.clock()))
		f.poll(t)
		for name, every := range due {
			swept, err := f.Switches.Mark(t.Context(), name)
			if ran := swept.At.Equal(f.clock()); err != nil || ran != (tick%every == 0) {
				t.Errorf("tick %d at %s: %s last at %s (%v)", tick, f.clock().Format("15:04:05.000"), name,
					swept.At.Format("15:04:05.000"), err)
			}
		}
	}
}
