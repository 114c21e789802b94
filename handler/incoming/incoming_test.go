package incoming_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"

	"cordon/handler/incoming"
)

func TestATextFitsWhateverItIs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {"abc", "abc"}, {"abcde", "abcde"}, {"abcdef", "abcd…"}, {"äöüßé", "äöüßé"}, {"äöüßéx", "äöüß…"},
		{"😀😀", "😀😀"}, {"😀😀a", "😀😀a"}, {"😀😀😀", "😀😀…"}, {"a😀😀b", "a😀…"}, {"abc😀", "abc😀"}, {"abcd😀", "abcd…"},
		{"a\x00b", "a b"}, {"a\nb\tc", "a\nb\tc"}, {"a\r\nb", "a\r\nb"}, {"\x1b[2J", " [2J"}, {"a\u0085b", "a b"},
		{"a\x7fb", "a b"}, {"caf\xe9", "caf\ufffd"}, {"\xff\xfe", "\ufffd\ufffd"},
		{"\ufeffab", "\ufeffab"}, {strings.Repeat("x", 100000), "xxxx…"}, {strings.Repeat("\x00", 9), "    …"},
		{strings.Repeat("\xff", 9), "\ufffd\ufffd\ufffd\ufffd…"},
	} {
		if got := incoming.Text(tt.in, 5); got != tt.want {
			t.Errorf("%.40q is %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"abc", "😀😀😀😀", "\xff\x00\r\n", "a\u2028b\ufeff", strings.Repeat("é😀", 50)} {
		f.Add(seed, 7)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 1 + (limit&0xffff)%200
		got := incoming.Text(s, limit)
		if !utf8.ValidString(got) || len(utf16.Encode([]rune(got))) > limit {
			t.Errorf("%q: %q is of %d units, the limit is %d", s, got, len(utf16.Encode([]rune(got))), limit)
		}
		if again := incoming.Text(got, limit); again != got {
			t.Errorf("%q: %q, then %q", s, got, again)
		}
	})
}

func TestAByteOrderMarkIsNoPartOfADocument(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":              "",
		"{}":            "{}",
		"\ufeff{}":      "{}",
		"\ufeff":        "",
		"\xef\xbb":      "\xef\xbb",
		"a":             "a",
		"a\ufeffb":      "a\ufeffb",
		"\ufeff\ufeffa": "\ufeffa",
	} {
		if got := incoming.Document([]byte(in)); string(got) != want {
			t.Errorf("%q is %q", in, got)
		}
		for _, r := range []io.Reader{
			strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)),
			iotest.DataErrReader(strings.NewReader(in)),
		} {
			got, err := io.ReadAll(iotest.OneByteReader(incoming.Reader(r)))
			if err != nil || string(got) != want {
				t.Errorf("%q is read as %q, %v", in, got, err)
			}
		}
	}
	cut := errors.New("cut")
	if got, err := io.ReadAll(incoming.Reader(io.MultiReader(strings.NewReader("\ufeffab"),
		iotest.ErrReader(cut)))); string(got) != "ab" || !errors.Is(err, cut) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := io.ReadAll(incoming.Reader(io.MultiReader(strings.NewReader("a"),
		iotest.ErrReader(cut)))); string(got) != "a" || !errors.Is(err, cut) {
		t.Errorf("%q, %v", got, err)
	}
}
