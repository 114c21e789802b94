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
		reflect.TypeFor[caseFile](), reflect.TypeFor[testCase](), reflect.TypeFor[wanted](),
	} {
		for i := range t.NumField() {
			keys = append(keys, t.Field(i).Tag.Get("yaml"))
		}
	}
	return keys
}

// keyHint is the way out of a key that no file of cases has; empty: the message is about something else.
func keyHint(message string) string {
	m := regexp.MustCompile(`unknown field "([^"]+)"`).FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	return "\n  way out: " + spelling.Suggest(m[1], caseKeys())
}

// checkFields refuses what no alert, machine or action has: the case would not say what it seems to.
func (c testCase) checkFields() error {
	err := fieldsOf("alert", c.Alert, defender.AlertFields())
	if err != nil {
		return err
	}
	user, ok := c.Alert["relatedUser"].(map[string]any)
	if ok {
		err := fieldsOf("alert.relatedUser", user, defender.UserFields())
		if err != nil {
			return err
		}
	}
	evidence, _ := c.Alert["evidence"].([]any)
	for _, one := range evidence {
		entry, ok := one.(map[string]any)
		if ok {
			err := fieldsOf("alert.evidence[]", entry, defender.EvidenceFields())
			if err != nil {
				return err
			}
		}
	}
	err = fieldsOf("machine", c.Machine, defender.MachineFields())
	if err != nil {
		return err
	}
	for _, a := range c.Actions {
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
