package scenario

import (
	"slices"
	"testing"
	"time"
)

func TestStandardHasWhatItPromises(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		s := Standard(seed)
		machines := map[string]Machine{}
		for _, m := range s.Machines {
			machines[m.ID] = m
		}
		ids, perMachine := map[string]bool{}, map[string]int{}
		high, late, raised, offline, protected := 0, 0, 0, 0, 0
		for _, a := range s.Alerts {
			m, known := machines[a.MachineID]
			if !known {
				t.Fatalf("seed %d: alert %s is on no machine", seed, a.ID)
			}
			if ids[a.ID] {
				t.Fatalf("seed %d: two alerts have the id %s", seed, a.ID)
			}
			ids[a.ID] = true
			if a.Visible > s.Length || a.Raised > s.Length || a.Updated < 0 {
				t.Errorf("seed %d: alert %s happens outside the scenario: %+v", seed, a.ID, a)
			}
			if a.Visible > a.Updated {
				late++
			}
			if a.Raised > 0 {
				raised++
			}
			if !a.High() {
				continue
			}
			high++
			perMachine[m.ID]++
			if m.Offline {
				offline++
			}
			if m.Protected {
				protected++
			}
		}
		if len(s.Machines) != 40 || len(machines) != 40 || len(s.Alerts) != 60 || high != 18 {
			t.Errorf("seed %d: %d machines, %d alerts, %d High", seed, len(s.Machines), len(s.Alerts), high)
		}
		if late != 1 || raised != 1 || offline != 1 || protected != 1 {
			t.Errorf("seed %d: late %d, raised %d, offline %d, protected %d; want one each", seed, late, raised,
				offline, protected)
		}
		if slices.Max(slices.Collect(func(yield func(int) bool) {
			for _, n := range perMachine {
				if !yield(n) {
					return
				}
			}
		})) < 2 {
			t.Errorf("seed %d: no machine has several High alerts", seed)
		}
		if !slices.IsSortedFunc(s.Alerts, func(a, b Alert) int { return int(a.Visible - b.Visible) }) {
			t.Errorf("seed %d: alerts are not in order of appearance", seed)
		}
	}
}

func TestSameSeedIsTheSameScenario(t *testing.T) {
	t.Parallel()
	a, b := Standard(3), Standard(3)
	if !slices.Equal(a.Alerts, b.Alerts) || a.Length != 20*time.Second {
		t.Error("two scenarios of one seed differ")
	}
}
