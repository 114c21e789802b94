package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// quote shows a value that is no secret, shortened and on one line. People put by mistake what is one: a whole
// connection string, an address with a signature, a key. Of those it shows that they are there.
func quote(value string) string {
	for _, sign := range []string{
		"key=", "sig=", "signature=", "secret=", "password=", "pwd=", "token=", "-----begin",
	} {
		if strings.Contains(strings.ToLower(value), sign) {
			return "a value with a secret in it"
		}
	}
	mark := regexp.MustCompile(`[?#][^ ]*=`).FindStringIndex(value)
	if mark != nil {
		value = value[:mark[0]] + "…"
	}
	scheme, rest, isURL := strings.Cut(value, "://")
	if isURL {
		i := strings.LastIndexByte(rest, '@')
		if i >= 0 {
			rest = "…" + rest[i:]
		}
		value = scheme + "://" + rest
	}
	runes := []rune(value)
	if len(runes) > 80 {
		value = string(runes[:79]) + "…"
	}
	return strconv.Quote(value)
}

func checkGUID(p *problems, name, value, expected string) {
	if !regexp.MustCompile(guidPattern).MatchString(value) {
		p.add(name, "%s is no id: %s", quote(value), expected)
	}
}

func (p *problems) add(name, format string, args ...any) {
	if !slices.ContainsFunc(p.found, func(x Problem) bool { return x.Name == name }) {
		p.found = append(p.found, Problem{name, fmt.Sprintf(format, args...)})
	}
}

// problems gathers what is wrong, at most one thing per setting: the first is the one to mend.
type problems struct{ found []Problem }
