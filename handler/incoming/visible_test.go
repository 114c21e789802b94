package incoming_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"cordon/handler/incoming"
)

// hostile is a text with one character of every kind that does not show itself.
const hostile = "a\u202eb\u200bc\u2066d\u2069e\ufefff\u00adg\u034fh\u3164i\ufe0fj\u2028k\U000e0041l\x1bm\ue000n"

func TestNothingHiddenIsLeft(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		hostile:                 "abcdefghij kl mn",
		"":                      "",
		"plain":                 "plain",
		"two\nlines\tand a tab": "two\nlines\tand a tab",
		"größe 日本 😀":            "größe 日本 😀",
		"caf\xe9":               "caf\ufffd",
		"\x00":                  " ",
		"a\r\nb":                "a \nb",
		"invoice\u202efdp.exe":  "invoicefdp.exe",
		"5\u00a0GB":             "5\u00a0GB",
	} {
		if got := incoming.Visible(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.In(r, unicode.Bidi_Control, unicode.Join_Control, unicode.Cf) && !incoming.Hidden(r) {
			t.Errorf("%U is not hidden", r)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add(hostile)
	f.Add("\xff\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := incoming.Visible(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, incoming.Hidden) || incoming.Visible(got) != got {
			t.Errorf("%q is %q", s, got)
		}
	})
}
