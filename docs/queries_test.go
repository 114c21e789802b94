package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logs is the page with the queries of the logs.
const logs = "troubleshooting.md"

// TestQueriesAskForLinesAndFieldsThatAreWritten holds the queries against what the program logs.
func TestQueriesAskForLinesAndFieldsThatAreWritten(t *testing.T) {
	t.Parallel()
	messages, fields := logged(t)
	asked := 0
	for line := range strings.SplitSeq(read(t, logs), "\n") {
		if !strings.HasPrefix(line, "    ") {
			continue
		}
		plain := strings.NewReplacer(`["`, ".", `"]`, "").Replace(line)
		for _, f := range regexp.MustCompile(`line\.(\w+)`).FindAllStringSubmatch(plain, -1) {
			if !fields[f[1]] {
				t.Errorf("no line has the field %s, which is asked for in %q", f[1], line)
			}
		}
		_, condition, _ := strings.Cut(line, "where line.msg ")
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
	if asked < 8 {
		t.Errorf("only %d messages are asked for", asked)
	}
}

// logged gathers the messages and the names of the fields of all log lines in the program's source.
func logged(t *testing.T) (messages []string, fields map[string]bool) {
	t.Helper()
	fields = map[string]bool{"time": true, "level": true, "msg": true}
	logs := regexp.MustCompile(`^((Info|Warn|Error)(Context)?|AddAttrs|String|Int|LogAttrs|add)$`)
	for _, path := range files(t, "../handler", ".go") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !logs.MatchString(name.Sel.Name) {
				return true
			}
			for i, text := range texts(t, call.Args) {
				if i == 0 && !strings.HasPrefix(name.Sel.Name, "String") {
					messages = append(messages, text)
					continue
				}
				fields[text] = true
			}
			return true
		})
	}
	return messages, fields
}

// texts are the texts among a call's arguments that are written out.
func texts(t *testing.T, args []ast.Expr) []string {
	t.Helper()
	var found []string
	for _, arg := range args {
		lit, ok := arg.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			continue
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Error(err)
		}
		found = append(found, text)
	}
	return found
}
