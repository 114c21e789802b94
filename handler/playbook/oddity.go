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
	protect := b.written.Protect
	if in.Machine == nil || protect.protects(in) != "" {
		return nil
	}
	found := protect.nearTags(in)
	if len(protect["groups"]) > 0 && strings.TrimSpace(in.Machine.RBACGroupName+in.Alert.RBACGroupName) == "" {
		found = append(found, Oddity{Fact: "rbacGroupName"})
	}
	if len(protect["deviceValue"]) > 0 && strings.TrimSpace(in.Machine.DeviceValue) == "" {
		found = append(found, Oddity{Fact: "deviceValue"})
	}
	return found
}

// nearTags finds the tags that are almost on protect.tags: never_isolate where never-isolate is.
func (l Lists) nearTags(in Input) []Oddity {
	var found []Oddity
	for _, tag := range in.Machine.Tags {
		for _, pattern := range l["tags"] {
			if spelling.Almost(pattern, tag) {
				shown := spelling.Cut(strconv.QuoteToASCII(tag), spelling.MaxShown)
				found = append(found, Oddity{Fact: "machineTags", Tag: shown, Like: pattern})
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
