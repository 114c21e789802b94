// Package infra holds the deployment files against the program: there is no Bicep compiler in the tests, so they read the
// files themselves.
package infra

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// bicep is one file, as far as the tests read it.
type bicep struct {
	text    string
	params  map[string]bool // by name; true: it has a default
	modules []module
}

// module is one use of another file.
type module struct {
	file   string
	params []string
}

func read(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func readBicep(t *testing.T, path string) bicep {
	t.Helper()
	b := bicep{text: read(t, path), params: map[string]bool{}}
	for _, p := range regexp.MustCompile(`(?m)^param (\w+) \w+( = )?`).FindAllStringSubmatch(b.text, -1) {
		b.params[p[1]] = p[2] != ""
	}
	for _, m := range regexp.MustCompile(`(?ms)^module \w+ '([^']+)' = \{\n(.*?)^\}`).FindAllStringSubmatch(b.text, -1) {
		one := module{file: m[1]}
		_, body, found := strings.Cut(m[2], "\n  params: {\n")
		if !found {
			t.Fatalf("%s passes no parameters to %s", path, m[1])
		}
		body, _, _ = strings.Cut(body, "\n  }\n")
		for _, p := range regexp.MustCompile(`(?m)^    (\w+): `).FindAllStringSubmatch(body+"\n", -1) {
			one.params = append(one.params, p[1])
		}
		b.modules = append(b.modules, one)
	}
	return b
}

// deployed are the app settings of cordon.bicep, with the expression of each; those that are left out unless they have a
// value among them.
func deployed(t *testing.T) map[string]string {
	t.Helper()
	text := read(t, "cordon.bicep")
	settings := map[string]string{}
	for _, block := range []string{"var settings = {\n", "var optionalSettings = union(\n"} {
		_, rest, found := strings.Cut(text, block)
		if !found {
			t.Fatalf("cordon.bicep has no %q", block)
		}
		rest, _, _ = strings.Cut(rest, map[bool]string{true: "\n}\n", false: "\n)\n"}[strings.HasSuffix(block, "{\n")])
		for line := range strings.SplitSeq(rest, "\n") {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "//") {
				continue
			}
			m := regexp.MustCompile(`^(?:empty\(\w+\) \? \{\} : \{ )?(\w+): (.+?)(?: \},?)?$`).FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("the line %q of the settings is not understood", line)
			}
			if _, twice := settings[m[1]]; twice {
				t.Errorf("%s is set twice", m[1])
			}
			settings[m[1]] = m[2]
		}
	}
	return settings
}

func TestBracketsAndQuotesOfTheBicepFilesMatch(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"main.bicep", "cordon.bicep", "roles.bicep", "app.bicep", "alerts.bicep"} {
		// What stands in texts is not counted, but for the expressions in them, which close what they open.
		text := regexp.MustCompile(`(?s)'''.*?'''`).ReplaceAllString(read(t, file), "''")
		text = regexp.MustCompile(`(?m)(^|\s)//.*$`).ReplaceAllString(text, "")
		if strings.Count(strings.ReplaceAll(text, `\'`, ""), "'")%2 != 0 {
			t.Errorf("%s has a quote too many", file)
		}
		var open []rune
		closes := map[rune]rune{')': '(', ']': '[', '}': '{'}
		for _, r := range text {
			switch r {
			case '(', '[', '{':
				open = append(open, r)
			case ')', ']', '}':
				if len(open) == 0 || open[len(open)-1] != closes[r] {
					t.Fatalf("%s closes %c without having opened it", file, r)
				}
				open = open[:len(open)-1]
			}
		}
		if len(open) > 0 {
			t.Errorf("%s leaves %s open", file, string(open))
		}
	}
}

func TestModulesGetTheParametersThatTheyDeclare(t *testing.T) {
	t.Parallel()
	uses := 0
	for _, file := range []string{"main.bicep", "cordon.bicep"} {
		for _, use := range readBicep(t, file).modules {
			uses++
			declared := readBicep(t, use.file).params
			given := map[string]bool{}
			for _, name := range use.params {
				given[name] = true
				if _, ok := declared[name]; !ok {
					t.Errorf("%s gives %s the parameter %s, which it does not have", file, use.file, name)
				}
			}
			for name, hasDefault := range declared {
				if !hasDefault && !given[name] {
					t.Errorf("%s does not give %s the parameter %s", file, use.file, name)
				}
			}
		}
	}
	if uses != 4 {
		t.Errorf("%d uses of modules were found", uses)
	}
}

func TestParametersAreUsed(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"main.bicep", "cordon.bicep", "roles.bicep", "app.bicep", "alerts.bicep"} {
		b := readBicep(t, file)
		for name := range b.params {
			if len(regexp.MustCompile(`\b`+name+`\b`).FindAllString(b.text, -1)) < 2 {
				t.Errorf("%s does nothing with its parameter %s", file, name)
			}
		}
		for _, v := range regexp.MustCompile(`(?m)^var (\w+) = `).FindAllStringSubmatch(b.text, -1) {
			if len(regexp.MustCompile(`\b`+v[1]+`\b`).FindAllString(b.text, -1)) < 2 {
				t.Errorf("%s does nothing with its variable %s", file, v[1])
			}
		}
	}
}

func TestNothingInTheGroupTakesAKey(t *testing.T) {
	t.Parallel()
	text := read(t, "cordon.bicep")
	for _, line := range []string{"allowSharedKeyAccess: false", "disableLocalAuth: true", "DisableLocalAuth: true", "enableRbacAuthorization: true"} {
		if !strings.Contains(text, line) {
			t.Errorf("cordon.bicep lacks %s", line)
		}
	}
	for _, file := range []string{"main.bicep", "cordon.bicep", "roles.bicep", "app.bicep", "alerts.bicep"} {
		if found := regexp.MustCompile(`(?i)listKeys|AccountKey|SharedAccessKey=`).FindString(read(t, file)); found != "" {
			t.Errorf("%s has %s", file, found)
		}
	}
}
