package docs

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestProseHasLinesThatFit leaves out tables, code and lists of links, which cannot be broken.
func TestProseHasLinesThatFit(t *testing.T) {
	t.Parallel()
	for _, page := range files(t, "..", ".md") {
		for _, line := range prose(read(t, page)) {
			if n := utf8.RuneCountInString(line); n > 120 && !strings.HasPrefix(line, "|") {
				t.Errorf("%s: a line has %d columns: %.60s…", page, n, line)
			}
		}
	}
}

// TestProseIsPlain keeps out what natives do not write.
func TestProseIsPlain(t *testing.T) {
	t.Parallel()
	for _, page := range files(t, "..", ".md") {
		text := strings.Join(strings.Fields(read(t, page)), " ")
		for _, phrase := range []string{"can not", "it is looked for", "what is so", "keeps no other", " mend "} {
			if strings.Contains(strings.ToLower(text), phrase) {
				t.Errorf("%s says %q", page, phrase)
			}
		}
	}
}
