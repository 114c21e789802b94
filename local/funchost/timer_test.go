package funchost

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// storageIn is a storage whose statuses outlive it.
func storageIn(t *testing.T, dir string) *Storage {
	t.Helper()
	s, err := NewStorage(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tick lets the time come to the tick for an occurrence, which is a little beside its mark.
func (a *app) tick(mark string) {
	a.t.Helper()
	a.clock.reach(a.t, when(a.t, "2026-03-02T"+mark+"Z"))
}

// planned waits until a timer has an occurrence before it.
func (a *app) planned(mark string) {
	a.t.Helper()
	a.clock.planned(a.t, when(a.t, "2026-03-02T"+mark+"Z"))
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
	// Ticks are some milliseconds beside their mark, so are the times that say when they came.
	if status := at(got, "ScheduleStatus"); status != nil {
		for _, name := range []string{"Last", "LastUpdated"} {
			status[name] = when(a.t, status[name].(string)).Round(time.Second).Format("2006-01-02T15:04:05-07:00")
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		a.t.Errorf("TimerInfo (-want +got):\n%s", d)
	}
	return c
}

func TestATimerFiresAtItsOccurrences(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	a.start()
	a.tick("10:05:00")
	a.wantRun(info("", "10:05:00", false)).succeed()
	a.event()
	a.tick("10:10:00")
	a.wantRun(info("10:05:00", "10:10:00", false)).answer(reply{Status: 500})
	if e := a.event(); e.Err == nil {
		t.Error("the run succeeded")
	}
	a.tick("10:15:00")
	a.wantRun(info("10:10:00", "10:15:00", false)).succeed() // a failed run advances too
}

func TestRunsOfATimerNeverOverlapAndALateRunCollapsesWhatItMissed(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	a.write("host.json", strings.Replace(plainHost, "00:05:00", "01:00:00", 1))
	a.start()
	a.tick("10:05:00")
	first := a.wantRun(info("", "10:05:00", false))
	a.clock.advance(12 * time.Minute) // 10:10 and 10:15 pass
	a.silent()
	first.succeed()
	a.event()
	a.wantRun(info("10:05:00", "10:10:00", false)).succeed()
	a.event()
	a.tick("10:20:00")
	a.wantRun(info("10:17:00", "10:20:00", false)).succeed()
}

func TestMissedOccurrencesAreCaughtUpOnceAtStart(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	dir := t.TempDir()
	keep := func(o *Options) { o.Storage = storageIn(t, dir) }
	h := a.start(keep)
	a.tick("10:05:00")
	a.wantRun(info("", "10:05:00", false)).succeed()
	a.event()
	a.planned("10:10:00")
	h.Close()
	a.clock.advance(26*time.Minute + 44*time.Second)
	a.start(keep)
	a.wantRun(info("10:05:00", "10:10:00", true)).succeed()
	a.event()
	a.tick("10:35:00")
	a.wantRun(info("10:31:44", "10:35:00", false)).succeed()
}

func TestAFirstOccurrenceMissedByADownHostIsPastDue(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	dir := t.TempDir()
	keep := func(o *Options) { o.Storage = storageIn(t, dir) }
	h := a.start(keep)
	a.planned("10:05:00")
	h.Close()
	a.clock.advance(3 * time.Minute)
	a.start(keep)
	a.wantRun(fromDisk("10:05:00", true)).succeed()
}

func TestAChangedScheduleIsNeverPastDue(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	dir := t.TempDir()
	keep := func(o *Options) { o.Storage = storageIn(t, dir) }
	h := a.start(keep)
	a.planned("10:05:00")
	h.Close()
	a.settings["SCHEDULE"] = "0 0 * * * *"
	a.clock.advance(time.Hour)
	a.start(keep)
	a.planned("12:00:00")
	a.silent()
}

func TestATimerWithoutMonitorSendsNoStatus(t *testing.T) {
	t.Parallel()
	want := map[string]any{"Schedule": map[string]any{"AdjustForDST": true}, "ScheduleStatus": nil, "IsPastDue": false}
	for name, test := range map[string]struct {
		schedule, more string
		at             string
	}{
		"useMonitor false":        {"0 */5 * * * *", `,"useMonitor":false`, "10:05:00"},
		"more than once a minute": {"*/20 * * * * *", "", "10:02:40"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := poller(t, test.more)
			a.settings["SCHEDULE"] = test.schedule
			dir := t.TempDir()
			a.start(func(o *Options) { o.Storage = storageIn(t, dir) })
			a.tick(test.at)
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
	a.tick("10:05:00")
	a.wantRun(info("10:02:30", "10:05:00", false)).succeed()
}

func TestARunCutShortIsCaughtUp(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	h := a.start()
	a.tick("10:05:00")
	a.wantRun(info("", "10:05:00", false))
	a.clock.advance(time.Second)
	h.KillAll()
	a.clock.pass(t, time.Minute) // its own lease keeps it waiting
	a.wantRun(fromDisk("10:05:00", true)).succeed()
}

func TestATimerRunsInOneInstanceUntilAnotherTakesItOver(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	h := a.start(func(o *Options) { o.Instances = map[string]int{"PollAlerts": 2} })
	// a tick and a renewal of the one, and when the other tries again
	a.clock.walk(t, when(t, "2026-03-02T10:04:50Z"), 3)
	a.tick("10:05:00")
	c := a.wantRun(info("", "10:05:00", false))
	c.succeed()
	owner := a.event().Instance
	a.silent()
	a.planned("10:10:00")
	a.clock.walk(t, when(t, "2026-03-02T10:09:55Z"), 3)
	if err := h.Freeze("PollAlerts", owner); err != nil {
		t.Fatal(err)
	}
	// whatever the owner still waits for, it does not wake up; the other one tries again
	a.clock.advance(65 * time.Second)
	a.wantRun(info("10:05:00", "10:10:00", true)).succeed()
	if e := a.event(); e.Instance == owner {
		t.Errorf("instance %d goes on although it is frozen", owner)
	}
	if err := h.Thaw("PollAlerts", owner); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the one that thawed", func() bool {
		return strings.Contains(a.logs.text(), "its lease cannot be renewed, the host shuts down: 409")
	})
	eventually(t, "the end of its handler", func() bool { return syscall.Kill(c.PID, 0) == syscall.ESRCH })
	a.silent()
}

func TestALostInstanceKeepsItsLeaseAndAStoppedHostGivesItBack(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	store := storageIn(t, "")
	share := func(o *Options) { o.Storage = store }
	first := a.start(share)
	a.planned("10:05:00")
	if err := first.Lose("PollAlerts", 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its successor is refused", func() bool { return a.clock.pending(time.Minute) == 1 })
	a.clock.pass(t, time.Minute)
	a.planned("10:05:00")
	first.Close()
	a.start(share)
	a.tick("10:05:00")
	a.wantRun(fromDisk("10:05:00", false)).succeed()
}

// fromDisk is what a first run is sent that finds the status of a start at 10:02:30.
func fromDisk(next string, pastDue bool) map[string]any {
	want := info("", next, pastDue)
	at(want, "ScheduleStatus")["LastUpdated"] = "2026-03-02T10:02:30+00:00"
	return want
}

func TestALostStorageEndsTheHostOfATimerAndThePlatformStartsItAgain(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	a.starts = make(chan *call)
	store := storageIn(t, "")
	a.start(func(o *Options) { o.Storage = store })
	first := start(a)
	first.answer(reply{Status: 200})
	a.planned("10:05:00")
	store.Lose()
	a.clock.pass(t, 30*time.Second)
	deaf := func() bool {
		return strings.Contains(a.logs.text(), "starts without its storage and hears nothing for 2")
	}
	eventually(t, "the host is down and up again", deaf)
	if err := syscall.Kill(first.PID, 0); err != syscall.ESRCH {
		t.Errorf("its handler is still there: %v", err)
	}
	eventually(t, "it is deaf", func() bool {
		return a.clock.between(25*time.Second, 30*time.Second-time.Millisecond) == 1
	})
	a.clock.advance(30 * time.Second)
	start(a).answer(reply{Status: 200})
	eventually(t, "the timer cannot start", func() bool { return a.clock.pending(2*time.Second) == 1 })
	a.clock.settled(t, 1) // the handler is ready
	store.Restore()
	a.clock.advance(time.Minute)
	a.planned("10:05:00")
	a.tick("10:05:00")
	a.wantRun(fromDisk("10:05:00", false)).succeed()
}

func TestATimerByHandHasItsInputInMetadataAndIsNotPastDue(t *testing.T) {
	t.Parallel()
	a := poller(t, "")
	h := a.start()
	a.planned("10:05:00")
	result := make(chan error, 1)
	go func() { result <- h.Invoke(t.Context(), "PollAlerts", `what "ever"`) }()
	c := a.wantRun(fromDisk("10:05:00", false)) // an occurrence that is yet to come
	if got := at(parsed(t, []byte(c.Body)), "Metadata")["timer"]; got != `"what \"ever\""` {
		t.Errorf("Metadata has the input as %v", got)
	}
	c.succeed()
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
	h := a.start(func(o *Options) { o.Storage = storageIn(t, dir) })
	if err := h.Wait(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Wait: %v", err)
	}
}

// TestOnlyAScheduleThatFiresSeveralTimesInEveryMinuteHasNoStatus has what TimerSchedule goes by: a bound on the minute
// or above is enough for a status.
func TestOnlyAScheduleThatFiresSeveralTimesInEveryMinuteHasNoStatus(t *testing.T) {
	t.Parallel()
	for text, without := range map[string]bool{
		"* * * * * *": true, "*/20 * * * * *": true, "0,30 * * * * *": true, "*/10 */1 * * * *": true,
		"0 * * * * *": false, "0 */5 * * * *": false, "0,30 */5 * * * *": false, "* * 8-17 * * *": false,
		"*/10 * * * * 1-5": false, "* * * 1 * *": false,
	} {
		s, err := parseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		if s.subMinute() != without {
			t.Errorf("%s: without a status %v", text, s.subMinute())
		}
	}
}
