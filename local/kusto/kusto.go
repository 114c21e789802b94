// Package kusto judges queries by the vendor's own parser of the query language, against the published columns of the
// tables that they read. It needs Node.js and the package of this folder's package-lock.json, which `make kusto`
// installs.
package kusto

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"cordon/local/internal/node"
)

// tables are the columns of the tables, after the references of Azure Monitor and of advanced hunting, 2026-07.
//
//go:embed tables.json
var tables []byte

// Verdict is what the parser says of a query.
type Verdict struct {
	Problems []string `json:"problems"` // none: it is right
	Columns  []string `json:"columns"`  // of its result, as name:type
	Texts    []string `json:"texts"`    // the values of the text literals in it
}

// Judge gives a verdict for each query. It takes about a second, so ask once about all of them.
//
// Without Node.js or the package the test is skipped, or fails when the environment says CI=true.
func Judge(t testing.TB, queries ...string) []Verdict {
	t.Helper()
	program, dir := node.Find(t, "kusto")
	input, err := json.Marshal(map[string]any{"tables": json.RawMessage(tables), "queries": queries})
	if err != nil {
		t.Fatalf("kusto: %v", err)
	}
	var said bytes.Buffer
	check := exec.CommandContext(t.Context(), program, filepath.Join(dir, "check.js"))
	check.Stdin, check.Stderr = bytes.NewReader(input), &said
	out, err := check.Output()
	if err != nil {
		t.Fatalf("kusto: %v\n%s", err, said.String())
	}
	var verdicts []Verdict
	if err := json.Unmarshal(out, &verdicts); err != nil || len(verdicts) != len(queries) {
		t.Fatalf("kusto: %d verdicts for %d queries, %v", len(verdicts), len(queries), err)
	}
	return verdicts
}
