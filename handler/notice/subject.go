package notice

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/notice/oneline"
)

// headline says in one line what happened to whose machine, and what was found.
func headline(p page) string {
	switch {
	case p.machines() == 1:
		parts := make([]string, len(p.Machines))
		for i, line := range p.Machines {
			parts[i] = line.Outcome
		}
		return whose(p.Machines[0]) + ": " + strings.Join(parts, "; ") + found(p.Alerts)
	case len(p.Machines) > 1:
		counts := map[string]int{}
		for _, line := range p.Machines {
			head, _, _ := strings.Cut(line.Outcome, ":")
			counts[strings.ToLower(head)]++
		}
		parts := make([]string, 0, len(counts))
		for _, head := range slices.Sorted(maps.Keys(counts)) {
			parts = append(parts, fmt.Sprintf("%d %s", counts[head], head))
		}
		return fmt.Sprintf("%d machines: %s", p.machines(), strings.Join(parts, ", ")) + found(p.Alerts)
	case len(p.Others) > 0:
		return otherHeadline(p.Others[len(p.Others)-1])
	}
	return "Nothing new"
}

// whose names a machine and the user of its alert, with room left for what happened to it.
func whose(line machineLine) string {
	name := oneline.Of(line.Name, 48)
	if line.Known.User == "" {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, oneline.Of(line.Known.User, 32))
}

// found says which alert led to the news, of several the most severe one. A title cannot end its quotes.
func found(alerts []alertLine) string {
	named := slices.DeleteFunc(slices.Clone(alerts), func(a alertLine) bool {
		return a.Title == ""
	})
	if len(named) == 0 {
		return ""
	}
	slices.SortStableFunc(named, func(a, b alertLine) int {
		return alert.Severity(b.Severity).Rank() - alert.Severity(a.Severity).Rank()
	})
	said := strings.TrimSpace(oneline.Of(named[0].Severity, 16) + " alert")
	said = fmt.Sprintf(" – %s \"%s\"", said, strings.ReplaceAll(oneline.Of(named[0].Title, 80), `"`, "'"))
	if more := len(named) - 1; more > 0 {
		said += fmt.Sprintf(" and %d more", more)
	}
	return said
}

// machines counts the machines of a page.
func (p page) machines() int {
	ids := map[string]bool{}
	for _, line := range p.Machines {
		ids[line.ID] = true
	}
	return len(ids)
}

func otherHeadline(e Event) string {
	switch e.Kind {
	case NoMachine:
		if e.Step != "" {
			return "No machine to act on: " + e.Title
		}
		return "No machine to isolate: " + e.Title
	case NotFound:
		return "Alert not found: " + alert.APIID(e.AlertID)
	case Parked:
		return "An alert was set aside, a person must look: " + e.RunID
	case Stuck:
		return "An alert is not answered yet: " + cmp.Or(e.Title, alert.APIID(e.AlertID))
	case GaveUp:
		return "An alert is not answered, a person must look: " + cmp.Or(e.Title, alert.APIID(e.AlertID))
	case CapReached:
		held := "what is beyond it is held"
		spec, known := machine.SpecOf(e.Action)
		if known {
			held = spec.Plural + " are held"
		}
		return "A cap is reached, " + held + " for a person: " + e.Detail
	case UnknownAlerts:
		return "Alerts were asked for that no poll has found"
	case Overdue:
		return "Cordon is unwell: " + functionOf(e) + " does not succeed any more"
	case SourceOut:
		return "Alerts are not read from " + functionOf(e) + ": the other source goes on alone"
	case SourceBack:
		return "Alerts are read from " + functionOf(e) + " again"
	case Behind:
		return "The ledger does not know what Cordon did: what is older than now is held"
	case Unready:
		return "Cordon is unwell: look at the setting " + functionOf(e)
	case Paused:
		return "Acting is paused: nothing is done to machines and alerts until cordon resume"
	case Resumed:
		return "Acting goes on: what was held meanwhile stays held"
	case HuntRows:
		return "Hunt " + e.Hunt + ": new rows"
	case HuntEmpty:
		return "Hunt " + e.Hunt + ": nothing new"
	case HuntFailed:
		return "Hunt " + e.Hunt + " failed"
	case Recovered:
		return "Cordon is well again: " + functionOf(e) + " succeeds"
	}
	return strings.TrimSpace(e.Severity + " alert: " + e.Title)
}

// functionOf is the function that an event about Cordon itself is about.
func functionOf(e Event) string {
	name, _, _ := strings.Cut(e.RunID, " ")
	return name
}
