package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cordon/handler/operate/wire"
)

// TestOperatorAPIPageHasEveryRoute holds the table of the page against the routes.
func TestOperatorAPIPageHasEveryRoute(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("operator-api.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, r := range wire.Routes() {
		role := "anybody"
		if r.Role != wire.Anybody {
			role = "`" + string(r.Role) + "`"
		}
		fmt.Fprintf(&want, "| %s | `%s` | %s | %s |\n", r.Method, r.Path, role, strings.TrimSuffix(r.Says, "."))
	}
	const head = "| method | path | role | what |\n| --- | --- | --- | --- |\n"
	_, rest, _ := strings.Cut(string(page), head)
	got, _, _ := strings.Cut(rest, "\n\n")
	if got+"\n" != want.String() {
		t.Errorf("the table should be:\n%s", want.String())
	}
}

// TestOperatorAPIPageHasEveryCode looks for the codes of problems in what makes them. Those of tokens, with 401, have one
// line for all.
func TestOperatorAPIPageHasEveryCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("operator-api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| status | code | what to do |")
	table, _, _ = strings.Cut(table, "\n\n")
	makes := regexp.MustCompile(`(?:NewProblem\(|problemDocument\(\w+, )http\.\w+, "(\w+)"|(?:wrong|later)\("(\w+)"`)
	seen := 0
	for _, pattern := range []string{
		"../handler/operate/*.go", "../handler/operate/web/*.go", "../handler/signin/*.go", "../handler/trigger/forwarded.go",
		"../handler/trigger/receive_alert.go",
	} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range makes.FindAllStringSubmatch(string(source), -1) {
				seen++
				if code := found[1] + found[2]; !strings.Contains(table, "`"+code+"`") {
					t.Errorf("the table of answers lacks %s of %s", code, file)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d codes were found", seen)
	}
}
