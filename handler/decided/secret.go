package decided

import (
	"regexp"
	"sync"
)

// Hidden stands where a secret was.
const Hidden = "(secret)"

// secrets find what looks like a secret in a command line, an address, a registry value or a comment. The part that is
// hidden is the group named s. A text that only talks of passwords loses a word; a secret that has no name beside it
// and no form of its own cannot be told from other text.
type secrets []*regexp.Regexp

// known are the forms that are looked for.
var known = sync.OnceValue(newSecrets)

func newSecrets() secrets {
	const (
		name = `(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|account[-_]?key|` +
			`shared[-_]?access[-_]?(?:key|signature)|client[-_]?secret|credentials?|private[-_]?key|sas|sig)`
		value = `(?P<s>"[^"]*"|'[^']*'|[^\s"'&;,]+)`
	)
	var all secrets
	for _, form := range []string{
		// --password=x, /pass:x, ;AccountKey=x, &sig=x, "token": "x"
		`(?i)\b[\w.-]{0,40}?` + name + `["']?\s*[:=]\s*` + value,
		// -Password x, --token x
		`(?i)(?:^|\s)(?:--?|/)[\w-]{0,40}?` + name + `\s+` + value,
		// net use \\host\share password /user:name
		`(?i)\bnet1?(?:\.exe)?\s+use\s+(?:\S:\s+)?\\\\\S+\s+(?P<s>[^\s/]\S*)`,
		`(?i)ConvertTo-SecureString\s+(?:-String\s+)?(?P<s>"[^"]*"|'[^']*')`,
		`(?i)\b(?:bearer|basic)\s+(?P<s>[A-Za-z0-9._~+/-]{8,}=*)`,
		`://[^\s/@:]*:(?P<s>[^\s/@]+)@`,
		// forms that are secrets whatever stands beside them
		`(?P<s>\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)`,
		`(?P<s>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)`,
		`(?P<s>\bgh[pousr]_\w{20,})`,
		`(?P<s>\bxox[abeprs]-[\w-]{10,})`,
		`(?P<s>-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))`,
	} {
		all = append(all, regexp.MustCompile(form))
	}
	return all
}

// hide takes out of a text what looks like a secret.
func (s secrets) hide(text string) string {
	for _, form := range s {
		found := form.FindAllStringSubmatchIndex(text, -1)
		at := 2 * form.SubexpIndex("s")
		for i := len(found) - 1; i >= 0; i-- {
			from, to := found[i][at], found[i][at+1]
			if text[from:to] != Hidden {
				text = text[:from] + Hidden + text[to:]
			}
		}
	}
	return text
}

// hide takes secrets out of the decision, and notes where.
func (d *Decision) hide() {
	for _, t := range d.Texts() {
		was := t.Get()
		if is := known().hide(was); is != was {
			t.Set(is)
			d.Left = append(d.Left, t.Name+": a secret")
		}
	}
}
