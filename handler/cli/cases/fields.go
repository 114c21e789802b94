package cases

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"cordon/handler/defender"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/spelling"
)

// caseKeys are the keys that a file of cases may have, wherever they stand.
func caseKeys() []string {
	var keys []string
	for _, t := range []reflect.Type{
		reflect.TypeFor[caseFile](), reflect.TypeFor[testCase](), reflect.TypeFor[moment](),
		reflect.TypeFor[given](), reflect.TypeFor[hunted](), reflect.TypeFor[wanted](),
	} {
		for i := range t.NumField() {
			key := t.Field(i).Tag.Get("yaml")
			if key != "" && key != inline && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// inline is the tag of a field whose keys stand among those of the mapping that it is in.
const inline = ",inline"

// keyHint is the way out of a key that no file of cases has; empty: the message is about something else.
func keyHint(message string) string {
	m := regexp.MustCompile(`unknown field "([^"]+)"`).FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	return "\n  way out: " + spelling.Suggest(m[1], caseKeys())
}

// checkFields refuses what no alert, machine or action has: the case would not say what it seems to.
func (g given) checkFields() error {
	err := fieldsOf("alert", g.Alert, append(defender.AlertFields(), serviceSource))
	if err != nil {
		return err
	}
	user, ok := g.Alert["relatedUser"].(map[string]any)
	if ok {
		err := fieldsOf("alert.relatedUser", user, defender.UserFields())
		if err != nil {
			return err
		}
	}
	evidence, _ := g.Alert["evidence"].([]any)
	for _, one := range evidence {
		entry, ok := one.(map[string]any)
		if ok {
			err := fieldsOf("alert.evidence[]", entry, defender.EvidenceFields())
			if err != nil {
				return err
			}
		}
	}
	err = fieldsOf("machine", g.Machine, defender.MachineFields())
	if err != nil {
		return err
	}
	for _, a := range g.Actions {
		err := fieldsOf("actions[]", a, defender.ActionFields())
		if err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf holds the fields of an entity against those that the API has, and its values against those that differ from
// a known one in the case of letters only.
func fieldsOf(what string, given map[string]any, known []string) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "@odata.") {
			return fmt.Errorf("%s has no field %q; %s", what, name, spelling.Suggest(name, known))
		}
		value, ok := given[name].(string)
		if ok {
			meant := facts.OtherCase(what+"."+name, value)
			if meant != "" {
				return fmt.Errorf("%s.%s is never %q; write %s", what, name, value, meant)
			}
		}
	}
	return nil
}
