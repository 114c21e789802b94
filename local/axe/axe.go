// Package axe holds pages against the accessibility rules of axe-core. It needs the package of this folder's
// package-lock.json, which `make axe` installs. It is used in tests only and never shipped.
package axe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/local/internal/node"
)

// Script defines axe in a page.
//
// Without Node.js or the package the test is skipped, or fails when the environment says CI=true.
func Script(t testing.TB) string {
	t.Helper()
	_, dir := node.Find(t, "axe")
	text, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe: %v", err)
	}
	return string(text)
}

// Run is an expression whose promise gives what a page that knows the script violates: []Violation.
const Run = `axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations
  .filter(v => v.impact === "serious" || v.impact === "critical")
  .map(v => ({Rule: v.id, Impact: v.impact, Help: v.help,
    Nodes: v.nodes.map(n => n.target.join(" ") + ": " + n.failureSummary)})))`

// Violation is a rule that a page violates in a way that is serious or critical for some people.
type Violation struct {
	Rule, Impact, Help string
	Nodes              []string // where, and what is wrong there
}

// String names the rule and the first places.
func (v Violation) String() string {
	const shown = 5
	places := v.Nodes[:min(shown, len(v.Nodes))]
	return fmt.Sprintf("%s (%s): %s: %d times:\n  %s", v.Rule, v.Impact, v.Help, len(v.Nodes),
		strings.Join(places, "\n  "))
}
