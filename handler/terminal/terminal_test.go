package terminal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// hostile is text that a terminal would obey: colours, a title, a cleared screen, overprinting, hidden and turned text.
const hostile = "a\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J\r\nb\tc" +
	"\x00\x7f\u009b31m\u202eevil\u2066\u200b\ufeff\u00ad\U000e0041\u3164\ufe0fé界\xff\\"

func TestPlainTextShowsWhatATerminalWouldObey(t *testing.T) {
	t.Parallel()
	want := `a\x1b[31mred\x1b[0m\x1b]0;title\a\x1b[2J\r\nb\tc` +
		`\x00\x7f\u009b31m\u202eevil\u2066\u200b\ufeff\u00ad\U000e0041\u3164\ufe0fé界\xff\\`
	if got := Plain(hostile, 1000); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPlainTextIsCutAtItsLimit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":       "",
		"abc":    "abc",
		"abcd":   "abcd",
		"abcde":  "abc…",
		"ab\x1b": "ab…",
		"\x1b":   "\\x1b",
		"\x1bx":  "…",
		"ab\n":   `ab\n`,
		"é界é界":   "é界é界",
		"é界é界é":  "é界é…",
	} {
		if got := Plain(text, 4); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestJSONIsSafeToShowAndGivesTheTextBack(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	sent := map[string]string{"k": strings.ToValidUTF8(hostile, "") + "<&>"}
	if err := JSON(&out, sent); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(out.String(), unsafe); i >= 0 {
		t.Errorf("%q at %d of %s", out.String()[i], i, out.String())
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Error(diff)
	}
	if err := JSON(io.Discard, func() {}); err == nil {
		t.Error("a function was written")
	}
}

// TestNothingIsAnOrderToABuildServer writes what GitHub and Azure Pipelines obey in a log: lines that begin with two
// colons, and two of the hash sign with a name in brackets anywhere. Where a text is folded is for its writer to choose.
func TestNothingIsAnOrderToABuildServer(t *testing.T) {
	t.Parallel()
	const azure = "##vso[task.setvariable variable=x]y ##[command]z ###[error]"
	words := "::error file=a::b " + azure + " x ::stop-commands::t fe80::1"
	for columns := range 60 {
		text := strings.Repeat("x", columns) + " " + words
		var out strings.Builder
		for _, err := range []error{
			Table(&out, 1000, []string{"A", "B"}, []string{words, text}, []string{"c", text}),
			Pairs(&out, 1000, []string{words, text}),
			Lines(&out, 1000, text, "  "+text, words),
			List{
				Heading: []string{"A", "B"},
				Rows:    []Entry{{Cells: []string{words, text}, Below: []string{text}}},
			}.Write(&out, 1000),
			JSON(&out, map[string]string{"k": words}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") ||
				strings.Contains(line, "##vso[") {
				t.Errorf("a build server would obey %s", line)
			}
		}
	}
	var out strings.Builder
	var got map[string]string
	err := JSON(&out, map[string]string{"k": words})
	if err != nil || json.Unmarshal([]byte(out.String()), &got) != nil || got["k"] != words {
		t.Errorf("%v: %s", err, out.String())
	}
	if got := Plain("fe80::1 a # b ## c #[d]", 100); got != "fe80::1 a # b ## c #[d]" {
		t.Errorf("what is no order is shown as %s", got)
	}
}

// unsafe is what may not reach a terminal.
func unsafe(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }

func TestOnlyAYesConfirms(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{
		"y\n":          true,
		"YES\r\n":      true,
		" yes \n":      true,
		"y":            true,
		"n\n":          false,
		"\n":           false,
		"":             false,
		"yes please\n": false,
		"j\n":          false,
		"no\ny\n":      false,
	} {
		var out bytes.Buffer
		got, err := Confirm(t.Context(), strings.NewReader(answer), &out, "Really?")
		if err != nil || got != want || out.String() != "Really? [y/N] " {
			t.Errorf("%q: %v, error %v, asked %q", answer, got, err, out.String())
		}
	}
}

func TestASignalEndsAQuestion(t *testing.T) {
	t.Parallel()
	in, typing := io.Pipe()
	defer typing.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if yes, err := Confirm(ctx, in, io.Discard, "Really?"); yes || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, error %v", yes, err)
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if IsTerminal(null) || IsTerminal(strings.NewReader("")) {
		t.Error("taken for a terminal")
	}
}

func FuzzPlain(f *testing.F) {
	f.Add(hostile, 10)
	f.Add("\x1b", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 1 + limit&0xff
		got := Plain(text, limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit ||
			strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q at %d: %q", text, limit, got)
		}
		var out strings.Builder
		if err := JSON(&out, text); err != nil || strings.ContainsFunc(out.String(), unsafe) ||
			!json.Valid([]byte(out.String())) {
			t.Errorf("%q: %q, error %v", text, out.String(), err)
		}
	})
}
