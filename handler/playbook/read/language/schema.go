package language

import (
	"cordon/handler/outgoing"
	"cordon/handler/playbook/condition"
)

// Schema is the JSON Schema (draft 2020-12) of a playbook, for editors. It is made from the tables that Load reads by; what
// a schema cannot tell, such as a mistake in a condition, only Load finds.
func Schema() []byte {
	root := BookKeys().schema()
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

func (k Keys) schema() object {
	properties, required := object{}, []string{}
	for _, one := range k.Known {
		of := one.Shape.schema()
		of["description"] = one.Help
		properties[one.Name] = of
		if one.required {
			required = append(required, one.Name)
		}
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	if k.one {
		o["minProperties"], o["maxProperties"] = 1, 1
	}
	if k.some {
		o["minProperties"] = 1
	}
	if k.Empty {
		o["type"] = []string{"object", "null"}
	}
	return o
}

func (s Shape) schema() object {
	switch s.kind {
	case aWord:
		return object{"enum": s.Words}
	case aText, anAge:
		return s.text()
	case aTruth:
		return object{"type": "boolean"}
	case aNumber:
		return object{"type": "integer", "minimum": s.Low, "maximum": s.High}
	case aCondition:
		return object{"type": []string{"string", "boolean"}, "minLength": 1, "maxLength": condition.MaxConditionLength}
	case Texts:
		if s.Low > 0 {
			return object{"type": "array", "items": s.text(), "minItems": s.Low, "maxItems": s.High}
		}
		return object{"type": []string{"array", "null"}, "items": s.text(), "maxItems": s.High}
	case mappings:
		return object{"type": "array", "items": s.Keys().schema(), "minItems": s.Low, "maxItems": s.High}
	}
	return s.Keys().schema()
}

func (s Shape) text() object {
	o := object{"type": "string"}
	if s.pattern != "" {
		o["pattern"] = s.pattern
	}
	return o
}
