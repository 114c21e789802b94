package terminal

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestATableIsAlignedAndEveryCellIsPlain(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := Table(&out, 6, []string{"A", "B", "C"}, []string{"1", "x\ty\nz", "last"}, []string{"22", "", ""},
		[]string{"333", "abcdefgh", "é"}); err != nil {
		t.Fatal(err)
	}
	want := "A    B       C\n1    x\\ty…   last\n22\n333  abcde…  é\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// isolated is a table with more columns than a terminal has room for.
func isolated() [][]string {
	id := strings.Repeat("1e5bc9d7", 5)
	return [][]string{
		{"MACHINE", "ID", "LEDGER", "API", "SINCE", "DRIFT"},
		{"ws-1.contoso.com", id, "isolated", "isolated", "2026-03-02T12:00:00Z", ""},
		{
			"",
			id,
			"",
			"not isolated",
			"",
			"the ledger believes that it is isolated, and the API does not list it as isolated",
		},
	}
}

func TestATableFitsTheWidthWithoutLeavingAnythingOut(t *testing.T) {
	t.Parallel()
	why := [][]string{{"ALERT", "WHY"}, {"da1", strings.Repeat("because ", 12) + "é"}, {"da2", "no"}}
	for name, tt := range map[string]struct {
		rows  [][]string
		width int
		want  string
	}{
		"columns": {why, 120, "ALERT  WHY\n" +
			"da1    because because because because because because because because because because because " +
			"because é\n" +
			"da2    no\n"},
		"folded": {why, 47, "ALERT  WHY\n" +
			"da1    because because because because because\n" +
			"       because because because because because\n" +
			"       because because é\n" +
			"da2    no\n"},
		"paragraphs": {isolated(), 60, `MACHINE  ws-1.contoso.com
ID       1e5bc9d71e5bc9d71e5bc9d71e5bc9d71e5bc9d7
LEDGER   isolated
API      isolated
SINCE    2026-03-02T12:00:00Z

ID     1e5bc9d71e5bc9d71e5bc9d71e5bc9d71e5bc9d7
API    not isolated
DRIFT  the ledger believes that it is isolated, and the API
       does not list it as isolated
`},
	} {
		var out strings.Builder
		if err := table(&out, tt.width, tt.rows); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, out.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestNoTableIsWiderThanItsTerminal has every width down to what its longest word needs.
func TestNoTableIsWiderThanItsTerminal(t *testing.T) {
	t.Parallel()
	for width := 50; width < 200; width++ {
		var out strings.Builder
		if err := table(&out, width, isolated()); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
		words := strings.Fields(out.String())
		for _, row := range isolated()[1:] {
			for _, word := range strings.Fields(strings.Join(row, " ")) {
				if !slices.Contains(words, word) {
					t.Errorf("at %d columns %q is left out", width, word)
				}
			}
		}
	}
}

func TestLinesAreFoldedBetweenWordsAndPlain(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	long := strings.Repeat("x", 90)
	if err := Lines(&out, 130, "short", "  "+strings.Repeat("word ", 20)+"é\x1b[2J", "  a "+long+" b"); err != nil {
		t.Fatal(err)
	}
	want := "short\n  " + strings.TrimSpace(strings.Repeat("word ", 15)) + "\n    " + strings.Repeat("word ",
		5) + "é\\x1b[2J\n  a\n    " + long + "\n    b\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(line); n > columns+1 && !strings.Contains(line, long) {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}

// TestBlanksStayWhereNoLineEnds folds what has columns of its own, and leaves no blanks at the ends of lines.
func TestBlanksStayWhereNoLineEnds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"da1:v1  A title that is long":  {"da1:v1  A title", "that is long"},
		"da1:v1 A  title   that is one": {"da1:v1 A  title", "that is one"},
		"one two three                ": {"one two three"},
		"":                              {""},
	} {
		if diff := cmp.Diff(want, fold(text, 15, 15)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	var out strings.Builder
	if err := Lines(&out, 100, "  ", "  x"); err != nil || out.String() != "\n  x\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
