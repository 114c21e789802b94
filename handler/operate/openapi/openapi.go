// Package openapi describes the operator API, as it is made of the routes and types of package wire.
//
// Neighbours: handler/operate serves the description.
package openapi

import (
	"encoding"
	"net/http"
	"path"
	"reflect"
	"strings"
	"time"

	"cordon/handler/operate/wire"
)

// node is a part of the document.
type node = map[string]any

// Description describes the operator API as OpenAPI 3.1. It is made of the routes and types of package wire, so that it
// cannot differ from them.
func Description() node {
	d := describing{schemas: node{}}
	paths := map[string]node{}
	for _, r := range wire.Routes() {
		if paths[r.Path] == nil {
			paths[r.Path] = node{}
		}
		paths[r.Path][strings.ToLower(r.Method)] = d.operation(r)
	}
	return node{
		"openapi": "3.1.0",
		"info": node{
			"title":   "Cordon operator API",
			"version": "1",
			"description": "Every order has an id of its own: the same id is carried out once, however often it is sent. " +
				"Times are UTC. Answers may gain fields.",
		},
		"servers": []node{{"url": wire.Base}},
		"paths":   paths,
		"components": node{
			"schemas": d.schemas,
			"securitySchemes": node{
				"entra": node{
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
type describing struct{ schemas node }

func (d *describing) operation(r wire.Route) node {
	operation := node{
		"summary": r.Says,
		"responses": node{
			"200": content("The answer.", "application/json", d.schema(reflect.TypeOf(r.Tells))),
			"default": content("A problem document.", "application/problem+json",
				d.schema(reflect.TypeFor[wire.Problem]())),
		},
	}
	if r.Role != wire.Anybody {
		operation["security"] = []node{{"entra": []any{}}}
		operation["description"] = "Needs the role " + string(r.Role) + "."
	}
	var query []any
	for _, p := range r.Query {
		query = append(query, node{
			"name":        p.Name,
			"in":          "query",
			"required":    p.Required,
			"description": p.Says,
			"schema":      node{"type": "string"},
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

func content(says, kind string, schema any) node {
	return node{
		"description": says,
		"content":     node{kind: node{"schema": schema}},
	}
}

// schema is the schema of a type; of a struct a reference to it.
func (d *describing) schema(t reflect.Type) node {
	switch {
	case t.Kind() == reflect.Interface: // whatever the playbook makes of it
		return node{}
	case t == reflect.TypeFor[time.Time]():
		return node{"type": "string", "format": "date-time"}
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return node{"type": "string"}
	case t.Kind() == reflect.Pointer:
		return d.schema(t.Elem())
	case t.Kind() == reflect.Struct:
		name := nameOf(t)
		if d.schemas[name] == nil {
			d.schemas[name] = true // a struct may hold itself
			d.schemas[name] = d.object(t)
		}
		return node{"$ref": "#/components/schemas/" + name}
	case t.Kind() == reflect.Slice:
		return node{"type": "array", "items": d.schema(t.Elem())}
	case t.Kind() == reflect.Map && t.Elem().Kind() != reflect.Interface:
		return node{"type": "object", "additionalProperties": d.schema(t.Elem())}
	case t.Kind() == reflect.Map:
		return node{"type": "object"}
	case t.Kind() == reflect.String:
		return node{"type": "string"}
	case t.Kind() == reflect.Bool:
		return node{"type": "boolean"}
	}
	return node{"type": "integer"}
}

// nameOf is the name of a type in the description. Those of package wire have their own.
func nameOf(t reflect.Type) string {
	from := path.Base(t.PkgPath())
	if from == "wire" {
		return t.Name()
	}
	return from + "." + t.Name()
}

func (d *describing) object(t reflect.Type) node {
	properties := node{}
	var required []string
	d.fields(t, properties, &required)
	object := node{"type": "object", "properties": properties}
	if required != nil {
		object["required"] = required
	}
	return object
}

// fields describes the fields of a struct, and those of what it embeds among them.
func (d *describing) fields(t reflect.Type, into node, required *[]string) {
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
