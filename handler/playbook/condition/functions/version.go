package functions

import (
	"errors"
	"fmt"
	"strings"

	"cordon/handler/playbook/spelling"
)

// maxVersion bounds a version, in bytes.
const maxVersion = 200

func compareVersion(args []string) (int, error) {
	var parts [2][]string
	for i, v := range args[:2] {
		v = strings.ToLower(strings.TrimSpace(v))
		switch {
		case v == "":
			return 0, errors.New("an empty version cannot be compared")
		case len(v) > maxVersion:
			return 0, fmt.Errorf("the version %s is too long", spelling.Quoted(v))
		}
		parts[i] = versionParts(v)
	}
	a, b := parts[0], parts[1]
	for i := range max(len(a), len(b)) {
		c := compareParts(part(a, i), part(b, i))
		if c != 0 {
			return c, nil
		}
	}
	return 0, nil
}

// versionParts cuts a version into runs of digits and of letters. A half-year name of Windows, such as 22H2, is read as
// the year and month that its predecessors had for a name: 1809, 1909, 2004, 20H2.
func versionParts(v string) []string {
	if len(v) == 4 &&
		isDigits(v[:2]) &&
		(v[2:] == "h1" || v[2:] == "h2") {
		return []string{v[:2] + map[string]string{"h1": "06", "h2": "12"}[v[2:]]}
	}
	var parts []string
	last := 0
	for _, r := range v {
		now := 0
		switch {
		case r >= '0' && r <= '9':
			now = 1
		case r >= 'a' && r <= 'z':
			now = 2
		}
		if now != 0 && now == last {
			parts[len(parts)-1] += string(r)
		} else if now != 0 {
			parts = append(parts, string(r))
		}
		last = now
	}
	return parts
}

// part is a version's part by its number; a version has a 0 where it has no part.
func part(parts []string, i int) string {
	if i < len(parts) {
		return parts[i]
	}
	return "0"
}

// compareParts compares numbers by value, words by the alphabet, and puts words before numbers: 1.0-rc is older than
// 1.0.
func compareParts(a, b string) int {
	aNumber, bNumber := isDigits(a), isDigits(b)
	switch {
	case aNumber && bNumber:
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		if len(a) != len(b) {
			return sign(len(a) - len(b))
		}
	case aNumber:
		return 1
	case bNumber:
		return -1
	}
	return strings.Compare(a, b)
}

func isDigits(s string) bool {
	return s != "" &&
		strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
