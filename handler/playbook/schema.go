package playbook

import "cordon/handler/outgoing"

// Schema is the JSON Schema (draft 2020-12) of a playbook, for editors. It is made from the tables that Load reads by; what
// a schema cannot tell, such as a mistake in a condition, only Load finds.
func Schema() []byte {
	root := bookKeys().schema()
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

func (k keys) schema() object {
	properties, required := object{}, []string{}
	for _, one := range k.known {
		of := one.shape.schema()
		of["description"] = one.help
		properties[one.name] = of
		if one.required {
			required = append(required, one.name)
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
	if k.empty {
		o["type"] = []string{"object", "null"}
	}
	return o
}

func (s shape) schema() object {
	switch s.kind {
	case aWord:
		return object{"enum": s.words}
	case aText, anAge:
		return s.text()
	case aTruth:
		return object{"type": "boolean"}
	case aNumber:
		return object{"type": "integer", "minimum": s.low, "maximum": s.high}
	case aCondition:
		return object{"type": []string{"string", "boolean"}, "minLength": 1, "maxLength": maxConditionLength}
	case texts:
		if s.low > 0 {
			return object{"type": "array", "items": s.text(), "minItems": s.low, "maxItems": s.high}
		}
		return object{"type": []string{"array", "null"}, "items": s.text(), "maxItems": s.high}
	case mappings:
		return object{"type": "array", "items": s.keys().schema(), "minItems": s.low, "maxItems": s.high}
	}
	return s.keys().schema()
}

func (s shape) text() object {
	o := object{"type": "string"}
	if s.pattern != "" {
		o["pattern"] = s.pattern
	}
	return o
}
