package cases

import (
	"reflect"
	"strings"

	"cordon/handler/cli/cases/standing"
	"cordon/handler/defender"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
)

// object is one JSON object.
type object map[string]any

// Schema is the JSON Schema (draft 2020-12) of a file of cases, for editors. It is made of the types that cases are
// read into, and of the fields that the API has.
func Schema() []byte {
	root := mapping(reflect.TypeFor[caseFile]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Cordon cases"
	text, err := outgoing.Indent(root)
	if err != nil {
		panic("cases: the schema does not encode: " + err.Error()) // maps of texts and numbers always do
	}
	return append(text, '\n')
}

// mapping is the schema of a mapping that is read into a struct.
func mapping(t reflect.Type) object {
	properties := object{}
	addMembers(properties, t)
	of := closed(properties)
	switch t {
	case reflect.TypeFor[caseFile]():
		of["required"] = []string{"playbook", "cases"}
	case reflect.TypeFor[testCase]():
		of["required"] = []string{"name"}
		of["not"] = object{"required": []string{"moments", "want"}}
	}
	return of
}

func addMembers(properties object, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if key == inline {
			addMembers(properties, f.Type)
			continue
		}
		if key == "" {
			continue
		}
		value := known(key)
		if value == nil {
			value = valueOf(f.Type)
		}
		value["description"] = f.Tag.Get("help")
		properties[key] = value
	}
}

// closed is an object that has no other members.
func closed(properties object) object {
	return object{
		"type":                 "object",
		"properties":           properties,
		"additionalProperties": false,
	}
}

// known is the schema of what only some words or fields will do for; nil: its type says all.
func known(key string) object {
	switch key {
	case "mode":
		return object{"enum": []string{string(playbook.Observe), string(playbook.Enforce)}}
	case "isolatedBy":
		return object{"enum": isolators()}
	case "asked":
		return list(object{"enum": latchKinds()})
	case "unread":
		facts := object{}
		for _, fact := range unreadable() {
			facts[fact] = object{"type": "string"}
		}
		return closed(facts)
	case "steps":
		return list(oneOf(playbook.Do, playbook.WouldDo, playbook.Held, playbook.Skipped))
	case "comesTo":
		return list(oneOf(standing.Words()...))
	case "alert":
		of := entityOf(append(defender.AlertFields(), serviceSource))
		fields := of["properties"].(object)
		fields["relatedUser"] = entityOf(defender.UserFields())
		fields["evidence"] = list(entityOf(defender.EvidenceFields()))
		return of
	case "machine":
		return entityOf(defender.MachineFields())
	case "actions":
		return list(entityOf(defender.ActionFields()))
	}
	return nil
}

// entityOf is an entity of the API, or null: its fields are known, and what is in them is the API's.
func entityOf(names []string) object {
	fields := object{}
	for _, name := range names {
		fields[name] = object{}
	}
	of := closed(fields)
	of["type"] = []string{"object", "null"}
	of["patternProperties"] = object{`^@odata\.`: object{}}
	return of
}

func list(of object) object {
	return object{"type": []string{"array", "null"}, "items": of}
}

// oneOf is a mapping with one key, whose value is one of some words.
func oneOf[T ~string](words ...T) object {
	return object{
		"type":                 "object",
		"additionalProperties": object{"enum": words},
		"minProperties":        1,
		"maxProperties":        1,
	}
}

// valueOf is the schema of what a field of a type is read from.
func valueOf(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Pointer:
		return valueOf(t.Elem())
	case reflect.Slice:
		return list(valueOf(t.Elem()))
	case reflect.Int:
		return object{"type": "integer"}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": valueOf(t.Elem())}
	case reflect.Struct:
		return mapping(t)
	}
	return object{"type": strings.ToLower(t.Kind().String())}
}
