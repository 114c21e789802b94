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

// Permissions are the application permissions that the playbook needs, in the order in which they are first used:
// those to read, and those of the steps, whatever the mode.
func (b *Book) Permissions() []Permission {
	list := []Permission{
		{"Alert.Read.All", "to find alerts and their evidence"},
		{"Machine.Read.All", "to read machines and what became of machine actions"},
	}
	for _, kind := range b.Kinds() {
		name, purpose := PermissionOf(kind)
		if name == "" {
			continue
		}
		purpose += ": " + strings.Join(b.rulesWith(ofKind(kind)), ", ")
		if i := slices.IndexFunc(list, func(p Permission) bool { return p.Name == name }); i >= 0 {
			list[i].For += "; " + purpose
		} else {
			list = append(list, Permission{name, purpose})
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
