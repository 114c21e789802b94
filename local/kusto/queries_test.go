package kusto_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/hunt"
	"cordon/local/kusto"
)

func read(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// written gives the query of a hunt as it is sent.
func written(t *testing.T, file, text string) string {
	t.Helper()
	h, problems := hunt.Parse(file, []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	query, err := h.Query(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), nil)
	if err != nil {
		t.Fatal(err)
	}
	return query
}

// ofHunts are the queries that come with Cordon.
func ofHunts(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../hunts/*.kql")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		found[file] = written(t, file, read(t, file))
	}
	return found
}

// ofAlerts are the queries of the alert rules. What a rule fills in is a number.
func ofAlerts(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	text := read(t, "../../infra/alerts.bicep")
	for _, m := range regexp.MustCompile(`(?s)name: '([^']+)'\n(?:[^{}]*?)query: (format\(\s*)?'''\n(.*?)'''`).FindAllStringSubmatch(text, -1) {
		if m[2] != "" {
			m[3] = strings.NewReplacer("{{", "{", "}}", "}").Replace(regexp.MustCompile(`\{\d\}`).ReplaceAllString(m[3],
				"8"))
		}
		found["alerts.bicep: "+m[1]] = m[3]
	}
	if n := len(regexp.MustCompile(`query: (format\(\s*)?'''`).FindAllString(text, -1)); n != len(found) {
		t.Errorf("alerts.bicep has %d queries, %d were read", n, len(found))
	}
	return found
}

// ofDocs are the queries on the pages: blocks, and lines within a block, that begin with the name of a table. A block
// that begins with a header is a hunt.
func ofDocs(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	begins := regexp.MustCompile(`(?m)^[A-Z]\w+( \||\n\|)`)
	for _, file := range append(files, "../../README.md") {
		for _, block := range regexp.MustCompile(`(?m)(^(    .*)?\n)+`).FindAllString(read(t, file), -1) {
			block = strings.TrimSpace(regexp.MustCompile(`(?m)^    `).ReplaceAllString(block, ""))
			if strings.HasPrefix(block, "// name: ") {
				found[file+": a hunt"] = written(t, file, block)
				continue
			}
			at := begins.FindAllStringIndex(block, -1)
			for i, from := range at {
				end := len(block)
				if i+1 < len(at) {
					end = at[i+1][0]
				}
				found[file+": "+block[from[0]:end]] = block[from[0]:end]
			}
		}
	}
	return found
}

// TestEveryQueryIsRight holds every query that Cordon comes with, runs in Azure or tells people to run.
func TestEveryQueryIsRight(t *testing.T) {
	t.Parallel()
	all := map[string]string{}
	for place, c := range map[string]struct {
		queries map[string]string
		least   int
	}{"hunts": {ofHunts(t), 3}, "alerts": {ofAlerts(t), 6}, "docs": {ofDocs(t), 9}} {
		if len(c.queries) < c.least {
			t.Errorf("only %d queries of %s were found", len(c.queries), place)
		}
		maps.Copy(all, c.queries)
	}
	names := slices.Sorted(maps.Keys(all))
	var queries []string
	for _, name := range names {
		queries = append(queries, all[name])
	}
	for i, verdict := range kusto.Judge(t, queries...) {
		for _, problem := range verdict.Problems {
			t.Errorf("%s: %s", names[i], problem)
		}
	}
}

// TestLiteralsAreWhatTheirParametersSay writes values, hostile ones among them, as parameters do, and asks the parser
// what it reads: one value, of the parameter's type, and of texts exactly the text.
func TestLiteralsAreWhatTheirParametersSay(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", "a", `"`, `'`, `\`, `\"`, `a\`, `"; DeviceInfo | take 1 //`, `") or true //`, "a\nb", "a\r\nb", "tab\there",
		"\x00", "\x1b[31m", "\u0085", "\u2028\u2029",
		"\u200b\u202e", "\ufeff", "{{since}}", "```", "@'x'", "h\"x\"", "ünï", "日本", "💣", "//", "long(1)",
		"dynamic([])", strings.Repeat("ü", 500),
	}
	type literal struct {
		parameter hunt.ParamType
		value     string
		column    string
		texts     []string
	}
	var all []literal
	for _, text := range texts {
		all = append(all, literal{hunt.TypeString, text, "string", []string{strings.TrimSpace(text)}})
		if strings.TrimSpace(text) != "" {
			all = append(all,
				literal{hunt.TypeStrings, text + ", x", "dynamic", []string{strings.TrimSpace(text), "x"}})
		}
	}
	for _, c := range []struct {
		parameter hunt.ParamType
		values    []string
	}{
		{hunt.TypeLong, []string{"0", "-1", "+7", "9223372036854775807", "-9223372036854775808"}},
		{hunt.TypeReal, []string{"0", "-0.5", "999999999999999.999999999999999"}},
		{hunt.TypeBool, []string{"true", "false"}},
		{
			hunt.TypeDatetime,
			[]string{
				"2026-03-02T10:00:00Z", "2026-03-02T10:00:00.123456789+05:30",
				"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
			},
		},
		{hunt.TypeTimespan, []string{"1s", "90m", "400d", "999999s"}},
	} {
		for _, value := range c.values {
			all = append(all, literal{c.parameter, value, string(c.parameter), nil})
		}
	}
	var queries []string
	for _, one := range all {
		written, err := one.parameter.Literal(one.value)
		if err != nil {
			t.Fatalf("%s %q: %v", one.parameter, one.value, err)
		}
		queries = append(queries, "print x = "+written)
	}
	for i, verdict := range kusto.Judge(t, queries...) {
		if len(verdict.Problems) > 0 || !slices.Equal(verdict.Columns, []string{"x:" + all[i].column}) ||
			!slices.Equal(verdict.Texts, all[i].texts) {
			t.Errorf("%s %q is written as %s, which is read as %q: %+v", all[i].parameter, all[i].value, queries[i],
				all[i].texts, verdict)
		}
	}
}
