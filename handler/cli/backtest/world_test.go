package backtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/backtest"
	"cordon/handler/decided"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// noon is when the runs of tests are decided.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

const (
	before = `{name: contain, on: alert, when: 'alert.severity == "High"', do: [{isolate: {type: Full}}, {mail: {}}]}`
	after  = `{name: contain, on: alert, when: 'alert.severity in ["High", "Medium"]', ` +
		`unless: 'alert.incidentId == 3', do: [{isolate: {type: Full}}, {mail: {}}]}`
	canary = `{name: canary, on: alert, when: true, mode: observe, continue: true, do: [{scan: {type: Quick}}]}`
	asks   = `{name: asks, on: alert, when: 'alert.severity == "Low" && machine.isolated', do: [{mail: {}}]}`
)

// input is the run of a number: another severity, incident and machine for each of some that follow each other.
func input(number int) playbook.Input {
	at := noon.Add(-time.Duration(number) * time.Minute)
	return playbook.Input{
		Alert: alert.Alert{
			ID:         fmt.Sprintf("da%d_1", number),
			Title:      "Suspicious PowerShell",
			IncidentID: int64(number % 7),
			Severity:   []alert.Severity{alert.High, alert.Medium, alert.Low}[number%3],
			MachineID:  fmt.Sprintf("%040x", number%50),
			Created:    at.Add(-time.Minute),
		},
		Machine: &machine.Machine{
			ID:               fmt.Sprintf("%040x", number%50),
			ComputerDNSName:  fmt.Sprintf("pc%d.contoso.com", number%50),
			OSPlatform:       "Windows11",
			HealthStatus:     "Active",
			OnboardingStatus: "Onboarded",
			Tags:             []string{},
			LastSeen:         at,
		},
		Now:        at,
		Ceiling:    playbook.Enforce,
		StaleAfter: time.Hour,
	}
}

// decide is what a playbook decides about an input, as it is kept.
func decide(book *playbook.Book, in playbook.Input) decided.Decision {
	d := decided.Of(in, book.Decide(in))
	d.Run = alert.RunID(in.Alert.ID, 1)
	d.AlertID = in.Alert.ID
	d.Version = 1
	d.ObservedAt = in.Now
	d.Playbook = book.Hash()
	return d
}

// books are a playbook and what it is changed to.
func books(t testing.TB) (was, is *playbook.Book) {
	t.Helper()
	const limits = "limits: {isolate: {perHour: 10, perDay: 30, then: hold}}\n"
	return playbooktest.Load(t, playbooktest.Rules(before)),
		playbooktest.Load(t, playbooktest.Rules(canary, after, asks)+limits)
}

// result is what the trial of a playbook on some decisions comes to.
func result(book *playbook.Book, explain bool, all ...decided.Decision) tried {
	trial := backtest.New(backtest.Options{
		Book:    book,
		Explain: explain,
	})
	for _, d := range all {
		trial.Add(d)
	}
	return tried{
		File:   "playbooks/new.yaml",
		Source: fromRecord,
		Since:  noon.AddDate(0, 0, -30),
		Until:  noon,
		Report: trial.Report(),
	}
}

func text(t *testing.T, found tried) string {
	t.Helper()
	var b strings.Builder
	if err := writeText(&b, sheetsOf(found)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
