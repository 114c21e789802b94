package backtest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/backtest"
	"cordon/handler/decided"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
)

// begin is when the first run was decided.
var begin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// chance makes inputs, the same ones for the same seed.
type chance struct{ *rand.Rand }

func newChance(seed uint64) chance { return chance{rand.New(rand.NewPCG(seed, 1))} }

func one[T any](c chance, from ...T) T { return from[c.IntN(len(from))] }

// input is an alert on a machine, some minutes after the one before, with what a playbook that asks for everything has
// read of it.
func (c chance) input(number int) playbook.Input {
	now := begin.Add(time.Duration(number) * 4 * time.Minute)
	in := playbook.Input{
		Alert:      c.alert(number, now),
		Now:        now,
		Ceiling:    one(c, playbook.Enforce, playbook.Enforce, playbook.Enforce, playbook.Observe),
		StaleAfter: 24 * time.Hour,
		Paused:     c.IntN(20) == 0,
	}
	in.AlertsOnMachine = new(c.IntN(6))
	in.AlertsInIncident = new(c.IntN(6))
	if c.IntN(25) == 0 {
		in.MachineMissing = "the API answers 403"
		return in
	}
	in.Machine = c.machine(in.Alert.MachineID, now)
	if c.IntN(25) == 0 {
		in.ActionsMissing = "the API answers 403"
		return in
	}
	is := c.IntN(8) == 0
	in.Isolation = &machine.State{Is: is}
	if is {
		in.Isolation.By = one(c, machine.ByCordon, machine.ByPerson)
	}
	in.OpenActions = []machine.Action{}
	if c.IntN(8) == 0 {
		in.OpenActions = append(in.OpenActions, machine.Action{
			Type:   machine.Scan,
			Status: machine.Pending,
		})
	}
	return in
}

func (c chance) alert(number int, now time.Time) alert.Alert {
	a := alert.Alert{
		ID:             fmt.Sprintf("da%d_1", number),
		IncidentID:     int64(c.IntN(50)),
		Title:          one(c, "Suspicious PowerShell", "Ransomware behavior", "A tool was dropped"),
		Category:       one(c, "Execution", "Ransomware", "LateralMovement", "Malware"),
		Severity:       one(c, alert.High, alert.Medium, alert.Low, alert.Informational),
		Status:         one(c, alert.StatusNew, alert.StatusNew, alert.StatusInProgress, alert.StatusResolved),
		Classification: one(c, "", "", "FalsePositive", "TruePositive"),
		MachineID:      fmt.Sprintf("%040x", c.IntN(300)),
		Created:        now.Add(-time.Duration(c.IntN(30)) * time.Hour),
		Updated:        now.Add(-time.Minute),
	}
	if c.IntN(3) == 0 {
		a.MitreTechniques = []string{one(c, "T1486", "T1059.001")}
	}
	if c.IntN(30) == 0 {
		a.MachineID = ""
	}
	return a
}

func (c chance) machine(id string, now time.Time) *machine.Machine {
	if id == "" {
		return nil
	}
	return &machine.Machine{
		ID:               id,
		ComputerDNSName:  one(c, "pc1.contoso.com", "KIOSK-7", "DC01", "srv-hv2"),
		OSPlatform:       one(c, "Windows11", "Windows10", "macOS", "WindowsServer2022"),
		OSBuild:          22631,
		HealthStatus:     "Active",
		OnboardingStatus: "Onboarded",
		RBACGroupName:    one(c, "", "Office", "Tier0"),
		Tags:             []string{one(c, "", "office", "never-isolate", "cordon-contained")},
		LastSeen:         now.Add(-time.Duration(c.IntN(100)) * time.Hour),
	}
}

// decide is what a playbook decides about an input, as it was kept and sent.
func decide(t testing.TB, book *playbook.Book, in playbook.Input) decided.Decision {
	t.Helper()
	d := decided.Of(in, book.Decide(in))
	d.Run = in.Alert.ID + ":v1"
	d.AlertID = in.Alert.ID
	d.Version = 1
	d.ObservedAt = in.Now
	d.Playbook = book.Hash()
	body, err := outgoing.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	var is decided.Decision
	if err := json.Unmarshal(body, &is); err != nil {
		t.Fatal(err)
	}
	return is
}

// alone is what a trial makes of one decision.
func alone(book *playbook.Book, d decided.Decision) backtest.Report {
	trial := backtest.New(backtest.Options{Book: book})
	trial.Add(d)
	return trial.Report()
}
