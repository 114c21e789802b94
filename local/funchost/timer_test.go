package funchost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// poller is an app with one timer that fires every five minutes; its clock stands at 10:02:30.
func poller(t *testing.T, more string) *app {
	a := newApp(t, plainHost, map[string]string{"PollAlerts": timerFunction("%SCHEDULE%", more)})
	a.settings["SCHEDULE"] = "0 */5 * * * *"
	return a
}

// run takes the next run of the timer and tells its TimerInfo.
func (a *app) run() (*call, map[string]any) {
	a.t.Helper()
	c := a.next()
	if c.URI != "/PollAlerts" {
		a.t.Fatalf("the handler got %s", c.URI)
	}
	return c, at(parsed(a.t, []byte(c.Body)), "Data", "timer")
}

func info(last, next string, pastDue bool) map[string]any {
	day := func(s string) string {
		if s == "" {
			return "0001-01-01T00:00:00+00:00"
		}
		return "2026-03-02T" + s + "+00:00"
	}
	return map[string]any{
		"Schedule":       map[string]any{"AdjustForDST": true},
		"ScheduleStatus": map[string]any{"Last": day(last), "Next": day(next), "LastUpdated": day(last)},
		"IsPastDue":      pastDue,
	}
}

func (a *app) wantRun(want map[string]any) *call {
	a.t.Helper()
	c, got := a.run()
	if d := cmp.Diff(want, got); d != "" {
		a.t.Errorf("TimerInfo (-want +got):\n%s", d)
	}
	return c
}

func TestATimerFiresAtItsOccurrences(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	a.start()
	a.clock.pass(t, 150*time.Second)
	a.wantRun(info("", "10:05:00", false)).succeed()
	a.event()
	a.clock.pass(t, 5*time.Minute)
	a.wantRun(info("10:05:00", "10:10:00", false)).answer(reply{Status: 500})
	if e := a.event(); e.Err == nil {
		t.Error("the run succeeded")
	}
	a.clock.pass(t, 5*time.Minute)
	a.wantRun(info("10:10:00", "10:15:00", false)).succeed() // a failed run advances too
}

// earlyClock fires every timer of more than a minute one second early.
type earlyClock struct{ *fakeClock }

func (c earlyClock) AfterFunc(d time.Duration, f func()) func() bool {
	if d > time.Minute {
		d -= time.Second
	}
	return c.fakeClock.AfterFunc(d, f)
}

func TestATimerThatFiresAMomentEarlyDoesNotRunItsOccurrenceTwice(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	a.start(func(o *Options) { o.Clock = earlyClock{a.clock} })
	a.clock.pass(t, 149*time.Second)
	a.wantRun(info("", "10:05:00", false)).succeed()
	a.event()
	a.clock.pass(t, 5*time.Minute) // from 10:04:59 to 10:09:59
	a.wantRun(info("10:05:00", "10:10:00", false)).succeed()
}

func TestRunsOfATimerNeverOverlapAndALateRunCollapsesWhatItMissed(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	a.write("host.json", strings.Replace(plainHost, "00:05:00", "01:00:00", 1))
	a.start()
	a.clock.pass(t, 150*time.Second)
	first := a.wantRun(info("", "10:05:00", false))
	a.clock.advance(12 * time.Minute) // 10:10 and 10:15 pass
	a.silent()
	first.succeed()
	a.event()
	a.wantRun(info("10:05:00", "10:10:00", false)).succeed()
	a.event()
	a.clock.pass(t, 3*time.Minute)
	a.wantRun(info("10:17:00", "10:20:00", false)).succeed()
}

func TestMissedOccurrencesAreCaughtUpOnceAtStart(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	dir := t.TempDir()
	keep := func(o *Options) { o.StatusDir = dir }
	h := a.start(keep)
	a.clock.pass(t, 150*time.Second)
	a.wantRun(info("", "10:05:00", false)).succeed()
	a.event()
	eventually(t, "the next run is planned", func() bool { return a.clock.pending(5*time.Minute) > 0 })
	h.Close()
	a.clock.advance(26*time.Minute + 44*time.Second)
	a.start(keep)
	a.wantRun(info("10:05:00", "10:10:00", true)).succeed()
	a.event()
	a.clock.pass(t, 3*time.Minute+16*time.Second)
	a.wantRun(info("10:31:44", "10:35:00", false)).succeed()
}

