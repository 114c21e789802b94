// Package fromrun makes a case of a run, as cordon test reads it: the facts as they were, and the plan as it was
// decided.
package fromrun

import (
	"cmp"
	"fmt"
	"strings"

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
	d := c.Decision
	w.comment("Made of a run by cordon case. It was decided by playbook " + digest(d.Playbook))
	for _, note := range c.Notes {
		w.comment(note)
	}
	w.line(0, "playbook: "+text(c.Playbook))
	w.line(0, "cases:")
	w.line(1, "- name: "+text("run "+d.Run))
	w.line(2, "run: "+text(d.Run))
	for _, m := range members(d.Facts) {
		w.member(2, m.name, m.value)
	}
	w.line(2, "want:")
	w.line(3, "rule: "+text(d.Rule))
	w.steps(d.Steps)
	if c.Why != "" {
		w.line(3, "why: "+text(c.Why))
	}
	if w.err != nil {
		return nil, fmt.Errorf("write the case of run %s: %w", d.Run, w.err)
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
	mode := playbook.Lower(f.Ceiling, playbook.Enforce)
	all := []member{
		{"now", f.Now},
		{"mode", mode},
		{"staleAfter", f.StaleAfter},
	}
	add := func(is bool, name string, value any) {
		if is {
			all = append(all, member{name, value})
		}
	}
	paused := cmp.Or(f.PauseReason, "somebody, without a reason")
	add(f.Paused, "paused", paused)
	add(true, "alert", alertOf(f.Alert))
	add(f.Hunt != nil, "hunt", f.Hunt)
	if f.Machine != nil {
		actions := actionsOf(f.OpenActions)
		by := isolatedBy(f.Isolation)
		add(true, "machine", machineOf(f))
		add(f.OpenActions != nil, "actions", actions)
		add(f.Isolation != nil, "isolatedBy", by)
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
	named := f.Alert.MachineID
	read := f.Machine != nil
	another := read &&
		f.MachineMissing != "" &&
		!strings.EqualFold(f.Machine.ID, named)
	missing := map[string]string{}
	for _, fact := range []struct {
		name, why string
		is        bool
	}{
		{"machine", f.MachineMissing, named != "" && (!read || another)},
		{"isolated", f.ActionsMissing, read && f.Isolation == nil},
		{"openActions", f.ActionsMissing, read && f.OpenActions == nil},
		{"alertsOnMachine", f.AlertsMissing, f.AlertsOnMachine == nil},
		{"alertsInIncident", f.AlertsMissing, f.AlertsInIncident == nil},
	} {
		if fact.is {
			missing[fact.name] = fact.why
		}
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
	is := changed{of: a, with: map[string]string{}}
	is.without("source")
	is.without("graphId")
	is.empty("machineId", a.MachineID == "")
	is.empty("status", a.Status == "")
	is.empty("serviceSource", a.ServiceSource == "")
	if a.ServiceSource == alert.ForEndpoint {
		is.without("serviceSource")
	}
	return is
}

// machineOf is the machine of some facts as the API answers it.
func machineOf(f decided.Facts) any {
	m := f.Machine
	is := changed{of: m, with: map[string]string{}}
	is.empty("healthStatus", m.HealthStatus == "")
	is.empty("onboardingStatus", m.OnboardingStatus == "")
	is.null("machineTags", m.Tags == nil)
	return is
}

// actionsOf are machine actions as the API lists them. They are the machine's own, so none says whose it is.
func actionsOf(list []decided.Action) any {
	all := []any{}
	for _, a := range list {
		is := changed{of: a, with: map[string]string{}}
		is.without("machineId")
		is.empty("id", a.ID == "")
		is.null("creationDateTimeUtc", a.Created.IsZero())
		all = append(all, is)
	}
	return all
}

// changed is a document with other members, each a scalar of YAML; an empty one takes a member out.
type changed struct {
	of   any
	with map[string]string
}

func (c changed) without(name string) { c.with[name] = "" }

// empty says that a text is empty, if it is, instead of leaving it out.
func (c changed) empty(name string, is bool) {
	if is {
		c.with[name] = text("")
	}
}

// null says that something is not given, if it is not, instead of leaving it out.
func (c changed) null(name string, is bool) {
	if is {
		c.with[name] = null
	}
}
