package fromrun

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordon/handler/alert"
	"cordon/handler/incoming"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// samples are texts that mean something else to some reader of YAML, or that hide.
func samples() []string {
	return []string{
		"", "a", "pc1.contoso.com", "never-isolate", "true", "null", "~", "0x10", "1e3", "-5", "2026-03-02", "*x",
		"&x y",
		"!!python/object x", "!x", "%YAML 1.2", "---", "...", "- a", "a: b", "a #b", "#", "{a: b}", "[a", "'",
		`"`, `\`,
		"\\u0041", "a\nplaybook: evil.yaml\ncases: []", "\n", " \n  ", "\ta", "a\r\nb", "\x00", "\x1b[2J",
		"\x85\u2028\u2029",
		"\u202egnp.exe\u2066", "\ufeff", "\U000e0041", "\ue000", "caf\xe9", "\xff\xfe", "|", ">", "| a\n  b", "<<",
		"@a", "`a`",
		"? a", "=", "{{.Alert.Title}}", "%0A::error::x", "]]>", "y", "NO", "a " + strings.Repeat("é😀", 20),
	}
}

// hostile draws a text as an attacker would write it.
func hostile(t *rapid.T, name string) string {
	return rapid.OneOf(
		rapid.SampledFrom(samples()),
		rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 30), func(b []byte) string { return string(b) }),
	).Draw(t, name)
}

// facts draws the facts of a run.
func facts(t *rapid.T) playbook.Input {
	in := playbooktest.Input()
	var fields []*string
	a := &in.Alert
	fields = append(fields, &a.Title, &a.Description, &a.Category, &a.Classification, &a.Determination,
		&a.DetectionSource,
		&a.DetectorID, &a.ThreatFamily, &a.ThreatName, &a.ComputerDNSName, &a.RBACGroupName, &a.RelatedUser.Name,
		&a.RelatedUser.Domain, &a.AssignedTo, &a.ServiceSource, &in.PauseReason, &in.ActionsMissing, &in.AlertsMissing,
		&in.MachineMissing)
	for i := range a.Evidence {
		e := &a.Evidence[i]
		fields = append(fields, &e.Kind, &e.FileName, &e.FilePath, &e.CommandLine, &e.URL, &e.RegistryKey,
			&e.AccountName,
			&e.IPAddress, &e.SHA1)
	}
	m := in.Machine
	fields = append(fields, &m.ComputerDNSName, &m.OSPlatform, &m.HealthStatus, &m.OnboardingStatus, &m.DeviceValue,
		&m.RBACGroupName, &m.Version, &m.LastIP)
	for i, field := range fields {
		if rapid.IntRange(0, 3).Draw(t, fmt.Sprint("set ", i)) == 0 {
			*field = incoming.Text(hostile(t, fmt.Sprint("text ", i)), incoming.MaxText)
		}
	}
	a.Severity = alert.Severity(rapid.SampledFrom([]string{"High", "Medium", "high", "", "Odd"}).Draw(t, "severity"))
	a.Status = alert.Status(rapid.SampledFrom([]string{"New", "Resolved", ""}).Draw(t, "status"))
	if rapid.Bool().Draw(t, "tags") {
		m.Tags = []string{"office", "never-isolate", "a: b"}[:rapid.IntRange(0, 3).Draw(t, "number of tags")]
	}
	for i, at := range []*time.Time{&a.Created, &a.Updated, &a.Resolved, &m.LastSeen} {
		*at = rapid.SampledFrom([]time.Time{*at, {}, in.Now.Add(-50 * time.Hour), in.Now.Add(-7)}).Draw(t,
			fmt.Sprint("time ", i))
	}
	in.Paused = rapid.Bool().Draw(t, "paused")
	in.Ceiling = rapid.SampledFrom([]playbook.Mode{playbook.Enforce, playbook.Observe, ""}).Draw(t, "ceiling")
	in.StaleAfter = rapid.SampledFrom([]time.Duration{24 * time.Hour, 0, -1, 90 * time.Second}).Draw(t, "stale after")
	in.Asked = rapid.SampledFrom([][]string{nil, {"isolation"}, {"scan:Quick", "odd"}}).Draw(t, "asked")
	in.OwnTags = rapid.SampledFrom([][]string{nil, {"never-isolate"}}).Draw(t, "own tags")
	times := rapid.SampledFrom([]time.Time{{}, in.Now, in.Now.Add(-time.Hour), in.Now.AddDate(0, 0, -9)})
	in.Beginning, in.Since = times.Draw(t, "beginning"), times.Draw(t, "since")
	known(t, &in)
	return in
}

// known draws what is known besides, and about which machine.
func known(t *rapid.T, in *playbook.Input) {
	if rapid.Bool().Draw(t, "isolation unknown") {
		in.Isolation = nil
	} else if rapid.Bool().Draw(t, "isolated") {
		in.Isolation.Is = true
		in.Isolation.By = rapid.SampledFrom([]machine.Owner{
			machine.ByCordon, machine.ByPerson, machine.ByUnknown,
		}).Draw(t, "by")
	}
	switch rapid.IntRange(0, 3).Draw(t, "actions") {
	case 0:
		in.OpenActions = nil
	case 1:
		in.OpenActions = []machine.Action{}
	case 2:
		in.OpenActions[0].Requestor = incoming.Text(hostile(t, "requestor"), incoming.MaxText)
		in.OpenActions = append(in.OpenActions, machine.Action{
			ID:        "x",
			Type:      "Isolate",
			Status:    "InProgress",
			Created:   in.Now,
			MachineID: in.Alert.MachineID,
		})
	}
	if rapid.Bool().Draw(t, "numbers unknown") {
		in.AlertsOnMachine, in.AlertsInIncident = nil, nil
	}
	switch rapid.IntRange(0, 6).Draw(t, "machine") {
	case 0:
		in.Machine = nil
	case 1:
		in.Machine, in.Alert.MachineID = nil, ""
	case 2:
		in.Alert.MachineID = ""
	case 3:
		in.Machine.ID = strings.Repeat("a", 40)
	case 4:
		in.Hunt = &playbook.Hunt{Name: "h", Severity: "High", Row: map[string]string{
			hostile(t, "column"): hostile(t, "cell"), "FileName": "a.exe",
		}}
		row := map[string]string{}
		for k, v := range in.Hunt.Row {
			row[strings.ToValidUTF8(k, "\ufffd")] = strings.ToValidUTF8(v, "\ufffd")
		}
		in.Hunt.Row = row
	}
}

// book has rules for all conditions that the language has.
func book(t testing.TB) *playbook.Book {
	rules := []string{
		`{name: fields, on: alert, continue: true, when: "alert.title contains 'a' || alert.category == 'a' || ` +
			`alert.serviceSource == ''", do: [updateAlert: {status: Resolved}]}`,
		`{name: row, on: hunt, when: "hunt.row.FileName == 'a.exe'", do: [scan: {type: Quick}]}`,
	}
	for i, condition := range playbooktest.Conditions() {
		rules = append(rules,
			fmt.Sprintf(`{name: r%d, on: alert, continue: true, when: %q, do: [tag: {add: t%d}]}`, i, condition,
				i))
	}
	rules = append(rules, `{name: last, on: alert, when: "true", do: [isolate: {type: Full}, mail: {to: `+
		`["soc-{{.Machine.RBACGroupName}}@contoso.com"]}]}`)
	return playbooktest.Load(t, playbooktest.Rules(rules...)+
		"protect: {tags: [never-isolate], groups: [\"a*\"]}\nonly: {os: [Windows11, a]}\n")
}
