package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"cordon/handler/cli/call"
	"cordon/handler/cli/cases"
	"cordon/handler/hunt"
)

const published = "../../docs/schemas/"

func TestThePublishedSchemasAreThoseThatAreMade(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"playbook", "cases", "hunt"} {
		path := published + name + ".schema.json"
		code, stdout, stderr := command(t, nil, "schema", name)
		if code != call.ExitDone {
			t.Fatalf("code %d, %s", code, stderr)
		}
		if *update {
			if err := os.WriteFile(path, []byte(stdout), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(text), stdout); diff != "" {
			t.Errorf("%s is not what cordon schema %s prints; make it with go test ./handler/cli -run Published "+
				"-update: %s",
				path, name, diff)
		}
	}
	if code, _, stderr := command(t, nil, "schema", "books"); code != call.ExitUsage ||
		!strings.Contains(stderr, "playbook, cases, hunt") {
		t.Errorf("code %d, %s", code, stderr)
	}
}

// validator is a published schema as an editor reads it.
func validator(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiled, err := jsonschema.NewCompiler().Compile(published + name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// validate holds a document against a schema.
func validate(t *testing.T, schema *jsonschema.Schema, document any) error {
	t.Helper()
	body, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// asYAML is a text as an editor reads it.
func asYAML(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

// asHeader is the header of a hunt as an object, read without the reader of hunts.
func asHeader(text string) map[string]any {
	header := map[string]any{}
	params := []string{}
	last := ""
	for line := range strings.Lines(text) {
		rest, comment := strings.CutPrefix(strings.TrimRight(line, "\n"), "//")
		if !comment {
			break
		}
		key, value, _ := strings.Cut(strings.TrimSpace(rest), ":")
		switch {
		case strings.HasPrefix(rest, "  "):
			header[last] = header[last].(string) + " " + strings.TrimSpace(rest)
		case key == "param":
			params = append(params, strings.TrimSpace(value))
			header["param"] = params
		default:
			last = key
			header[key] = strings.TrimSpace(value)
		}
	}
	return header
}

func TestTheExamplesFitThePublishedSchemas(t *testing.T) {
	t.Parallel()
	playbooks, tests, hunts := validator(t, "playbook"), validator(t, "cases"), validator(t, "hunt")
	held := 0
	for _, pattern := range []string{"../../playbook.yaml", "../../playbooks/*.yaml", "../../hunts/*.kql"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case strings.HasSuffix(path, ".kql"):
				err = validate(t, hunts, asHeader(string(text)))
			case strings.HasSuffix(path, cases.Suffix):
				err = validate(t, tests, asYAML(t, string(text)))
			default:
				err = validate(t, playbooks, asYAML(t, string(text)))
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			held++
		}
	}
	if held < 14 {
		t.Errorf("only %d examples", held)
	}
}

// TestTheSchemaOfCasesRefusesWhatTestRefuses holds both against what is wrong in form.
func TestTheSchemaOfCasesRefusesWhatTestRefuses(t *testing.T) {
	t.Parallel()
	schema := validator(t, "cases")
	for text, right := range map[string]bool{
		"alert: { severity: High, '@odata.id': x, evidence: [{ fileName: a.exe }], comments: [] }": true,
		"machine: { computerDnsName: pc1, osPlatform: Linux, machineTags: null }":                  true,
		"unread: { machine: '503', isolated: '' }":                                                 true,
		// only the reader knows
		"moments: [{ after: 1h, name: x }]":                true,
		"hunt: { name: h, severity: High, row: { A: b } }": true,
		"isolatedBy: nobody":                               true,
		"asked: ['scan:Quick']":                            true,
		"alert: { severty: High }":                         false,
		"alert: { relatedUser: { name: x } }":              false,
		"alert: { evidence: [{ file: x }] }":               false,
		"machine: { name: x }":                             false,
		"actions: [{ kind: Isolate }]":                     false,
		"isolatedBy: me":                                   false,
		"asked: [isolate]":                                 false,
		"mode: loud":                                       false,
		"unread: { all: x }":                               false,
		"moments: [{ wants: {} }]":                         false,
		"want: { rule: x }\n    moments: [{}]":             false,
		"hunt: { nam: h }":                                 false,
		"alertsOnMachine: many":                            false,
		"wants: {}":                                        false,
	} {
		document := "playbook: p.yaml\ncases:\n  - name: one\n    " + text + "\n"
		if err := validate(t, schema, asYAML(t, document)); (err == nil) != right {
			t.Errorf("%s: %v", document, err)
		}
		onlyRead := strings.Contains(text, "after")
		refused := len(cases.Run(cases.Options{
			Files: []string{cases.Stdin},
			Stdin: strings.NewReader(strings.Replace(document, "p.yaml", "../../playbook.yaml", 1)),
		}).Broken) > 0
		if refused == right && !onlyRead {
			t.Errorf("%s: cordon test refuses it: %t", document, refused)
		}
	}
}

func TestTheSchemaOfHuntsRefusesWhatTheReaderRefuses(t *testing.T) {
	t.Parallel()
	schema := validator(t, "hunt")
	const whole = "// name: x\n// schedule: 0 0 * * * *\n// timespan: 2h\n"
	for text, right := range map[string]bool{
		whole: true,
		whole +
			"// do: both\n// severity: Low\n// identity: A, DeviceId\n": true,
		whole +
			"// first: learn\n// empty: mail\n// memory: 90d\n// to: a@b.example\n// description: x\n//   y\n": true,
		whole + "// param: n long = 5\n// param: s strings = a, b\n":      true,
		whole + "// do: both\n// severity: Low\n// identity: DeviceIds\n": false,
		whole + "// do: findings\n// identity: DeviceId\n":                false,
		whole + "// severity: Low\n":                                      false,
		whole + "// first: never\n":                                       false,
		whole + "// nme: y\n":                                             false,
		whole + "// memory: forever\n":                                    false,
		whole + "// param: x\n":                                           false,
		"// name: X\n// schedule: 0 0 * * * *\n// timespan: 2h\n":         false,
		"// name: x\n// schedule: 0 * * * *\n// timespan: 2h\n":           false,
		"// name: x\n// timespan: 2h\n":                                   false,
	} {
		if err := validate(t, schema, asHeader(text)); (err == nil) != right {
			t.Errorf("%s: %v", text, err)
		}
		query := "T | where Timestamp >= {{since}}"
		if strings.Contains(text, "long") {
			query += " | where N == {{n}} and S in ({{s}})"
		}
		if _, problems := hunt.Parse("x.kql", []byte(text+"\n"+query+"\n")); (len(problems) == 0) != right {
			t.Errorf("%s: %+v", text, problems)
		}
	}
}
