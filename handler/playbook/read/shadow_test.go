package read_test

import (
	"fmt"
	"strings"
	"testing"

	"cordon/handler/playbook/playbooktest"
)

func TestRulesThatCanNeverMatchAreNamedWithTheirPlace(t *testing.T) {
	t.Parallel()
	const a, b = `alert.severity == "High"`, `alert.category == "Malware"`
	line := func(name, when, more string) string {
		return fmt.Sprintf("{name: %s, on: alert, when: '%s', %sdo: []}", name, when, more)
	}
	for name, c := range map[string]struct {
		earlier, later string
		shadowed       bool
	}{
		"the same":           {line("e", a, ""), line("l", a, ""), true},
		"everything":         {line("e", "true", ""), line("l", a, ""), true},
		"one of its clauses": {line("e", a, ""), line("l", b+" && "+a, ""), true},
		"written otherwise":  {line("e", a+" and "+b, ""), line("l", b+"   && ("+a+")", ""), true},
		"an alternative":     {line("e", a+" || "+b, ""), line("l", b, ""), true},
		"both alternatives": {line("e", a+" || "+b+" || alert.incidentId == 1", ""), line("l", b+
			" or "+a, ""), true},
		"an alternative with more": {line("e", a+" || "+b, ""), line("l", b+" && alert.incidentId == 1", ""),
			true},
		"the same exception": {line("e", a, "unless: '"+b+"', "), line("l", a, "unless: '"+b+"', "),
			true},
		"the later one excepts more":       {line("e", a, ""), line("l", a, "unless: '"+b+"', "), true},
		"it goes on":                       {line("e", a, "continue: true, "), line("l", a, ""), false},
		"the earlier one has an exception": {line("e", a, "unless: '"+b+"', "), line("l", a, ""), false},
		"the earlier one asks for more":    {line("e", a+" && "+b, ""), line("l", a, ""), false},
		"the later one allows more":        {line("e", a, ""), line("l", a+" || "+b, ""), false},
		"another":                          {line("e", a, ""), line("l", b, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := playbooktest.Warnings(t, playbooktest.Rules(c.earlier, c.later))
			if len(found) > 1 || (len(found) == 1) != c.shadowed {
				t.Fatalf("%+v", found)
			}
			if c.shadowed && (found[0].Line != 5 || found[0].Column != 32 || !strings.Contains(found[0].Message,
				"rule l can never match: rule e") || found[0].Excerpt == "" || found[0].Hint == "") {
				t.Errorf("%+v", found[0])
			}
		})
	}
}

func TestAPlaybookThatActsSaysOnWhichOperatingSystems(t *testing.T) {
	for src, want := range map[string]string{
		playbooktest.OneRule("true",
			""): "rule r acts on machines of any operating system",
		playbooktest.OneRule("true",
			"only: {onboarding: [Onboarded]}"): "rule r acts on machines of any operating system",
		playbooktest.OneRule("true",
			"only: {os: [Windows11]}"): "",
		playbooktest.OneRule("true",
			`protect: {os: ["WindowsServer*"]}`): "",
		playbooktest.Rules(`{name: r, on: alert, when: "true", do: [mail: {}, updateAlert: {status: ` +
			`InProgress}, release: {}]}`): "",
	} {
		var found string
		for _, w := range playbooktest.Warnings(t, src) {
			found += w.Message
		}
		if (want == "") != (found == "") || !strings.HasPrefix(found, want) {
			t.Errorf("%s\nwarned of %q", src, found)
		}
	}
}
