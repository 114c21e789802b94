package playbook

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Oddity is something about a machine that protects it from nothing, and that people should know of.
type Oddity struct {
	// Fact is machineTags if Tag is almost a protected one. It is rbacGroupName or deviceValue if protect has a list
	// of it, and the API left it out.
	Fact string
	Tag  string // in ASCII, so that what looks alike is seen to differ
	Like string // the pattern of protect.tags
}

// Oddities are those of the machine of an input; none if it is protected.
func (b *Book) Oddities(in Input) []Oddity {
	if in.Machine == nil || b.protect.holds(in) != "" {
		return nil
	}
	found := b.protect.nearTags(in)
	if len(b.protect.groups) > 0 && strings.TrimSpace(in.Machine.RBACGroupName+in.Alert.RBACGroupName) == "" {
		found = append(found, Oddity{Fact: "rbacGroupName"})
	}
	if len(b.protect.deviceValue) > 0 && strings.TrimSpace(in.Machine.DeviceValue) == "" {
		found = append(found, Oddity{Fact: "deviceValue"})
	}
	return found
}

// unprotected is the rail of protect. Of a machine that it lets pass it says which tags almost protect it.
func unprotected(p protection, in Input) RailTrace {
	t := held("not protected", p.holds(in))
	if t.Verdict == Do {
		var near []string
		for _, o := range p.nearTags(in) {
			near = append(near, o.String())
		}
		t.Why = strings.Join(near, "; ")
	}
	return t
}

// nearTags finds the tags that are almost on protect.tags: never_isolate where never-isolate is.
func (p protection) nearTags(in Input) []Oddity {
	var found []Oddity
	for _, tag := range in.Machine.Tags {
		for _, pattern := range p.tags {
			if isNear(pattern, tag) {
				found = append(found, Oddity{Fact: "machineTags", Tag: cut(strconv.QuoteToASCII(tag), maxShownText), Like: pattern})
				break
			}
		}
	}
	return found
}

// String is an oddity of a tag for people.
func (o Oddity) String() string {
	return fmt.Sprintf("the tag %s is almost %q of protect.tags", o.Tag, o.Like)
}

// isNear reports whether a tag that a pattern does not fit was probably meant to: it differs in what stands between the
// letters, or in few of them. Numbers are names of their own.
func isNear(pattern, tag string) bool {
	p, t := letters(pattern), letters(tag)
	if t == "" || strings.Trim(p, "*?") == "" {
		return false
	}
	if matchGlob(p, t) {
		return true
	}
	return !strings.ContainsAny(p, "*?") && digits(p) == digits(t) && len(t) <= maxPattern &&
		editDistance(p, t) <= max(1, len([]rune(p))/6)
}

// letters are the letters, digits and wildcards of a text, as they are compared.
func letters(s string) string {
	return keep(string(readings(s)[0]), func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '*' || r == '?'
	})
}

func digits(s string) string { return keep(s, unicode.IsDigit) }

func keep(s string, is func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if is(r) {
			return r
		}
		return -1
	}, s)
}
