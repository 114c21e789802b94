package facts

import (
	"reflect"
	"slices"

	"cordon/handler/alert"
)

type Named struct {
	Called string
	Fields []string
}

// Types maps a type's name, as the expression checker prints it, to the type and to what people call it.
func Types() map[string]Named {
	types := map[string]Named{}
	for called, t := range map[string]reflect.Type{
		"alert": reflect.TypeFor[Alert](), "machine": reflect.TypeFor[Machine](), "hunt": reflect.TypeFor[Hunt](), "an entry of machine.openActions": reflect.TypeFor[Action](),
		"alert.relatedUser": reflect.TypeFor[alert.User](), "an entry of alert.evidence": reflect.TypeFor[alert.Evidence](),
	} {
		types[t.String()] = Named{Called: called, Fields: Names(t)}
	}
	return types
}

// Names are the names under which a condition reads the fields of t, sorted; nil for a type without any.
func Names(t reflect.Type) []string {
	if t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("expr"); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Unreadable are fields of an alert that rules do not have, with the reason.
func Unreadable() map[string]string {
	const workflow = "it changes without a new decision being due, so a rule would see an old value"
	return map[string]string{"alert.assignedTo": workflow, "alert.investigationState": workflow, "alert.investigationId": workflow, "alert.comments": workflow}
}
