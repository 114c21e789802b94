package playbook

import (
	"fmt"
	"strconv"
	"strings"

	"cordon/handler/playbook/spelling"
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
	if len(b.protect.Groups) > 0 && strings.TrimSpace(in.Machine.RBACGroupName+in.Alert.RBACGroupName) == "" {
		found = append(found, Oddity{Fact: "rbacGroupName"})
	}
	if len(b.protect.DeviceValue) > 0 && strings.TrimSpace(in.Machine.DeviceValue) == "" {
		found = append(found, Oddity{Fact: "deviceValue"})
	}
	return found
}

// unprotected is the rail of protect. Of a machine that it lets pass it says which tags almost protect it.
func unprotected(p Protection, in Input) RailTrace {
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
func (p Protection) nearTags(in Input) []Oddity {
	var found []Oddity
	for _, tag := range in.Machine.Tags {
		for _, pattern := range p.Tags {
			if spelling.Almost(pattern, tag) {
				found = append(found, Oddity{Fact: "machineTags", Tag: spelling.Cut(strconv.QuoteToASCII(tag), spelling.MaxShown), Like: pattern})
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
