package playbook_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

func TestTagsThatAlmostProtectAreNamed(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, playbooktest.OneRule("true",
		`protect: {tags: [never-isolate, "vip *", tier0, Restricted security operations]}`))
	for tag, like := range map[string]string{
		"never_isolate": "never-isolate", "neverisolate": "never-isolate", "never isolate": "never-isolate",
		"never-isolat": "never-isolate", "nevr-isolate": "never-isolate",
		"n\u0435ver-isolate": "never-isolate", "never-isolate-me": "never-isolate", "vip-board": "vip *",
		"VIP_board": "vip *", "tier 0": "tier0", "teir0": "tier0",
		"Restricted-Security-Operations": "Restricted security operations",
		"isolate":                        "", "tier1": "", "tier00": "", "office": "", "never": "", "": "", "--": "",
		"never-isolate-please": "", strings.Repeat("x", 5000): "",
	} {
		in := playbooktest.Input()
		in.Machine.Tags = []string{"office", tag}
		p := b.Decide(in)
		if got := isolation(t, p); got.Verdict != Do || (like == "") == strings.Contains(got.Why, "is almost") {
			t.Errorf("%+q: %+v", tag, got)
		}
		var found []string
		for _, o := range b.Oddities(in) {
			found = append(found, o.Like)
		}
		if diff := cmp.Diff(like, strings.Join(found, ",")); diff != "" {
			t.Errorf("%+q: %s", tag, diff)
		}
	}
	in := playbooktest.Input()
	in.Machine.Tags = []string{"never_isolate", "never-isolate"}
	if found := b.Oddities(in); len(found) > 0 {
		t.Errorf("a protected machine has %v", found)
	}
}

func TestFactsThatTheAPILeftOutAreNamedWhereAListIsAboutThem(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Machine.RBACGroupName, in.Alert.RBACGroupName, in.Machine.DeviceValue = "", "", ""
	for protect, want := range map[string][]Oddity{
		"protect: {groups: [Tier0], deviceValue: [High]}": {{Fact: "rbacGroupName"}, {Fact: "deviceValue"}},
		"protect: {groups: [Tier0]}":                      {{Fact: "rbacGroupName"}},
		"protect: {tags: [never-isolate]}":                nil,
	} {
		if diff := cmp.Diff(want, playbooktest.Load(t,
			playbooktest.OneRule("true", protect)).Oddities(in)); diff != "" {
			t.Errorf("%s: %s", protect, diff)
		}
	}
	in.Alert.RBACGroupName, in.Machine.DeviceValue = "Office", "Low"
	if found := playbooktest.Load(t, playbooktest.OneRule("true",
		"protect: {groups: [Tier0], deviceValue: [High]}")).Oddities(in); len(found) > 0 {
		t.Errorf("%v", found)
	}
}
