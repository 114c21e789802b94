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
