package docs

import (
	"fmt"
	"os"
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
