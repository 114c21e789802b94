// Package outgoingtest tries documents that leave the process with every field set, and with bytes that are no UTF-8.
// Only tests use it.
package outgoingtest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cordon/handler/incoming"
	"cordon/handler/outgoing"
)

// Hostile is the text of every filled field.
const Hostile = "caf\xe9\u202e<&>\x00\u2028"

// deepest bounds how deep documents that hold themselves are filled.
const deepest = 8

// Written holds that every document of the package in the test's folder can be written whatever is in it. documents are
// one value of each; a type of the package with names for JSON has to be among them or in reads, which are only read.
func Written(t *testing.T, documents []any, reads ...string) {
	t.Helper()
	known := slices.Clone(reads)
	for _, d := range documents {
		known = append(known, reflect.TypeOf(d).Name())
		encode(t, d)
	}
	declared := named(t)
	for _, name := range declared {
		if !slices.Contains(known, name) {
			t.Errorf("%s has names for JSON and is tried nowhere", name)
		}
	}
	for _, name := range reads {
		if !slices.Contains(declared, name) {
			t.Errorf("%s is no type with names for JSON", name)
		}
	}
}

// ReadBack holds that a document can also be read again as it was written, such as a row or a message.
func ReadBack(t *testing.T, documents ...any) {
	t.Helper()
	for _, d := range documents {
		body := encode(t, d)
		if err := json.Unmarshal(body, reflect.New(reflect.TypeOf(d)).Interface()); err != nil {
			t.Errorf("%T is not read as it was written: %v\n%s", d, err, body)
		}
	}
}

// Kept holds that documents with every field set are written as they ever were, byte for byte: a line each of the file
// testdata/kept.jsonl, in order, with \u for what is no ASCII. What stands in tables when a new version starts was
// written so.
func Kept(t *testing.T, documents ...any) {
	t.Helper()
	kept, err := incoming.File("testdata/kept.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(kept), "\n"), "\n")
	if len(lines) != len(documents) {
		t.Errorf("%d lines are kept of %d documents", len(lines), len(documents))
	}
	for i, d := range documents {
		if body := ascii(encode(t, d)); i >= len(lines) || body != lines[i] {
			t.Errorf("%T is no longer written as line %d says, but so:\n%s", d, i+1, body)
		}
	}
}

// ascii is JSON that an editor shows as it is.
func ascii(body []byte) string {
	var b strings.Builder
	for _, r := range string(body) {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}

func encode(t *testing.T, document any) []byte {
	t.Helper()
	v := reflect.New(reflect.TypeOf(document)).Elem()
	fill(t, v, Hostile, 0)
	body, err := outgoing.Encode(v.Interface())
	if err != nil {
		t.Errorf("%T with every field set: %v", document, err)
	} else if !json.Valid(body) || !utf8.Valid(body) || len(body) < len("{}") {
		t.Errorf("%T with every field set: %q", document, body)
	}
	return body
}

// Fill sets every field of what into points to, each text to the same. It is for tests that have to find a field which
// is added one day.
func Fill(t *testing.T, into any, text string) {
	t.Helper()
	fill(t, reflect.ValueOf(into).Elem(), text, 0)
}

// SetTexts sets every text of what into points to, in lists and structs that are not there too, and leaves the rest as
// it is.
func SetTexts(into any, text string) {
	setTexts(reflect.ValueOf(into).Elem(), text)
}

func setTexts(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() && v.Type().Elem().Kind() == reflect.Struct {
			v.Set(reflect.New(v.Type().Elem()))
		}
		if !v.IsNil() {
			setTexts(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Field(i).Type() != reflect.TypeFor[time.Time]() {
				setTexts(v.Field(i), text)
			}
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			setTexts(v.Index(i), text)
		}
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		m.SetMapIndex(reflect.ValueOf(text), reflect.ValueOf(text))
		v.Set(m)
	case reflect.String:
		v.SetString(text)
	}
}

// fill sets everything that can be set.
func fill(t *testing.T, v reflect.Value, text string, depth int) {
	t.Helper()
	if depth > deepest {
		return
	}
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 3, 2, 12, 0, 0, 1, time.UTC)))
		return
	case reflect.TypeFor[time.Duration]():
		v.Set(reflect.ValueOf(90 * time.Second))
		return
	case reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte("{\"x\":\"\xff\"}"))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1.5)
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), text, depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), text, depth+1)
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), text, depth+1)
		}
	case reflect.Map:
		key := reflect.New(v.Type().Key()).Elem()
		value := reflect.New(v.Type().Elem()).Elem()
		fill(t, key, text, depth+1)
		fill(t, value, text, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Interface:
		if v.NumMethod() == 0 {
			v.Set(reflect.ValueOf([]any{text, 90 * time.Second}))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			// Of an embedded struct the exported fields can be set, whatever its own name.
			f := v.Type().Field(i)
			if (f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct) && f.Tag.Get("json") != "-" {
				fill(t, v.Field(i), text, depth+1)
			}
		}
	default:
		t.Errorf("%s has no form in JSON", v.Type())
	}
}

// named are the types of the package in this folder that have names for JSON.
func named(t *testing.T) (names []string) {
	t.Helper()
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && (tagged(spec)) {
				names = append(names, spec.Name.Name)
			}
			return true
		})
	}
	return names
}

// rowKeys is what every row embeds.
const rowKeys = "keys"

// tagged says whether a type has names for JSON, or is a row.
func tagged(spec *ast.TypeSpec) bool {
	s, ok := spec.Type.(*ast.StructType)
	return ok && slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool {
		of, embedded := f.Type.(*ast.Ident)
		return f.Tag != nil && strings.Contains(f.Tag.Value, "json:") ||
			embedded && f.Names == nil && of.Name == rowKeys
	})
}
