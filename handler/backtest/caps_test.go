package backtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/backtest"
	"cordon/handler/decided"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// machines are n runs, one after the other, each on a machine of its own.
func machines(t *testing.T, by *playbook.Book, n int, from time.Time, apart time.Duration) (all []decided.Decision) {
	t.Helper()
	for i := range n {
		in := playbooktest.Input()
		in.Alert.ID = fmt.Sprintf("da%d_1", i)
		in.Alert.MachineID = fmt.Sprintf("%040x", i)
		in.Machine = &machine.Machine{}
		*in.Machine = *playbooktest.Input().Machine
		in.Machine.ID = in.Alert.MachineID
		in.Machine.RBACGroupName = []string{"Office", "Plant"}[i%2]
		in.Now = from.Add(time.Duration(i) * apart)
		in.Alert.Created = in.Now.Add(-time.Minute)
		all = append(all, decide(t, by, in))
	}
	return all
}

func TestMachinesADayAreHeldAgainstTheCaps(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	was := book(t, medium)
	for _, tt := range []struct {
		limits string
		held   int
		by     string
	}{
		{"", 0, ""},
		{"limits: {isolate: {perHour: 5, perDay: 60, then: hold}}", 5, "5 an hour"},
		{"limits: {isolate: {perHour: 100, perDay: 100, then: hold}}", 0, ""},
		{"limits: {isolate: {perHour: 20, perDay: 25, then: hold}}", 5, "25 a day"},
		{
			"limits: {isolate: {perHour: 100, perDay: 100, perRule: {perDay: 12}, then: hold}}", 18,
			"12 a day for rule contain",
		},
		{
			"limits: {isolate: {perHour: 100, perDay: 100, perGroup: {perDay: 14}, then: hold}}", 2,
			"14 a day for group Office, 14 a day for group Plant",
		},
	} {
		is := playbooktest.Load(t, playbooktest.Rules(high)+tt.limits+"\n")
		trial := backtest.New(backtest.Options{Book: is})
		day, next := machines(t, was, 30, noon, 10*time.Minute),
			machines(t, was, 3, noon.Add(48*time.Hour), time.Second)
		for _, d := range append(next, day...) { // as the record is read, the newest first
			trial.Add(d)
			trial.Add(d) // a machine is counted once
		}
		r := trial.Report().Reach
		if len(r) != 1 || len(r[0].Days) != 2 || r[0].Machines != 30 || r[0].Kind != playbook.Isolate {
			t.Fatalf("%+v", r)
		}
		first, second := r[0].Days[0], r[0].Days[1]
		if first.Day != "2026-03-04" || first.Machines != 30 || second.Machines != 3 || second.Held != 0 {
			t.Errorf("%+v", r)
		}
		if by := strings.Join(first.By, ", "); first.Held != 2*tt.held || by != tt.by {
			t.Errorf("%s: %d are held by %q, want %d by %q", tt.limits, first.Held, by, 2*tt.held, tt.by)
		}
	}
}

// TestAMachineIsCountedOnceInAWindow asks twice for one machine, and then for another. What was isolated stays so, and
// asking again takes no room; what was scanned is scanned again.
func TestAMachineIsCountedOnceInAWindow(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for step, held := range map[string]int{
		"isolate: {type: Full}":      0,
		"scan: {type: Quick}":        1,
		"restrictApps: {}":           0,
		"collectPackage: {}":         1,
		"isolate: {type: Selective}": 0,
	} {
		kind, _, _ := strings.Cut(step, ":")
		is := playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: true, do: [{`+step+`}]}`)+
			"limits: {"+kind+": {perHour: 1, perDay: 5, then: hold}}\n")
		trial := backtest.New(backtest.Options{Book: is})
		for _, one := range []struct {
			machine int
			after   time.Duration
		}{{0, 0}, {0, 10 * time.Minute}, {0, 90 * time.Minute}, {1, 100 * time.Minute}} {
			trial.Add(machines(t, is, 2, noon.Add(one.after), time.Nanosecond)[one.machine])
		}
		day := trial.Report().Reach[0].Days[0]
		if day.Machines != 2 || day.Held != held {
			t.Errorf("%s: %+v, want %d held", step, day, held)
		}
	}
}

func TestARuleThatObservesIsCountedSoThatItCanBePromoted(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	canary := book(t, `{name: canary, on: alert, when: true, mode: observe, do: [{isolate: {type: Full}}]}`)
	trial := backtest.New(backtest.Options{Book: canary})
	for _, d := range machines(t, canary, 30, noon, time.Minute) {
		trial.Add(d)
	}
	r := trial.Report()
	want := backtest.Observe{
		Rule:     "canary",
		Step:     "isolate Full",
		Runs:     30,
		Machines: 30,
		Most:     30,
		On:       "2026-03-04",
	}
	if r.Differ != 0 || len(r.Observe) != 1 || r.Observe[0] != want {
		t.Errorf("%+v", r.Observe)
	}
	if day := r.Reach[0].Days[0]; day.Machines != 0 || day.WithObserved != 30 || day.Held != 0 ||
		day.HeldWithObserved != 10 {
		t.Errorf("%+v", day)
	}
	if r.Rules[0].Now.Observed != 30 || r.Rules[0].Now.Done != 0 {
		t.Errorf("%+v", r.Rules)
	}
}
