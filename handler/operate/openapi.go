package operate

import (
	"net/http"
	"reflect"
	"strings"
	"time"

	"cordon/handler/operate/wire"
)

// Description describes the operator API as OpenAPI 3.1. It is made of the routes and types of package wire, so that it
// cannot differ from them.
func Description() map[string]any {
	d := describing{schemas: map[string]any{}}
	paths := map[string]map[string]any{}
	for _, r := range wire.Routes() {
		if paths[r.Path] == nil {
			paths[r.Path] = map[string]any{}
		}
		paths[r.Path][strings.ToLower(r.Method)] = d.operation(r)
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title":   "Cordon operator API",
			"version": "1",
			"description": "Every order has an id of its own: the same id is carried out once, however often it is sent. " +
				"Times are UTC. Answers may gain fields.",
		},
		"servers": []any{map[string]any{"url": wire.Base}},
		"paths":   paths,
		"components": map[string]any{
			"schemas": d.schemas,
			"securitySchemes": map[string]any{
				"entra": map[string]any{
					"type":         "http",
					"scheme":       "bearer",
					"bearerFormat": "JWT",
					"description":  "An access token of Microsoft Entra, version 2.0, for the scope Cordon.Use.",
				},
			},
		},
	}
}

// describing gathers the schemas that operations name.
type describing struct{ schemas map[string]any }

func (d *describing) operation(r wire.Route) map[string]any {
	operation := map[string]any{
		"summary": r.Says,
		"responses": map[string]any{
			"200": content("The answer.", "application/json", d.schema(reflect.TypeOf(r.Tells))),
			"default": content("A problem document.", "application/problem+json",
				d.schema(reflect.TypeFor[wire.Problem]())),
		},
	}
	if r.Role != wire.Anybody {
		operation["security"] = []any{map[string]any{"entra": []any{}}}
		operation["description"] = "Needs the role " + string(r.Role) + "."
	}
	var query []any
	for _, p := range r.Query {
		query = append(query, map[string]any{
			"name":        p.Name,
			"in":          "query",
			"required":    p.Required,
			"description": p.Says,
			"schema":      map[string]any{"type": "string"},
		})
	}
	if query != nil {
		operation["parameters"] = query
	}
	if r.Method == http.MethodPost {
		body := content("The order.", "application/json", d.schema(reflect.TypeOf(r.Asks)))
		body["required"] = true
		operation["requestBody"] = body
	}
	return operation
}

func content(says, kind string, schema any) map[string]any {
	return map[string]any{
		"description": says,
		"content":     map[string]any{kind: map[string]any{"schema": schema}},
	}
}

// schema is the schema of a type; of a struct a reference to it.
func (d *describing) schema(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return d.schema(t.Elem())
	case t.Kind() == reflect.Struct:
		if d.schemas[t.Name()] == nil {
			d.schemas[t.Name()] = true // a struct may hold itself
			d.schemas[t.Name()] = d.object(t)
		}
		return map[string]any{"$ref": "#/components/schemas/" + t.Name()}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": d.schema(t.Elem())}
	case t.Kind() == reflect.Map && t.Elem().Kind() != reflect.Interface:
		return map[string]any{"type": "object", "additionalProperties": d.schema(t.Elem())}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object"}
	case t.Kind() == reflect.String:
		return map[string]any{"type": "string"}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	}
	return map[string]any{"type": "integer"}
}

func (d *describing) object(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	d.fields(t, properties, &required)
	object := map[string]any{"type": "object", "properties": properties}
	if required != nil {
		object["required"] = required
	}
	return object
}

// fields describes the fields of a struct, and those of what it embeds among them.
func (d *describing) fields(t reflect.Type, into map[string]any, required *[]string) {
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			d.fields(field.Type, into, required)
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		into[name] = d.schema(field.Type)
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}
