// Package fromrun makes a case of a run, as cordon test reads it: the facts as they were, and the plan as it was
// decided.
package fromrun

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/playbook"
)

// Case is a case of one run.
type Case struct {
	Playbook string // path of the playbook, as the file has it
	Decision decided.Decision
	Notes    []string // what whoever reads the file has to know, one a line at its top
	Why      string   // a part of what is said of the plan; empty: nothing is wanted of that
}

// YAML is the case as a file. Whatever is in its facts, it is plain YAML that reads back to the same.
func (c Case) YAML() ([]byte, error) {
	var w writer
	w.comment("Made of a run by cordon case. It was decided by playbook " + digest(c.Decision.Playbook))
	for _, note := range c.Notes {
		w.comment(note)
	}
	w.line(0, "playbook: "+text(c.Playbook))
	w.line(0, "cases:")
	w.line(1, "- name: "+text("run "+c.Decision.Run))
	w.line(2, "run: "+text(c.Decision.Run))
	f := c.Decision.Facts
	for _, m := range members(f) {
		w.member(2, m.name, m.value)
	}
	w.line(2, "want:")
	w.line(3, "rule: "+text(c.Decision.Rule))
	w.steps(c.Decision.Steps)
	if c.Why != "" {
		w.line(3, "why: "+text(c.Why))
	}
	if w.err != nil {
		return nil, fmt.Errorf("write the case of run %s: %w", c.Decision.Run, w.err)
	}
	return w.text, nil
}

// digest is as much of a playbook's digest as tells it from others.
func digest(of string) string {
	return fmt.Sprintf("%.12s", cmp.Or(of, "unknown"))
}

// member is a key of the case and its value.
type member struct {
	name  string
	value any
}

// members are the facts of a run as a case says them. What a case that says nothing takes for usual is said.
func members(f decided.Facts) []member {
	all := []member{
		{"now", f.Now.UTC().Format(time.RFC3339Nano)},
		{"mode", string(playbook.Lower(f.Ceiling, playbook.Enforce))},
		{"staleAfter", time.Duration(f.StaleAfter).String()},
	}
	add := func(is bool, name string, value any) {
		if is {
			all = append(all, member{name, value})
		}
	}
	paused := f.PauseReason
	if paused == "" {
		paused = "somebody, without a reason"
	}
	add(f.Paused, "paused", paused)
	add(true, "alert", alertOf(f.Alert))
	add(f.Hunt != nil, "hunt", f.Hunt)
	if f.Machine != nil {
		add(true, "machine", machineOf(f))
		add(f.OpenActions != nil, "actions", actionsOf(f.OpenActions))
		add(f.Isolation != nil, "isolatedBy", isolatedBy(f.Isolation))
	}
	add(f.AlertsOnMachine != nil, "alertsOnMachine", f.AlertsOnMachine)
	add(f.AlertsInIncident != nil, "alertsInIncident", f.AlertsInIncident)
	add(len(f.OwnTags) > 0, "ownTags", f.OwnTags)
	add(len(f.Asked) > 0, "asked", f.Asked)
	add(!f.Beginning.IsZero(), "beginning", f.Beginning)
	add(!f.Since.IsZero(), "since", f.Since)
	missing := unread(f)
	add(len(missing) > 0, "unread", missing)
	return all
}

// unread is what could not be read, and why.
func unread(f decided.Facts) map[string]string {
	missing := map[string]string{}
	if f.Alert.MachineID != "" && (f.Machine == nil || f.MachineMissing != "" &&
		!strings.EqualFold(f.Machine.ID, f.Alert.MachineID)) {
		missing["machine"] = f.MachineMissing
	}
	if f.Machine != nil && f.Isolation == nil {
		missing["isolated"] = f.ActionsMissing
	}
	if f.Machine != nil && f.OpenActions == nil {
		missing["openActions"] = f.ActionsMissing
	}
	if f.AlertsOnMachine == nil {
		missing["alertsOnMachine"] = f.AlertsMissing
	}
	if f.AlertsInIncident == nil {
		missing["alertsInIncident"] = f.AlertsMissing
	}
	return missing
}

func isolatedBy(s *decided.State) string {
	switch {
	case s == nil || !s.Is:
		return "nobody"
	case s.By == "":
		return "unknown"
	}
	return string(s.By)
}

// The types of the domain have the API's own names for JSON. What they leave out, or have beside the API's fields, is
// mended here.

// alertOf is an alert as the API answers it.
func alertOf(a alert.Alert) any {
	beside := map[string]json.RawMessage{"source": nil, "graphId": nil}
	if a.ServiceSource == alert.ForEndpoint {
		beside["serviceSource"] = nil
	}
	if a.ServiceSource == "" {
		beside["serviceSource"] = json.RawMessage(`""`)
	}
	if a.MachineID == "" {
		beside["machineId"] = json.RawMessage(`""`)
	}
	if a.Status == "" {
		beside["status"] = json.RawMessage(`""`)
	}
	return changed{of: a, with: beside}
}

// machineOf is the machine of some facts as the API answers it.
func machineOf(f decided.Facts) any {
	beside := map[string]json.RawMessage{}
	if f.Machine.HealthStatus == "" {
		beside["healthStatus"] = json.RawMessage(`""`)
	}
	if f.Machine.OnboardingStatus == "" {
		beside["onboardingStatus"] = json.RawMessage(`""`)
	}
	if f.Machine.Tags == nil {
		beside["machineTags"] = json.RawMessage(`null`)
	}
	return changed{of: f.Machine, with: beside}
}

// actionsOf are machine actions as the API lists them. They are the machine's own, so none says whose it is.
func actionsOf(list []decided.Action) any {
	all := []any{}
	for _, a := range list {
		beside := map[string]json.RawMessage{"machineId": nil}
		if a.ID == "" {
			beside["id"] = json.RawMessage(`""`)
		}
		if a.Created.IsZero() {
			beside["creationDateTimeUtc"] = json.RawMessage(`null`)
		}
		all = append(all, changed{of: a, with: beside})
	}
	return all
}

// changed is a document with other members: nil takes one out.
type changed struct {
	of   any
	with map[string]json.RawMessage
}
