package language_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"cordon/handler/playbook/read"
	"cordon/handler/playbook/read/language"
	"cordon/handler/playbook/read/source"
)

// schema is the schema as an editor reads it.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(language.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("playbook.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("playbook.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// document is a playbook as a validator sees it.
func document(t *testing.T, source []byte) (any, error) {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(source, &v); err != nil {
		return nil, err
	}
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(body))
}

func TestTheSchemaTakesEveryExample(t *testing.T) {
	t.Parallel()
	of := schema(t)
	files, err := filepath.Glob("../../../../playbooks/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, ".test.yaml") })
	if len(files) < 5 {
		t.Errorf("only %d examples", len(files))
	}
	for _, path := range append(files, "../../../../playbook.yaml") {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read.Load(path, source); err != nil {
			t.Error(err)
		}
		v, err := document(t, source)
		if err != nil {
			t.Fatal(err)
		}
		if err := of.Validate(v); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestTheSchemaRefusesWhatItCanTell holds the schema against the broken playbooks. The ones that it takes, or that no
// validator sees, are wrong in a way that only the loader knows.
func TestTheSchemaRefusesWhatItCanTell(t *testing.T) {
	t.Parallel()
	inside := []string{ // a condition, a template, an order, a name that is taken, a mail address
		"actions", "bad-comment", "contradictions", "duplicate-rule", "helpers", "language", "later-facts", "letters",
		"limits-order", "long-condition", "never-true", "single-equals", "unknown-field", "wrong-types"}
	text := []string{ // it is no YAML, or not one plain document
		"aliases", "documents", "duplicate-key", "indentation", "tabs", "unquoted-star"}
	of := schema(t)
	files, err := filepath.Glob("../testdata/broken/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(text, name) {
			continue
		}
		v, err := document(t, source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if refused, wanted := of.Validate(v) != nil, !slices.Contains(inside, name); refused != wanted {
			t.Errorf("%s: refused %t, want %t", name, refused, wanted)
		}
	}
}

func TestTheSchemaExplainsEveryKey(t *testing.T) {
	t.Parallel()
	var walk func(k source.Keys)
	walk = func(k source.Keys) {
		for _, one := range k.Known {
			if one.Help == "" {
				t.Errorf("%s: %s has no help", k.What, one.Name)
			}
			if one.Keys != nil {
				walk(one.Keys())
			}
		}
	}
	walk(language.BookKeys())
}
