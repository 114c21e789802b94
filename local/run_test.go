package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"cordon/local/judge"
	"cordon/local/world"
)

// playOnce plays the scenario as `make run ONCE=1` does and reads the last line of its output.
func playOnce(t *testing.T, source, fault string) (judge.Verdict, error) {
	t.Helper()
	root, err := app()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := runOptions{app: root, once: true, source: source, fault: fault, seed: 1, out: &out}
	err = o.run(t.Context())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var v judge.Verdict
	if decodeErr := json.Unmarshal([]byte(lines[len(lines)-1]), &v); decodeErr != nil {
		t.Fatalf("the last line is no summary: %v (%v)\n%s", decodeErr, err, out.String())
	}
	return v, err
}

func TestScenarioKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	v, err := playOnce(t, world.OnlyDefender, "")
	if err != nil || v.Lost+v.WrongMachines+v.ProtectedTouched+v.UntrueMails+v.Unwell != 0 ||
		v.IsolateCalls != v.MachinesToIsolate || v.MachinesIsolated != v.MachinesToIsolate-1 {
		t.Errorf("%v: %+v", err, v)
	}
	if v.Pushed != 1 || v.Hunts < 3 || v.Findings != 2 {
		t.Errorf("%d alerts were pushed, %d hunts, %d findings", v.Pushed, v.Hunts, v.Findings)
	}
	if v.Alerts != 60 || v.High != 18 || v.Mails < v.MachinesToIsolate || v.DefenderCalls < v.MachinesToIsolate {
		t.Errorf("the scenario was not played whole: %+v", v)
	}
}

// TestScenarioKeepsEveryPromiseWhereverAlertsAreRead has one more alert, which is Graph's alone, and one more machine.
func TestScenarioKeepsEveryPromiseWhereverAlertsAreRead(t *testing.T) {
	t.Parallel()
	plain, err := playOnce(t, world.OnlyDefender, "")
	if err != nil || plain.GraphCalls != 0 {
		t.Errorf("%v: %d requests for alerts of Graph", err, plain.GraphCalls)
	}
	for _, source := range []string{"graph", "both"} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			v, err := playOnce(t, source, "")
			if err != nil || v.GraphCalls == 0 || v.Alerts != plain.Alerts+2 || v.High != plain.High+2 ||
				v.IsolateCalls != plain.IsolateCalls+1 || v.MachinesIsolated != plain.MachinesIsolated+1 {
				t.Errorf("%v: %+v", err, v)
			}
		})
	}
}

func TestUnknownSourceIsRefusedWithTheList(t *testing.T) {
	t.Parallel()
	o := runOptions{source: "sentinel"}
	if err := o.run(t.Context()); err == nil || !strings.Contains(err.Error(), "sentinel") ||
		!strings.Contains(err.Error(), "defender, graph and both") {
		t.Errorf("run = %v", err)
	}
}

// TestEveryFaultIsSeen proves that each figure can fail.
func TestEveryFaultIsSeen(t *testing.T) {
	t.Parallel()
	seen := map[string]func(judge.Verdict) bool{
		"duplicate-isolate": func(v judge.Verdict) bool { return v.IsolateCalls == v.MachinesToIsolate+1 },
		"swap-machine":      func(v judge.Verdict) bool { return v.WrongMachines == 1 },
		"protected-machine": func(v judge.Verdict) bool { return v.ProtectedTouched == 1 },
		"hide-alert":        func(v judge.Verdict) bool { return v.Lost >= 1 },
		"drop-push":         func(v judge.Verdict) bool { return v.Lost >= 1 && v.Pushed == 1 },
		"lose-finding":      func(v judge.Verdict) bool { return v.Lost >= 1 && v.Findings == 2 },
		"erase-memory":      func(v judge.Verdict) bool { return v.Lost == 0 && v.Findings > 2 },
		"fail-action": func(v judge.Verdict) bool {
			return v.MachinesIsolated == v.MachinesToIsolate-2 && v.UntrueMails == 0
		},
		"hide-failure": func(v judge.Verdict) bool { return v.UntrueMails >= 1 },
		"drop-mail":    func(v judge.Verdict) bool { return v.Lost == 1 },
		"erase-run":    func(v judge.Verdict) bool { return v.Lost == 1 },
		"poison":       func(v judge.Verdict) bool { return v.Unwell == 1 && v.Lost == 0 },
		"erase-latch":  func(v judge.Verdict) bool { return v.IsolateCalls == v.MachinesToIsolate+1 },
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			v, err := playOnce(t, world.OnlyDefender, f.name)
			if !errors.Is(err, errBroken) || seen[f.name] == nil || !seen[f.name](v) {
				t.Errorf("%s (%s) was not seen: %v, %+v", f.name, f.what, err, v)
			}
		})
	}
}

func TestUnknownFaultIsRefusedWithTheList(t *testing.T) {
	t.Parallel()
	err := checkFault("gremlins")
	if err == nil || !strings.Contains(err.Error(), "drop-mail") || !strings.Contains(err.Error(), "gremlins") {
		t.Errorf("checkFault = %v", err)
	}
}
