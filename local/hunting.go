package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cordon/local/graphsim"
	"cordon/local/judge"
	"cordon/local/scenario"
	"cordon/local/world"
)

// huntName is the hunt of the scenario.
const huntName = "remote-tools"

// huntText is its file: what it finds is mailed, and answered by a rule.
const huntText = `// name: ` + huntName + `
// schedule: */3 * * * * *
// timespan: 1h
// identity: DeviceId, FileName
// do: both
// severity: High

DeviceProcessEvents | where Timestamp >= {{since}} | where FileName == "anydesk.exe"
`

// huntRule is the rule that answers its findings; it stands behind the other rules of a playbook.
const huntRule = `  - name: contain-hunted
    on: hunt
    when: hunt.name == "` + huntName + `"
    do:
      - isolate: { type: Full, comment: "Hunt {{.Alert.Title}}" }
      - mail: {}

`

// withHunt adds the rule to a playbook.
func withHunt(playbook string) (string, error) {
	const next = "\nprotect:\n"
	if !strings.Contains(playbook, next) {
		return "", fmt.Errorf("the playbook has no line %q to put a rule before", strings.TrimSpace(next))
	}
	return strings.Replace(playbook, next, "\n"+huntRule+strings.TrimPrefix(next, "\n"), 1), nil
}

// prepareHunt writes the hunt where the handler looks for it. It finds nothing yet.
func prepareHunt(w *world.World) error {
	showHunted(w, scenario.Scenario{}, time.Time{})
	return os.WriteFile(filepath.Join(w.Settings["CORDON_HUNTS"], huntName+".kql"), []byte(huntText), 0o600)
}

// showHunted gives Graph the rows that the hunt finds, from a moment on.
func showHunted(w *world.World, s scenario.Scenario, at time.Time) {
	table := graphsim.Table{Columns: []graphsim.Column{
		{Name: "Timestamp", Type: "DateTime"}, {Name: "DeviceId", Type: "String"}, {Name: "DeviceName", Type: "String"},
		{Name: "FileName", Type: "String"},
	}}
	for _, id := range s.Hunted {
		table.Rows = append(table.Rows, graphsim.Row{
			At: at,
			Values: map[string]any{
				"Timestamp":  at.UTC().Format(time.RFC3339),
				"DeviceId":   id,
				"DeviceName": s.NameOf(id),
				"FileName":   "anydesk.exe",
			},
		})
	}
	w.Graph.SetTable(`FileName == "anydesk.exe"`, table)
}

// hunted is what the tables and Graph say of hunting.
func (p *play) hunted(e *judge.Evidence) {
	for _, c := range p.Graph.HuntingCalls() {
		if c.Status == 200 {
			e.Hunts++
		}
	}
	e.Hunted = p.scenario.Hunted
	for _, r := range p.Runs() {
		if strings.HasPrefix(r.AlertID, "hunt:"+huntName+":") {
			e.Findings = append(e.Findings, judge.Finding{
				MachineID: r.MachineID,
				Answered:  r.State == "closed" || r.State == "waiting",
			})
		}
	}
}

// eraseMemory takes away what says that rows were reported.
func (p *play) eraseMemory() {
	for _, row := range p.Tables.Rows("cordonhunts") {
		if strings.Contains(row.PartitionKey, "huntrows") {
			p.Tables.DeleteRow("cordonhunts", row.PartitionKey, row.RowKey)
		}
	}
}
