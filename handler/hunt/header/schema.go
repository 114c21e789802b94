package header

import "cordon/handler/outgoing"

// object is one JSON object.
type object map[string]any

// Schema is the JSON Schema (draft 2020-12) of the header of a hunt, as an object with a member for each key; the lines
// of param are a list. What only the reader knows, such as whether a parameter is used, is not in it.
func Schema() []byte {
	properties, required := object{}, []string{}
	for _, k := range Keys() {
		properties[k.Name] = valueOf(k)
		if k.Required {
			required = append(required, k.Name)
		}
	}
	finds := object{"do": object{"enum": []string{"findings", "both"}}}
	text, err := outgoing.Indent(object{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "Header of a Cordon hunt",
		"type":                 "object",
		"properties":           properties,
		"additionalProperties": false,
		"required":             required,
		"if":                   object{"properties": finds, "required": []string{"do"}},
		"then": object{
			"required":   []string{"severity", "identity"},
			"properties": object{"identity": object{"pattern": `(^|,)\s*` + MachineColumn + `\s*(,|$)`}},
		},
		"else": object{"properties": object{"severity": false}},
	})
	if err != nil {
		panic("hunt: the schema does not encode: " + err.Error()) // maps of texts always do
	}
	return append(text, '\n')
}

func valueOf(k Key) object {
	value := object{"type": "string"}
	if k.Pattern != "" {
		value["pattern"] = k.Pattern
	}
	if len(k.Words) > 0 {
		value = object{"enum": k.Words}
	}
	if k.Several {
		value = object{
			"type":     "array",
			"items":    value,
			"maxItems": MaxParams,
		}
	}
	value["description"] = k.Help
	return value
}
