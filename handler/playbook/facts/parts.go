package facts

import (
	"reflect"
	"slices"
	"strings"

	"cordon/handler/alert"
)

// part is a part of the facts that has fields.
type part struct {
	name string // as conditions write it, with [] for an entry of a list; empty: the whole
	of   reflect.Type
}

func parts() []part {
	return []part{
		{"", reflect.TypeFor[Facts]()},
		{"alert", reflect.TypeFor[Alert]()},
		{"alert.relatedUser", reflect.TypeFor[alert.User]()},
		{"alert.evidence[]", reflect.TypeFor[alert.Evidence]()},
		{"machine", reflect.TypeFor[Machine]()},
		{"machine.openActions[]", reflect.TypeFor[Action]()},
		{"hunt", reflect.TypeFor[Hunt]()},
	}
}

// Roots are the names that a condition begins with.
func Roots() []string { return names(reflect.TypeFor[Facts]()) }

// PartOf names the part of the facts that has a type, as the expression checker prints the type, and its fields. False:
// it is none.
func PartOf(typeName string) (name string, fields []string, ok bool) {
	for _, p := range parts() {
		if p.of.String() == typeName {
			return p.name, names(p.of), true
		}
	}
	return "", nil, false
}

// Called is what people call a part of the facts.
func Called(name string) string {
	list, isEntry := strings.CutSuffix(name, "[]")
	if isEntry {
		return "an entry of " + list
	}
	return name
}

// names are the names under which a condition reads the fields of t, sorted.
func names(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		name := f.Tag.Get("expr")
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Unreadable says why rules do not have a field of an alert that the API has; empty: they have it, or nobody has.
func Unreadable(name string) string {
	switch name {
	case "alert.assignedTo", "alert.investigationState", "alert.investigationId", "alert.comments":
		return "it changes without a new decision being due, so a rule would see an old value"
	}
	return ""
}
