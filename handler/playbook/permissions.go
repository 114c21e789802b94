package playbook

import (
	"slices"
	"strings"

	"cordon/handler/machine"
)

// Permission is an application permission of the Defender for Endpoint API, as the app registration lists it.
type Permission struct {
	Name string // such as Machine.Isolate
	For  string // what it is needed for, in words
}

// Permissions are the application permissions that the playbook needs, in the order in which they are first used: those to
// read, and those of the steps, whatever the mode.
func (b *Book) Permissions() []Permission {
	list := []Permission{{"Alert.Read.All", "to find alerts and their evidence"}, {"Machine.Read.All", "to read machines and what became of machine actions"}}
	of := map[string][]string{} // what is done by whom
	for _, kind := range b.Kinds() {
		name, purpose := PermissionOf(kind)
		if name == "" {
			continue
		}
		if of[name] == nil {
			list = append(list, Permission{Name: name})
		}
		of[name] = append(of[name], purpose+": "+strings.Join(b.rulesWith(kind), ", "))
	}
	for i, p := range list {
		if p.For == "" {
			list[i].For = strings.Join(of[p.Name], "; ")
		}
	}
	return list
}

// PermissionOf is the application permission that steps of a kind need, and what for; empty for a mail.
func PermissionOf(kind StepKind) (name, purpose string) {
	switch kind {
	case Tag:
		return "Machine.ReadWrite.All", "to tag machines"
	case UpdateAlert:
		return "Alert.ReadWrite.All", "to update alerts"
	}
	spec, isAction := machine.SpecOf(kind.Action())
	if !isAction {
		return "", ""
	}
	return spec.Permission, "to " + spec.Would
}

func (b *Book) rulesWith(kind StepKind) []string {
	var names []string
	for _, r := range b.rules {
		if slices.ContainsFunc(r.Steps, func(s StepSpec) bool { return s.Kind == kind }) {
			names = append(names, r.Name)
		}
	}
	return names
}
