package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cordon/handler/config"
)

var update = flag.Bool("update", false, "rewrite golden files and README's table of settings")

// TestReadmeHasTheSettingsTable holds README against the code.
func TestReadmeHasTheSettingsTable(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| name | default | meaning |\n| --- | --- | --- |\n")
	for _, s := range config.Settings() {
		value := ""
		switch {
		case s.Required:
			value = "required"
		case s.Default != "":
			value = "`" + s.Default + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", s.Name, value, s.Meaning)
	}
	body, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(body), "| name | default | meaning |\n")
	if !found {
		t.Fatal("README has no table of settings")
	}
	end := strings.Index(rest, "\n\n") + 1
	if *update {
		if err := os.WriteFile("../README.md", []byte(before+table.String()+rest[end:]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !strings.Contains(string(body), table.String()) {
		t.Error("README's table of settings differs from config.Settings(): go test ./handler -run Readme -update")
	}
}

// TestReadmeNamesEveryFunctionAndFolder keeps the map honest.
func TestReadmeNamesEveryFunctionAndFolder(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	functions, err := os.ReadDir("../functions")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range functions {
		if !strings.Contains(string(body), "| "+f.Name()+" |") {
			t.Errorf("README's table of functions lacks %s", f.Name())
		}
	}
	for name := range allowed {
		if !strings.Contains(string(body), name+"/") {
			t.Errorf("README's map lacks the package %s", name)
		}
	}
}

// TestTestsThatTheSecurityPageCitesExist keeps the table of threats honest.
func TestTestsThatTheSecurityPageCitesExist(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	cited := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(body), -1)
	if len(cited) < 20 {
		t.Fatalf("only %d tests are cited", len(cited))
	}
	exist := map[string]bool{}
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git" || entry.Name() == "build"):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		for _, f := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			exist[f[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cited {
		if !exist[c[1]] {
			t.Errorf("docs/security.md cites %s, which does not exist", c[1])
		}
	}
}

// TestQueriesAskForLinesAndFieldsThatAreWritten holds docs/operations.md against what the program logs.
func TestQueriesAskForLinesAndFieldsThatAreWritten(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	messages, fields := logged(t)
	asked := 0
	for line := range strings.SplitSeq(string(body), "\n") {
		if !strings.HasPrefix(line, "    ") {
			continue
		}
		for _, f := range regexp.MustCompile(`line\.(\w+)`).FindAllStringSubmatch(strings.NewReplacer(`["`, ".", `"]`, "").Replace(line), -1) {
			if !fields[f[1]] {
				t.Errorf("no line has the field %s, which is asked for in %q", f[1], line)
			}
		}
		if _, condition, found := strings.Cut(line, "where line.msg "); found {
			condition, _, _ = strings.Cut(condition, "|")
			for _, m := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(condition, -1) {
				asked++
				if !slices.ContainsFunc(messages, func(s string) bool {
					return s == m[1] || strings.Contains(condition, "startswith") && strings.HasPrefix(s, m[1])
				}) {
					t.Errorf("no line says %q", m[1])
				}
			}
		}
	}
	if asked < 8 {
		t.Errorf("only %d messages are asked for", asked)
	}
}

// logged gathers the messages and the names of the fields of all log lines in the program's source.
func logged(t *testing.T) (messages []string, fields map[string]bool) {
	t.Helper()
	fields = map[string]bool{"time": true, "level": true, "msg": true}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !regexp.MustCompile(`^((Info|Warn|Error)(Context)?|AddAttrs|String|Int|LogAttrs|add)$`).MatchString(name.Sel.Name) {
				return true
			}
			var texts []string
			for _, arg := range call.Args {
				if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Error(err)
					}
					texts = append(texts, text)
				}
			}
			for i, text := range texts {
				if i == 0 && !strings.HasPrefix(name.Sel.Name, "String") {
					messages = append(messages, text)
					continue
				}
				fields[text] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return messages, fields
}

// TestReadmeStaysShort keeps detail on the pages that it links to.
func TestReadmeStaysShort(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(body), "\n"); n >= 250 {
		t.Errorf("README has %d lines", n)
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(string(body), -1) {
		if _, err := os.Stat(filepath.Join("..", link[1])); err != nil && !strings.Contains(link[1], "://") {
			t.Errorf("README links to %s: %v", link[1], err)
		}
	}
}