func TestAFirstOccurrenceMissedByADownHostIsPastDue(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	dir := t.TempDir()
	keep := func(o *Options) { o.StatusDir = dir }
	h := a.start(keep)
	eventually(t, "the first run is planned", func() bool { return a.clock.pending(150*time.Second) > 0 })
	h.Close()
	a.clock.advance(3 * time.Minute)
	a.start(keep)
	want := info("", "10:05:00", true)
	at(want, "ScheduleStatus")["LastUpdated"] = "2026-03-02T10:02:30+00:00"
	a.wantRun(want).succeed()
}

func TestAChangedScheduleIsNeverPastDue(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	dir := t.TempDir()
	keep := func(o *Options) { o.StatusDir = dir }
	h := a.start(keep)
	eventually(t, "the first run is planned", func() bool { return a.clock.pending(150*time.Second) > 0 })
	h.Close()
	a.settings["SCHEDULE"] = "0 0 * * * *"
	a.clock.advance(time.Hour)
	a.start(keep)
	eventually(t, "the next full hour is planned", func() bool { return a.clock.pending(57*time.Minute+30*time.Second) > 0 })
	a.silent()
}

func TestATimerWithoutMonitorSendsNoStatus(t *testing.T) {
	t.Parallel()
	want := map[string]any{"Schedule": map[string]any{"AdjustForDST": true}, "ScheduleStatus": nil, "IsPastDue": false}
	for name, test := range map[string]struct {
		schedule, more string
		wait           time.Duration
	}{
		"useMonitor false":        {"0 */5 * * * *", `,"useMonitor":false`, 150 * time.Second},
		"more than once a minute": {"*/20 * * * * *", "", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := poller(t, test.more)
			a.settings["SCHEDULE"] = test.schedule
			dir := t.TempDir()
			a.start(func(o *Options) { o.StatusDir = dir })
			a.clock.pass(t, test.wait)
			a.wantRun(want).succeed()
			a.event()
			if _, err := os.Stat(filepath.Join(dir, "PollAlerts")); !os.IsNotExist(err) {
				t.Errorf("a status was kept: %v", err)
			}
		})
	}
}

func TestRunOnStartupLooksLikeANormalRun(t *testing.T) {
	t.Parallel()
	a := poller(t, `,"runOnStartup":true`)
	a.start()
	a.wantRun(info("", "10:05:00", false)).succeed()
	a.event()
	a.clock.pass(t, 150*time.Second)
	a.wantRun(info("10:02:30", "10:05:00", false)).succeed()
}

func TestARunCutShortIsCaughtUp(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	h := a.start()
	a.clock.pass(t, 150*time.Second)
	a.wantRun(info("", "10:05:00", false))
	a.clock.advance(time.Second)
	h.KillAll()
	want := info("", "10:05:00", true)
	at(want, "ScheduleStatus")["LastUpdated"] = "2026-03-02T10:02:30+00:00"
	a.wantRun(want).succeed()
}

func TestATimerRunsInOneInstanceOnly(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	a.start(func(o *Options) { o.Instances = map[string]int{"PollAlerts": 2} })
	a.clock.pass(t, 150*time.Second)
	a.wantRun(info("", "10:05:00", false)).succeed()
	a.event()
	eventually(t, "the next run is planned", func() bool { return a.clock.pending(5*time.Minute) == 1 })
	a.silent()
}

func TestATimerByHandIgnoresItsInputAndIsNotPastDue(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	h := a.start()
	eventually(t, "the first run is planned", func() bool { return a.clock.pending(150*time.Second) > 0 })
	result := make(chan error, 1)
	go func() { result <- h.Invoke(t.Context(), "PollAlerts", "whatever") }()
	want := info("", "10:05:00", false)
	at(want, "ScheduleStatus")["LastUpdated"] = "2026-03-02T10:02:30+00:00"
	a.wantRun(want).succeed()
	if err := receive(t, result, "result"); err != nil {
		t.Error(err)
	}
}

func TestADamagedStatusStopsTheHostAndNamesTheFile(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	dir := t.TempDir()
	path := filepath.Join(dir, "PollAlerts", "status")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := a.start(func(o *Options) { o.StatusDir = dir })
	if err := h.Wait(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Wait: %v", err)
	}
}
