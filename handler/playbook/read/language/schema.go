package language

import (
	"cordon/handler/outgoing"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/read/source"
)

// Schema is the JSON Schema (draft 2020-12) of a playbook, for editors. It is made from the tables that playbooks are
// read by; what a schema cannot tell, such as a mistake in a condition, is found when one is read.
func Schema() []byte {
	root := mappingSchema(BookKeys())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Cordon playbook"
	text, err := outgoing.Indent(root)
	if err != nil {
		panic("playbook: the schema does not encode: " + err.Error()) // maps of texts and numbers always do
	}
	return append(text, '\n')
}

// object is one JSON object.
type object map[string]any

func mappingSchema(k source.Keys) object {
	properties, required := object{}, []string{}
	for _, one := range k.Known {
		of := valueSchema(one)
		of["description"] = one.Help
		properties[one.Name] = of
		if one.Required {
			required = append(required, one.Name)
		}
	}
	o := object{
		"type":                 "object",
		"properties":           properties,
		"additionalProperties": false,
	}
	if len(required) > 0 {
		o["required"] = required
	}
	if k.One != "" {
		o["minProperties"], o["maxProperties"] = 1, 1
	}
	if k.Some {
		o["minProperties"] = 1
	}
	if k.Empty {
		o["type"] = []string{"object", "null"}
	}
	return o
}

func valueSchema(k source.Key) object {
	switch k.Kind {
	case source.Word:
		return object{"enum": k.Words}
	case source.Text, source.Age:
		return textSchema(k.Form)
	case source.Truth:
		return object{"type": "boolean"}
	case source.Number:
		return object{"type": "integer", "minimum": k.Low, "maximum": k.High}
	case source.Condition:
		return object{
			"type":      []string{"string", "boolean"},
			"minLength": 1,
			"maxLength": condition.MaxLength,
		}
	case source.Texts:
		o := object{
			"type":     "array",
			"items":    textSchema(k.Form),
			"minItems": k.Low,
			"maxItems": k.High,
		}
		if k.Low == 0 {
			o["type"] = []string{"array", "null"}
		}
		return o
	case source.Mappings:
		return object{
			"type":     "array",
			"items":    mappingSchema(k.Keys()),
			"minItems": k.Low,
			"maxItems": k.High,
		}
	}
	return mappingSchema(k.Keys())
}

func textSchema(form source.Form) object {
	o := object{"type": "string"}
	if form.Pattern != "" {
		o["pattern"] = form.Pattern
	}
	return o
}
