// Package graphtypes judges JSON by the vendor's types of Microsoft Graph: what a stand-in answers and what Cordon
// sends. It needs Node.js and the packages of this folder's package-lock.json, which `make graphtypes` installs.
package graphtypes

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"cordon/local/internal/node"
)

// Case is JSON and the type that it should be of, such as SecurityNamespace.Alert. A type with [] after it is that of
// each element of the member value. Objects that name their type are held against that one.
type Case struct {
	Type string          `json:"type"`
	JSON json.RawMessage `json:"json"`
}

// Judge says what is wrong with each case; nothing: it is of its type. It takes some seconds, so ask once about all of
// them.
//
// Without Node.js or the packages the test is skipped, or fails when the environment says CI=true.
func Judge(t testing.TB, cases ...Case) [][]string {
	t.Helper()
	program, dir := node.Find(t, "graphtypes")
	input, err := json.Marshal(cases)
	if err != nil {
		t.Fatalf("graphtypes: %v", err)
	}
	var said bytes.Buffer
	check := exec.CommandContext(t.Context(), program, filepath.Join(dir, "check.js"))
	check.Stdin, check.Stderr = bytes.NewReader(input), &said
	out, err := check.Output()
	if err != nil {
		t.Fatalf("graphtypes: %v\n%s", err, said.String())
	}
	var problems [][]string
	if err := json.Unmarshal(out, &problems); err != nil || len(problems) != len(cases) {
		t.Fatalf("graphtypes: %d verdicts for %d cases, %v", len(problems), len(cases), err)
	}
	return problems
}
