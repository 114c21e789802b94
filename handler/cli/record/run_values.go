package record

import (
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/machine"
)

// How much of the facts is printed; --json has all of it.
const (
	evidencePrinted = 10
	evidenceWidth   = 300
)

// facts prints what a run was decided on, in short.
func (p *paper) facts(d decided.Decision) {
	f := d.Facts
	heading := "facts, as they were at " + p.now.Stamp(f.Now) + ":"
	rows := p.alertFacts(f.Alert)
	if f.Hunt != nil {
		rows = append(rows, []string{"hunt", fmt.Sprintf("%s, a row of %d columns", f.Hunt.Name, len(f.Hunt.Row))})
	}
	switch {
	case f.Machine != nil:
		rows = append(rows, p.machineFacts(*f.Machine)...)
	case f.MachineMissing != "":
		rows = append(rows, []string{"machine", "not read: " + f.MachineMissing})
	}
	if f.Isolation != nil {
		rows = append(rows, []string{"isolated", p.isolation(*f.Isolation)})
	}
	if f.OpenActions != nil {
		rows = append(rows, []string{"actions under way", fmt.Sprint(len(f.OpenActions))})
	}
	rows = append(rows, others("other alerts on the machine", f.AlertsOnMachine),
		others("other alerts of the incident", f.AlertsInIncident),
		[]string{"paused", f.PauseReason})
	for _, left := range d.Left {
		rows = append(rows, []string{"left out", left})
	}
	p.pairs(heading, rows)
}

func others(name string, counted *int) []string {
	if counted == nil {
		return []string{name, ""}
	}
	return []string{name, fmt.Sprint(*counted)}
}

func (p *paper) alertFacts(a alert.Alert) [][]string {
	user := a.RelatedUser.Name
	if a.RelatedUser.Domain != "" {
		user = a.RelatedUser.Domain + "\\" + user
	}
	rows := [][]string{
		{"severity", string(a.Severity)},
		{"status", strings.TrimSpace(string(a.Status) + " " + a.Classification + " " + a.Determination)},
		{"category", a.Category},
		{"found by", a.DetectionSource},
		{"threat", strings.TrimSpace(a.ThreatFamily + " " + a.ThreatName)},
		{"techniques", strings.Join(a.MitreTechniques, ", ")},
		{"user", user},
		{"created", p.now.Stamp(a.Created)},
		{"changed", p.now.Stamp(a.Updated)},
	}
	for i, e := range a.Evidence {
		if i == evidencePrinted {
			more := fmt.Sprintf("and %d more", len(a.Evidence)-i)
			return append(rows, []string{"evidence", more})
		}
		rows = append(rows, []string{"evidence", evidence(e)})
	}
	return rows
}

// evidence is one thing attached to an alert, on a line.
func evidence(e alert.Evidence) string {
	parts := []string{e.Kind}
	for _, text := range []string{
		e.FileName,
		e.CommandLine,
		e.IPAddress,
		e.URL,
		e.RegistryKey,
		e.RegistryValue,
		e.UPN,
		e.AccountName,
		e.SHA256,
	} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	line := strings.Join(parts, " ")
	if len(line) > evidenceWidth {
		line = strings.ToValidUTF8(line[:evidenceWidth], "") + "…"
	}
	return line
}

func (p *paper) machineFacts(m machine.Machine) [][]string {
	return [][]string{
		{"system", strings.TrimSpace(m.OSPlatform + " " + m.Version)},
		{"group", m.RBACGroupName},
		{"tags", strings.Join(m.Tags, ", ")},
		{"value", m.DeviceValue},
		{"health", strings.TrimSpace(m.HealthStatus + " " + m.OnboardingStatus)},
		{"risk", m.RiskScore},
		{"last seen", p.now.Stamp(m.LastSeen)},
	}
}

func (p *paper) isolation(s decided.State) string {
	if !s.Is {
		return "no"
	}
	text := "yes, by " + string(s.By)
	if s.Since.After(time.Time{}) {
		text += " since " + p.now.Stamp(s.Since)
	}
	return text
}
