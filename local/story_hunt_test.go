package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/local/defendersim"
	"cordon/local/graphsim"
	"cordon/local/judge"
	"cordon/local/servicebus"
	"cordon/local/world"
)

const storyHunt = `// name: remote-tools
// schedule: */3 * * * * *
// timespan: 1h
// identity: DeviceId, FileName
// do: both
// severity: High

DeviceProcessEvents | where Timestamp >= {{since}}
`

const storyHuntRule = `version: 1
mode: enforce
rules:
  - name: high-alerts
    on: alert
    when: alert.severity == "High"
    do: [{isolate: {type: Full}}, {mail: {}}]
  - name: remote-tools
    on: hunt
    when: hunt.name == "remote-tools" && hunt.row.FileName == "anydesk.exe"
    do:
      - isolate: { type: Full }
      - mail: {}
protect: {tags: [never-isolate]}
`

// protectedID is the machine that carries a protected tag.
const protectedID = "9b2e7a90be2d35689f00d1e2a7b3c4558d6e9f34"

// huntedTenant has Graph answer every hunting query with two rows.
func (s *story) huntedTenant() {
	at := time.Now().Add(-time.Minute)
	row := func(id, name string) graphsim.Row {
		return graphsim.Row{
			At: at,
			Values: map[string]any{
				"Timestamp":  "2026-03-02T10:00:00Z",
				"DeviceId":   id,
				"DeviceName": name,
				"FileName":   "anydesk.exe",
			},
		}
	}
	s.Graph.SetTable("datetime(", graphsim.Table{
		Columns: []graphsim.Column{
			{Name: "Timestamp", Type: "DateTime"}, {Name: "DeviceId", Type: "String"},
			{Name: "DeviceName", Type: "String"},
			{Name: "FileName", Type: "String"},
		},
		Rows: []graphsim.Row{row(machineID, "fin-lt-0147"), row(protectedID, "=dc-01")},
	})
}

// TestStoryAHuntFindsTwoMachinesOneOfThemProtected hunts every three seconds: the rows are mailed once, the one machine
// is isolated once, the protected one is held, and a forged finding is set aside.
func TestStoryAHuntFindsTwoMachinesOneOfThemProtected(t *testing.T) {
	t.Parallel()
	s := newStage(t, world.Options{Playbook: storyHuntRule}, nil)
	folder := filepath.Join(t.TempDir(), "hunts")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "remote-tools.kql"), []byte(storyHunt), 0o600); err != nil {
		t.Fatal(err)
	}
	s.huntedTenant()
	s.Settings["CORDON_HUNTS"] = folder
	s.Defender.AddMachine(defendersim.Machine{ID: machineID, Name: "fin-lt-0147.corp.contoso.com", OS: "Windows11"})
	s.Defender.AddMachine(defendersim.Machine{
		ID:   protectedID,
		Name: "dc-01.corp.contoso.com",
		OS:   "Windows11",
		Tags: []string{"never-isolate"},
	})
	if err := s.Bus.Send(world.AlertQueue, servicebus.Message{
		ID:   "forged",
		Body: []byte(`{"alertId":"hunt:remote-tools:` + strings.Repeat("0", 32) + `","reason":"hunt","version":1}`),
	}); err != nil {
		t.Fatal(err)
	}
	s.host = s.open(nil).Host

	s.eventually("the isolation of the machine that was found", func() bool { return s.told("Isolated") })
	s.eventually("the forged finding to be set aside", func() bool {
		return s.Bus.Counts(world.AlertQueue).DeadLettered == 1
	})
	turns := len(s.Graph.HuntingCalls())
	s.eventually("more turns", func() bool { return len(s.Graph.HuntingCalls()) >= turns+3 })
	if n := s.isolations(); n != 1 || !s.Defender.Isolated(machineID) || s.Defender.Isolated(protectedID) {
		t.Errorf("%d isolations", n)
	}
	rows, held := 0, 0
	for _, m := range s.Mail.Mails() {
		if strings.Contains(m.Subject, "Hunt remote-tools: 2 new rows") {
			rows++
			if !strings.Contains(string(m.Raw), `.csv"`) || !strings.Contains(m.Text, "DeviceName: =dc-01") {
				t.Errorf("the mail with the rows is\n%s", m.Raw)
			}
		}
		if strings.Contains(m.Text, "held for a person") && strings.Contains(m.Text, protectedID) {
			held++
		}
	}
	if rows != 1 || held != 1 {
		t.Errorf("%d mails with rows, %d about the protected machine", rows, held)
	}
	runs := s.Runs()
	if len(runs) != 2 || !slices.ContainsFunc(runs, func(r judge.Run) bool { return r.Outcome == "held" }) {
		t.Errorf("runs %+v", runs)
	}
	code, stdout, stderr := s.direct([]string{"CORDON_TENANT_ID", "AzureWebJobsStorage", "CORDON_HUNTS"}, "hunt",
		"list", "--json")
	if code != 0 || !strings.Contains(stdout, `"rows": 2`) || !strings.Contains(stdout, `"new": 0`) {
		t.Errorf("hunt list: code %d\n%s%s", code, stdout, stderr)
	}
}
