// Package playbooktest has the playbooks and the input that tests of several packages share.
package playbooktest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/read"
	"cordon/handler/playbook/read/source"
)

// Load is a playbook that has to be valid.
func Load(t testing.TB, src string) *playbook.Book {
	t.Helper()
	b, err := read.Load("playbook.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// OneRule is a playbook with one rule and what is given after it.
func OneRule(when, more string) string {
	const rule = "version: 1\nmode: enforce\nrules:\n  - name: r\n    on: alert\n    when: %q\n" +
		"    do: [{isolate: {type: Full}}, {mail: {}}]\n"
	return fmt.Sprintf(rule, when) + more
}

// Rules is an enforced playbook of rules written in one line each.
func Rules(lines ...string) string {
	return "version: 1\nmode: enforce\nrules:\n  - " + strings.Join(lines, "\n  - ") + "\n"
}

// Input is a fresh High alert on a workstation that nothing protects.
func Input() playbook.Input {
	now := Now()
	return playbook.Input{
		Alert: alert.Alert{
			ID:              "da1",
			IncidentID:      5,
			Title:           "Suspicious PowerShell",
			Category:        "Execution",
			Severity:        alert.High,
			Status:          alert.StatusNew,
			MachineID:       MachineID,
			ComputerDNSName: "pc1.contoso.com",
			MitreTechniques: []string{"T1059.001"},
			Evidence: []alert.Evidence{
				{Kind: "File", FileName: "a.exe", SHA1: "abc"},
				{Kind: "Process", FileName: "powershell.exe"},
			},
			Created:    now.Add(-time.Minute),
			FirstEvent: now.Add(-time.Hour),
			Updated:    now,
		},
		Machine: &machine.Machine{
			ID:               MachineID,
			ComputerDNSName:  "pc1.contoso.com",
			OSPlatform:       "Windows11",
			HealthStatus:     "Active",
			OnboardingStatus: "Onboarded",
			DeviceValue:      "Normal",
			Tags:             []string{"office"},
			LastSeen:         now.Add(-time.Hour),
			LastIP:           "10.20.3.4",
			Version:          "23H2",
		},
		Isolation:        &machine.State{},
		OpenActions:      []machine.Action{scan()},
		AlertsOnMachine:  new(4),
		AlertsInIncident: new(1),
		Now:              now,
		Ceiling:          playbook.Enforce,
		StaleAfter:       24 * time.Hour,
	}
}

// scan is under way on the machine of Input.
func scan() machine.Action {
	return machine.Action{
		Type:      "RunAntiVirusScan",
		Status:    machine.Pending,
		MachineID: MachineID,
		Requestor: "soc@contoso.com",
	}
}

// MachineID is the id of the machine of Input.
const MachineID = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07"

// Now is the time at which Input is decided about.
func Now() time.Time { return time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC) }

// Conditions are conditions that Input meets.
func Conditions() []string {
	return []string{
		`alert.severity == "High"`,
		`alert.severity != "Low" && alert.status == "New"`,
		`alert.severity in ["High", "Medium"]`,
		`not (alert.severity == "Low") and (alert.incidentId == 5 or false)`,
		`alert.incidentId in [4, 5]`,
		`alert.incidentId % 2 == 1`,
		`"T1059.001" in alert.mitreTechniques`,
		`any(alert.mitreTechniques, # startsWith "T1059")`,
		`any(alert.evidence, .fileName == "powershell.exe")`,
		`any(alert.evidence, .fileName == "a.exe" && .sha1 == "abc")`,
		`count(alert.evidence, .entityType == "File") == 1`,
		`len(alert.evidence) == 2`,
		`alert.title matches "(?i)POWERSHELL"`,
		`lower(alert.title) contains "power"`,
		`now - alert.alertCreationTime < duration("2m")`,
		`alert.firstEventTime.Before(alert.alertCreationTime)`,
		`alert.lastEventTime.IsZero()`,
		`now.Hour() >= 8 && now.Hour() < 18`,
		`machine != nil && machine.osPlatform == "Windows11"`,
		`"office" in machine.machineTags`,
		`machine.osBuild == 0`,
		`alert.relatedUser.userName == ""`,
		`alert.lastUpdateTime >= alert.alertCreationTime && alert.resolvedTime.IsZero()`,
		`machine.lastSeenAge > duration("59m") && machine.lastSeenAge.Hours() < 2`,
		`!machine.isolated`,
		`any(machine.openActions, .type == "RunAntiVirusScan" && .requestor startsWith "soc")`,
		`glob(machine.computerDnsName, "KIOSK*", "PC?.contoso.*")`,
		`inCIDR(machine.lastIpAddress, "192.0.2.0/24", "10.20.0.0/16")`,
		`compareVersion(machine.version, "22H2") > 0 && compareVersion("1809", "20H2") == -1`,
		`!timeBetween(now, "10:30", "11:00", "Europe/Berlin") && timeBetween(now, "11:00", "11:01", "Europe/Berlin")`,
		`weekday(now, "America/New_York") == "Wednesday"`,
		`alertsOnMachine >= 3 && alertsInIncident == 1`,
		`severityAtLeast(alert, "Medium") && severityAtLeast(alert, "High")`,
		`machine.osBuild == 0 || machine.osBuild > 22000`,
		`alert.incidentId > 1.0 && alert.incidentId < 1e3 && machine.lastSeenAge.Hours() < 2.0`,
		`true`,
	}
}

// Facts are what conditions see of Input.
func Facts() facts.Facts {
	in := Input()
	onMachine := int64(*in.AlertsOnMachine)
	inIncident := int64(*in.AlertsInIncident)
	seen := facts.Facts{
		Alert:      facts.OfAlert(in.Alert),
		Named:      &facts.Named{Machine: facts.OfMachine(*in.Machine, in.Now)},
		Now:        in.Now,
		OnMachine:  &facts.OnMachine{AlertsOnMachine: onMachine},
		InIncident: &facts.InIncident{AlertsInIncident: inIncident},
	}
	seen.Machine.Isolation = facts.OfIsolation(*in.Isolation)
	seen.Machine.Actions = facts.OfActions(in.OpenActions)
	return seen
}

// Warnings is what is probably not meant in a playbook.
func Warnings(t testing.TB, src string) []source.Problem {
	t.Helper()
	_, warnings, err := read.Check("playbook.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return warnings
}

// Summary is what a plan does: the rules that decide and every step with its verdict.
func Summary(p playbook.Plan) string {
	text := p.Rule
	for _, s := range p.Steps {
		text += fmt.Sprintf("; %s %s", s.Verdict, s)
	}
	return text
}
