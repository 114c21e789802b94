package backtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/decided"
	"cordon/handler/playbook"
	"cordon/handler/terminal"
)

var update = flag.Bool("update", false, "rewrite golden files")

// hold holds text against a golden file.
func hold(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// TestAnAnswerIsShownInThreeForms tries a playbook that isolates more, makes an exception, scans as a canary, and has a
// rule of which the record does not know enough.
func TestAnAnswerIsShownInThreeForms(t *testing.T) {
	t.Parallel()
	was, is := books(t)
	var all []decided.Decision
	for i := range 120 {
		in := input(i)
		if i > 100 {
			in.Ceiling = playbook.Observe
		}
		all = append(all, decide(was, in))
	}
	found := result(is, false, all...)
	hold(t, "people", text(t, found))
	hold(t, "request.md", markdown(sheetsOf(found)))
	var document strings.Builder
	if err := terminal.JSON(&document, found); err != nil {
		t.Fatal(err)
	}
	hold(t, "json", document.String())
}

func TestAnAnswerWithoutChangesSaysSo(t *testing.T) {
	t.Parallel()
	was, _ := books(t)
	found := result(was, false, decide(was, input(0)), decide(was, input(1)))
	out := text(t, found)
	if !strings.Contains(out, "2 are decided the same, 0 otherwise, 0 cannot be compared") ||
		strings.Contains(out, "would be done") {
		t.Error(out)
	}
	out = text(t, result(was, false))
	if !strings.Contains(out, "0 runs of 2026-02-02 to 2026-03-04") {
		t.Error(out)
	}
}

func TestThePlanOfAnExampleIsExplainedOnce(t *testing.T) {
	t.Parallel()
	was, is := books(t)
	found := result(is, true, decide(was, input(1)))
	if len(found.Changes) < 2 {
		t.Fatalf("%+v", found.Changes)
	}
	var b strings.Builder
	if err := explained(&b, found.Changes); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	if strings.Count(out, "run da1_1:v1 as this playbook decides it:") != 1 ||
		!strings.Contains(out, "2. contain: matched") || !strings.Contains(out, `alert.severity = "Medium"`) {
		t.Error(out)
	}
}

// TestAnAnswerIsShortWhateverDiffers has more rules than are shown.
func TestAnAnswerIsShortWhateverDiffers(t *testing.T) {
	t.Parallel()
	was, is := books(t)
	var all []decided.Decision
	for i := range 150 {
		d := decide(was, input(i))
		d.Rule = strings.Repeat("r", i+1)
		for s := range d.Steps {
			d.Steps[s].Verdict = playbook.Held
		}
		all = append(all, d)
	}
	found := result(is, false, all...)
	out := markdown(sheetsOf(found))
	if len(found.Changes) <= mostChanges || len(out) > 1<<16 ||
		!strings.Contains(out, "more ways to differ are left out") {
		t.Errorf("%d changes, %d bytes", len(found.Changes), len(out))
	}
}
