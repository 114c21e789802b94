package oneline

import "testing"

func TestATextOfOthersIsOneShortLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a\r\n\r\nOutcome   Isolated": "a Outcome Isolated",
		"\x1b[31mred\x00":             "[31mred",
		"12345678901234567890":        "123456789012345678901"[:17] + "…",
		"  a\tb\u00a0c ":              "a b c",
		"":                            "",
	} {
		n := 18
		if got := Of(text, n); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := Seen("a\u202eb\u200bc", 18); got != "a b c" {
		t.Errorf("what hides is shown as %q", got)
	}
}
