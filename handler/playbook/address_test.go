package playbook_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// mailing is a playbook whose rule mails and assigns as given.
func mailing(to, assigned string) string {
	return playbooktest.Rules(`{name: r, on: alert, when: "true", do: [mail: {to: ` + to +
		`, text: told}, updateAlert: {assignedTo: '` + assigned + `'}]}`)
}

func TestAddressesAreTemplates(t *testing.T) {
	t.Parallel()
	const group = `["soc-{{.Machine.RBACGroupName}}@contoso.com"]`
	for name, c := range map[string]struct {
		to     string
		change func(*Input)
		want   string // the mails, and whether each says that an address came to nothing
	}{
		"a group": {group, func(in *Input) { in.Machine.RBACGroupName = "Berlin" },
			"mail to soc-Berlin@contoso.com"},
		"no group":             {group, func(in *Input) {}, "mail, noted"},
		"a blank group":        {group, func(in *Input) { in.Machine.RBACGroupName = " \u200b" }, "mail, noted"},
		"a group with a blank": {group, func(in *Input) { in.Machine.RBACGroupName = "Tier 0" }, "mail, noted"},
		"a second address": {group, func(in *Input) { in.Machine.RBACGroupName = "x@evil.example, y" },
			"mail, noted"},
		"another domain": {group, func(in *Input) { in.Machine.RBACGroupName = "x@evil.example" },
			"mail, noted"},
		"a name around an address": {group, func(in *Input) { in.Machine.RBACGroupName = "x <y@evil.example>" },
			"mail, noted"},
		"a line break": {group, func(in *Input) { in.Machine.RBACGroupName = "x\r\nBcc: y" },
			"mail, noted"},
		"a quoted name": {group, func(in *Input) { in.Machine.RBACGroupName = `"x@evil.example"` },
			"mail, noted"},
		"a long group": {group, func(in *Input) { in.Machine.RBACGroupName = strings.Repeat("x", 300) },
			"mail, noted"},
		"braces":     {group, func(in *Input) { in.Machine.RBACGroupName = "{{x}}" }, "mail, noted"},
		"no machine": {group, func(in *Input) { in.Machine = nil }, "mail, noted"},
		"one of two": {`[soc@contoso.com, "soc-{{.Machine.RBACGroupName}}@contoso.com"]`,
			func(in *Input) {}, "mail to soc@contoso.com; mail, noted"},
		"two that come to one": {`[soc-Berlin@contoso.com, "soc-{{.Machine.RBACGroupName}}@contoso.com"]`,
			func(in *Input) { in.Machine.RBACGroupName = "Berlin" }, "mail to soc-Berlin@contoso.com"},
		"what it says about nothing": {
			`["{{if .Machine.RBACGroupName}}soc-{{.Machine.RBACGroupName}}{{else}}soc{{end}}@contoso.com"]`,
			func(in *Input) {}, "mail to soc@contoso.com",
		},
		"a whole address": {`["{{.Alert.AssignedTo}}"]`,
			func(in *Input) { in.Alert.AssignedTo = "me@contoso.com" }, "mail to me@contoso.com"},
		"by severity": {`['{{if eq .Alert.Severity "High"}}now{{else}}later{{end}}@contoso.com']`, func(in *Input) {},
			"mail to now@contoso.com"},
	} {
		in := playbooktest.Input()
		c.change(&in)
		p := playbooktest.Load(t, mailing(c.to, "Automation")).Decide(in)
		var got []string
		for _, s := range p.Steps {
			if s.Kind != Mail {
				continue
			}
			said := s.String()
			if strings.Contains(s.Text, "gave no mail address") {
				said += ", noted"
			}
			if !strings.HasSuffix(s.Text, "told") {
				t.Errorf("%s: the text of the mail is lost: %q", name, s.Text)
			}
			got = append(got, said)
		}
		if diff := cmp.Diff(c.want, strings.Join(got, "; ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAssigneesAreTemplates(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, mailing("[soc@contoso.com]", "soc-{{.Machine.RBACGroupName}}@contoso.com"))
	in := playbooktest.Input()
	in.Machine.RBACGroupName = "Berlin"
	if s := b.Decide(in).Steps[1]; s.Verdict != Do || s.Update.AssignedTo != "soc-Berlin@contoso.com" || s.Why != "" {
		t.Errorf("%+v", s)
	}
	for _, group := range []string{"", "Tier 0", "a\nb", strings.Repeat("x", 300), "{{x}}"} {
		in.Machine.RBACGroupName = group
		s := b.Decide(in).Steps[1]
		if s.Verdict != Skipped || s.Update.AssignedTo != "" || !strings.Contains(s.Why, "gave no account") {
			t.Errorf("%q: %+v", group, s)
		}
	}
	// What else the step changes is changed all the same, and the record says what is not.
	b = playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", do: [updateAlert: {status: `+
		`InProgress, assignedTo: "{{.Machine.RBACGroupName}}"}]}`))
	in.Machine.RBACGroupName = ""
	if s := b.Decide(in).Steps[0]; s.Verdict != Do || s.Update.AssignedTo != "" || s.Update.Status != "InProgress" ||
		!strings.Contains(s.Why, "gave no account") {
		t.Errorf("%+v", s)
	}
}
