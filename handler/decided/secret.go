package decided

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Hidden stands where a secret was.
const Hidden = "(secret)"

// form is a form that secrets have in a command line, an address, a registry value or a comment. The part that is
// hidden is the group named s. A text that only talks of passwords loses a word; a secret that has no name beside it and
// no form of its own cannot be told from other text.
type form struct {
	hints   []string // one of them is in each text that has the form, in lower case; looking for them is quick
	pattern *regexp.Regexp
}

// forms are the forms that are looked for.
var forms = sync.OnceValue(func() []form {
	const (
		name = `(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|account[-_]?key|` +
			`shared[-_]?access[-_]?(?:key|signature)|client[-_]?secret|credentials?|private[-_]?key|sas|sig)`
		value = `(?P<s>"[^"]*"|'[^']*'|[^\s"'&;,]+)`
	)
	names := []string{"pass", "pwd", "secret", "token", "key", "sas", "sig", "credential"}
	var all []form
	for _, f := range []struct {
		pattern string
		hints   []string
	}{
		// --password=x, /pass:x, ;AccountKey=x, &sig=x, "token": "x"
		{`(?i)` + name + `["']?\s*[:=]\s*` + value, names},
		// -Password x, --token x
		{`(?i)(?:^|\s)[-/][\w-]{0,40}?` + name + `\s+` + value, names},
		// net use \\host\share password /user:name
		{`(?i)\bnet1?(?:\.exe)?\s+use\s+(?:\S:\s+)?\\\\\S+\s+(?P<s>[^\s/]\S*)`, []string{"net"}},
		{`(?i)ConvertTo-SecureString\s+(?:-String\s+)?(?P<s>"[^"]*"|'[^']*')`, []string{"convertto-securestring"}},
		{`(?i)\b(?:bearer|basic)\s+(?P<s>[A-Za-z0-9._~+/-]{8,}=*)`, []string{"bearer", "basic"}},
		{`://[^\s/@:]*:(?P<s>[^\s/@]+)@`, []string{"://"}},
		// forms that are secrets whatever stands beside them
		{`(?P<s>\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)`, []string{"eyj"}},
		{`(?P<s>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)`, []string{"akia", "asia"}},
		{`(?P<s>\bgh[pousr]_\w{20,})`, []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}},
		{`(?P<s>\bxox[abeprs]-[\w-]{10,})`, []string{"xox"}},
		{
			`(?P<s>-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))`,
			[]string{"private key-----"},
		},
	} {
		all = append(all, form{hints: f.hints, pattern: regexp.MustCompile(f.pattern)})
	}
	return all
})

// hidden is a text without what looks like a secret.
func hidden(text string) string {
	lower := strings.ToLower(text)
	for _, f := range forms() {
		has := func(hint string) bool { return strings.Contains(lower, hint) }
		if slices.ContainsFunc(f.hints, has) {
			text = f.hide(text)
		}
	}
	return text
}

func (f form) hide(text string) string {
	at := 2 * f.pattern.SubexpIndex("s")
	var b strings.Builder
	from := 0
	for _, found := range f.pattern.FindAllStringSubmatchIndex(text, -1) {
		if text[found[at]:found[at+1]] == Hidden {
			continue
		}
		b.WriteString(text[from:found[at]])
		b.WriteString(Hidden)
		from = found[at+1]
	}
	b.WriteString(text[from:])
	return b.String()
}

// hide takes secrets out of the decision, and notes where.
func (d *Decision) hide() {
	for _, t := range d.Texts() {
		was := t.Get()
		if is := hidden(was); is != was {
			t.Set(is)
			d.Left = append(d.Left, t.Name+": a secret")
		}
	}
}
