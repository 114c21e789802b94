package docs

import (
	"regexp"
	"testing"
)

// TestTestsThatTheSecurityPageCitesExist keeps the table of threats honest.
func TestTestsThatTheSecurityPageCitesExist(t *testing.T) {
	t.Parallel()
	cited := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(read(t, "security.md"), -1)
	if len(cited) < 20 {
		t.Fatalf("only %d tests are cited", len(cited))
	}
	exist := map[string]bool{}
	for _, file := range files(t, "..", "_test.go") {
		for _, f := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(read(t, file), -1) {
			exist[f[1]] = true
		}
	}
	for _, c := range cited {
		if !exist[c[1]] {
			t.Errorf("security.md cites %s, which does not exist", c[1])
		}
	}
}
