package docs

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// TestEveryLinkResolves follows each relative link of each page, with its anchor.
func TestEveryLinkResolves(t *testing.T) {
	t.Parallel()
	links := 0
	for _, page := range files(t, "..", ".md") {
		for _, target := range targets(read(t, page)) {
			u, err := url.Parse(target)
			if err != nil {
				t.Errorf("%s links to %s: %v", page, target, err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			links++
			to := page
			if u.Path != "" {
				to = filepath.Join(filepath.Dir(page), u.Path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s: %v", page, target, err)
			} else if u.Fragment != "" && !headings(read(t, to))[u.Fragment] {
				t.Errorf("%s links to %s: %s has no such heading", page, target, to)
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were followed", links)
	}
}

// TestEveryPageThatTheSourceNamesExists holds messages, comments and scripts that send people to a page, such as
// docs/doctor.md, "Tokens".
func TestEveryPageThatTheSourceNamesExists(t *testing.T) {
	t.Parallel()
	named := 0
	mention := regexp.MustCompile(`docs/([\w-]+\.md)(, \\?"([^"\\]+)\\?")?`)
	for _, file := range files(t, "..", ".go", ".sh", ".bicep", ".bicepparam", ".yaml", "Makefile", ".golden") {
		for _, m := range mention.FindAllStringSubmatch(read(t, file), -1) {
			named++
			body, err := os.ReadFile(m[1])
			if err != nil {
				t.Errorf("%s names %s: %v", file, m[0], err)
			} else if m[3] != "" && !headings(string(body))[slug(m[3])] {
				t.Errorf("%s names %s, which has no such heading", file, m[0])
			}
		}
	}
	if named < 15 {
		t.Errorf("only %d pages are named", named)
	}
}

// targets are where a page links to and which pictures it shows, outside of code.
func targets(page string) []string {
	var found []string
	for _, line := range prose(page) {
		line = regexp.MustCompile("`[^`]*`").ReplaceAllString(line, "``")
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(line, -1) {
			found = append(found, m[1])
		}
	}
	return found
}

// headings are the anchors of a page as GitHub makes them.
func headings(page string) map[string]bool {
	found := map[string]bool{}
	seen := map[string]int{}
	for _, line := range prose(page) {
		if m := regexp.MustCompile(`^#{1,6} (.+)$`).FindStringSubmatch(line); m != nil {
			anchor := slug(m[1])
			if n := seen[anchor]; n > 0 {
				found[fmt.Sprintf("%s-%d", anchor, n)] = true
			}
			seen[anchor]++
			found[anchor] = true
		}
	}
	return found
}

func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// prose is a page without its blocks of code.
func prose(page string) []string {
	var lines []string
	fenced := false
	for line := range strings.SplitSeq(page, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case !fenced && !strings.HasPrefix(line, "    "):
			lines = append(lines, line)
		}
	}
	return lines
}
