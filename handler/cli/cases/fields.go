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

// part is an entity of a case, or of one.
type part struct {
	what  string
	given map[string]any
	known []string // the fields that the API has
}

// parts are the entities of a case.
func (g given) parts() []part {
	all := []part{
		{"alert", g.Alert, append(defender.AlertFields(), serviceSource)},
		{"machine", g.Machine, defender.MachineFields()},
	}
	if user, ok := g.Alert["relatedUser"].(map[string]any); ok {
		all = append(all, part{"alert.relatedUser", user, defender.UserFields()})
	}
	evidence, _ := g.Alert["evidence"].([]any)
	for _, one := range evidence {
		if entry, ok := one.(map[string]any); ok {
			all = append(all, part{"alert.evidence[]", entry, defender.EvidenceFields()})
		}
	}
	for _, a := range g.Actions {
		all = append(all, part{"actions[]", a, defender.ActionFields()})
	}
	return all
}

// checkFields refuses what no alert, machine or action has: the case would not say what it seems to.
func (g given) checkFields() error {
	for _, p := range g.parts() {
		for _, name := range slices.Sorted(maps.Keys(p.given)) {
			if !slices.Contains(p.known, name) && !strings.HasPrefix(name, "@odata.") {
				return fmt.Errorf("%s has no field %q; %s", p.what, name, spelling.Suggest(name, p.known))
			}
		}
	}
	return nil
}

// checkWords refuses values that differ from a known one in the case of letters only.
func (g given) checkWords() error {
	for _, p := range g.parts() {
		for _, name := range slices.Sorted(maps.Keys(p.given)) {
			value, _ := p.given[name].(string)
			if meant := facts.OtherCase(p.what+"."+name, value); meant != "" {
				return fmt.Errorf("%s.%s is never %q; write %s", p.what, name, value, meant)
			}
		}
	}
	return nil
}
