// Package permissions says which application permissions a playbook needs, by the sources of alerts that are set.
// Neighbours: handler/cli/author prints them, handler/app/checkup holds a token against them.
package permissions

import (
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// Permission is an application permission, as the app registration lists it.
type Permission struct {
	API  alert.Source // whose it is: of Defender for Endpoint, or of Microsoft Graph
	Name string       // such as Machine.Isolate
	For  string       // what it is needed for, in words
}

// Of are the application permissions that a playbook needs where alerts are read from sources, in the order in which
// they are first used: those to read, and those of the steps, whatever the mode.
func Of(book *playbook.Book, sources ...alert.Source) []Permission {
	var list permissions
	for _, source := range sources {
		list.add(Permission{source, readsAlerts(source), "to find alerts and their evidence"})
	}
	list.add(Permission{alert.Defender, "Machine.Read.All", "to read machines and what became of machine actions"})
	for _, kind := range book.Kinds() {
		rules := ": " + strings.Join(book.RulesWith(kind), ", ")
		name, purpose := OfStep(kind)
		switch {
		case name == "":
		case kind == playbook.UpdateAlert:
			for _, source := range sources {
				list.add(Permission{source, writesAlerts(source), purpose + rules})
			}
		default:
			list.add(Permission{alert.Defender, name, purpose + rules})
		}
	}
	return list
}

// permissions have each permission once.
type permissions []Permission

func (list *permissions) add(p Permission) {
	same := func(q Permission) bool {
		return q.API == p.API && q.Name == p.Name
	}
	if i := slices.IndexFunc(*list, same); i >= 0 {
		(*list)[i].For += "; " + p.For
		return
	}
	*list = append(*list, p)
}

func readsAlerts(from alert.Source) string {
	if from == alert.Graph {
		return "SecurityAlert.Read.All"
	}
	return "Alert.Read.All"
}

func writesAlerts(to alert.Source) string {
	if to == alert.Graph {
		return "SecurityAlert.ReadWrite.All"
	}
	return "Alert.ReadWrite.All"
}

// OfStep is the application permission of Defender that steps of a kind need, and what for; empty for a mail.
func OfStep(kind playbook.StepKind) (name, purpose string) {
	switch kind {
	case playbook.Tag:
		return "Machine.ReadWrite.All", "to tag machines"
	case playbook.UpdateAlert:
		return writesAlerts(alert.Defender), "to update alerts"
	}
	spec, isAction := machine.SpecOf(kind.Action())
	if !isAction {
		return "", ""
	}
	return spec.Permission, "to " + spec.Would
}
