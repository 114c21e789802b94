package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cordon/handler/cli/call"
)

// TestEveryCommandThatAMailOffersIsOne pastes them as they stand, where nobody is signed in: all that is wrong with them
// is that.
func TestEveryCommandThatAMailOffersIsOne(t *testing.T) {
	t.Parallel()
	mails, err := filepath.Glob("../notice/testdata/*.txt.golden")
	if err != nil {
		t.Fatal(err)
	}
	offered := map[string]bool{}
	for _, mail := range mails {
		text, err := os.ReadFile(mail)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^  cordon (.*)$`).FindAllStringSubmatch(string(text), -1) {
			offered[m[1]] = true
		}
	}
	if len(offered) < 8 {
		t.Errorf("mails offer only %v", offered)
	}
	for line := range offered {
		args := strings.Fields(strings.ReplaceAll(line, "'", ""))
		if strings.Contains(line, "--reason") {
			args = append(args, "--yes")
		}
		code, _, stderr := command(t, nil, args...)
		if code == call.ExitUsage || !strings.Contains(stderr, "cordon login") {
			t.Errorf("cordon %s: exit code %d\n%s", line, code, stderr)
		}
	}
}
