package read_test

import (
	"fmt"
	"strings"
	"testing"

	"cordon/handler/playbook/playbooktest"
	"cordon/handler/playbook/read"
)

// warned are the messages about a rule with a condition, joined, with the ways out.
func warned(t *testing.T, src string) string {
	t.Helper()
	var list []string
	for _, w := range playbooktest.Warnings(t, src) {
		if w.Line < 1 || w.Column < 1 || w.Excerpt == "" || w.Hint == "" {
			t.Errorf("a warning lacks position, excerpt or way out: %+v", w)
		}
		list = append(list, w.Message+"; "+w.Hint)
	}
	return strings.Join(list, "\n")
}

func TestWhatCanNeverBothBeTrueIsNamed(t *testing.T) {
	t.Parallel()
	const never, always = "never both true", "is always true"
	for when, want := range map[string]string{
		`alert.severity == "High" && alert.severity == "Low"`:                                        never,
		`alert.severity == "High" and alert.status == "New" and "Low" == alert.severity`:             never,
		`alert.severity == "High" && alert.severity != "High"`:                                       never,
		`alert.severity == "High" && alert.severity in ["Low", "Medium"]`:                            never,
		`alert.severity in ["High"] && alert.severity in ["Low", "Medium"]`:                          never,
		`alert.severity in ["High"] && alert.severity not in ["High", "Low"]`:                        never,
		`alert.severity == "High" && !(alert.severity == "High")`:                                    never,
		`machine.isolated && !machine.isolated`:                                                      never,
		`machine.isolated == true && machine.isolated == false`:                                      never,
		`machine == nil && machine != nil`:                                                           never,
		`alertsOnMachine > 5 && alertsOnMachine < 3`:                                                 never,
		`alertsOnMachine > 5 && 5 >= alertsOnMachine`:                                                never,
		`alertsOnMachine == 5 && alertsOnMachine > 5`:                                                never,
		`now.Hour() >= 22 && now.Hour() < 6`:                                                         never,
		`now - alert.firstEventTime > duration("2h") && now - alert.firstEventTime < duration("1h")`: never,
		`alert.status == "New" || alert.severity == "High" && alert.severity == "Low"`:               never,
		`any(alert.evidence, .fileName == "a" && .fileName == "b")`:                                  never,
		`alert.severity != "High" || alert.severity != "Low"`:                                        always,
		`machine.isolated || !machine.isolated`:                                                      always,
		`now.Hour() >= 6 || now.Hour() < 22`:                                                         always,
		`alert.severity == "High" && alert.status == "New"`:                                          "",
		`alert.severity == "High" || alert.severity == "Low"`:                                        "",
		`alert.severity != "High" && alert.severity != "Low"`:                                        "",
		`alert.severity in ["High", "Low"] && alert.severity != "High"`:                              "",
		`alertsOnMachine >= 5 && alertsOnMachine <= 5`:                                               "",
		`alertsOnMachine > 5 && alertsOnMachine != 7`:                                                "",
		`now.Hour() >= 22 || now.Hour() < 6`:                                                         "",
		`any(alert.evidence, .fileName == "a") && any(alert.evidence, .fileName == "b")`:             "",
		`"a" in alert.mitreTechniques && "b" in alert.mitreTechniques`:                               "",
		`alert.title contains "a" && alert.title contains "b"`:                                       "",
		`alert.incidentId == 1 && alert.title == "1"`:                                                "",
	} {
		if got := warned(t, playbooktest.Rules(fmt.Sprintf("{name: r, on: alert, when: %q, do: []}",
			when))); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: warned of %q, want %q", when, got, want)
		}
	}
}

func TestARuleWhoseExceptionIsItsConditionIsNamed(t *testing.T) {
	t.Parallel()
	const a, b = `alert.severity == "High"`, `alert.status == "New"`
	for name, c := range map[string]struct {
		when, unless string
		never        bool
	}{
		"the same":       {a, a, true},
		"a part":         {a + " && " + b, b, true},
		"an alternative": {a, a + " || " + b, true},
		"always":         {a, "true", true},
		"more":           {a, a + " && " + b, false},
		"another":        {a, b, false},
	} {
		src := playbooktest.Rules(fmt.Sprintf("{name: r, on: alert, when: '%s', unless: '%s', do: []}", c.when,
			c.unless))
		if got := warned(t, src); strings.Contains(got, "its unless is true whenever its when is") != c.never {
			t.Errorf("%s: warned of %q", name, got)
		}
	}
}

func TestValuesThatAFactIsNotKnownToHaveAreNamed(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		`machine.osPlatform == "Windows 11"`: `machine.osPlatform is not ` +
			`known to be "Windows 11"; did you mean Windows11`,
		`"windows10" != machine.osPlatform`:                 "did you mean Windows10",
		`machine.osPlatform in ["Windows11", "Windows 10"]`: "did you mean Windows10",
		`glob(machine.osPlatform, "Windows Server*")`:       "did you mean WindowsServer*",
		`machine.healthStatus == "Healthy"`: `machine.healthStatus is not ` +
			`known to be "Healthy"; known: Active`,
		`machine.onboardingStatus == "onboarded"`: "did you mean Onboarded",
		`machine.deviceValue == "Critical"`:       "known: Low, Normal, High",
		`machine.riskScore == "high"`:             "did you mean High",
		`alert.category == "Lateral Movement"`:    "did you mean LateralMovement",
		`alert.classification == "TP"`:            "known: TruePositive",
		`any(machine.openActions, .type == "Isolation")`: `machine.openActions[].type is ` +
			`not known to be "Isolation"; did you mean`,
		`any(machine.openActions, .status in ["Succeeded"])`:                    "known: Pending, InProgress",
		`any(alert.evidence, .entityType == "IP")`:                              "did you mean Ip",
		`machine.osPlatform == "Windows11" || machine.osPlatform == "macOS"`:    "",
		`machine.osPlatform == "SuseLinuxEnterpriseServer"`:                     "",
		`machine.healthStatus == ""`:                                            "",
		`alert.category == "Reconnaissance"`:                                    "",
		`glob(machine.osPlatform, "WindowsServer20??", "*Linux*")`:              "",
		`alert.title == "Windows 11" && machine.computerDnsName == "Windows 1"`: "",
	} {
		if got := warned(t, playbooktest.Rules(fmt.Sprintf("{name: r, on: alert, when: %q, do: []}",
			when))); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: warned of %q, want %q", when, got, want)
		}
	}
	lists := playbooktest.OneRule("true",
		`protect: {os: ["Windows Server*"], deviceValue: [Hihg], tags: ["Windows 11"]}`+"\n"+
			`only: {os: [Windows11, "Windows 10"], onboarding: [Onborded]}`)
	got := warned(t, lists)
	for _, want := range []string{`protect.os: no machine.osPlatform that is known fits "Windows Server*"; did ` +
		`you mean WindowsServer*`,
		`protect.deviceValue: no machine.deviceValue that is known fits "Hihg"; did you mean High`,
		`only.os: no machine.osPlatform that is known fits "Windows 10"; did you mean Windows10`,
		`only.onboarding: no machine.onboardingStatus that is known fits "Onborded"; did you mean Onboarded`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != 4 {
		t.Errorf("%d warnings: %s", n, got)
	}
	_, err := read.Load("p.yaml",
		[]byte(playbooktest.Rules(`{name: r, on: hunt, when: hunt.severity == "Critical", do: []}`)))
	if err == nil || !strings.Contains(err.Error(), `hunt.severity is never "Critical"`) {
		t.Error(err)
	}
}

func TestATimeThatAnAlertMayNotHaveIsAskedForFirst(t *testing.T) {
	t.Parallel()
	const asks = "ask first: !alert.resolvedTime.IsZero() && …"
	for when, want := range map[string]string{
		`now - alert.resolvedTime > duration("1h")`:                                     asks,
		`duration("1h") < now - alert.resolvedTime`:                                     asks,
		`alert.severity == "High" && alert.resolvedTime < now`:                          asks,
		`alert.severity == "High" || alert.resolvedTime.Before(now)`:                    asks,
		`!alert.resolvedTime.IsZero() && now - alert.resolvedTime > duration("1h")`:     "",
		`alert.resolvedTime.IsZero() || now - alert.resolvedTime > duration("1h")`:      "",
		`alert.severity == "High" && !(alert.resolvedTime.IsZero())`:                    "",
		`now - alert.firstEventTime > duration("1h") && alert.alertCreationTime <= now`: "",
	} {
		got := warned(t, playbooktest.Rules(fmt.Sprintf("{name: r, on: alert, when: %q, do: []}", when)))
		if (want == "") != (got == "") || strings.Count(got, "ask first") > 1 || !strings.Contains(got, want) {
			t.Errorf("%s: warned of %q, want %q", when, got, want)
		}
		if got := warned(t, playbooktest.Rules(fmt.Sprintf("{name: r, on: alert, when: true, unless: %q, do: []}",
			when))); !strings.Contains(got, want) {
			t.Errorf("unless %s: warned of %q, want %q", when, got, want)
		}
	}
}

func TestWhatOtherLanguagesWriteIsAnsweredWithItsForm(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		`machine.machineTags == "vip"`:          `write "vip" in machine.machineTags`,
		`machineTags == "vip"`:                  `write "vip" in machine.machineTags`,
		`"vip" != machine.machineTags`:          `write "vip" not in machine.machineTags`,
		`alert.mitreTechniques == "T1059"`:      `write "T1059" in alert.mitreTechniques`,
		`alert.assignedUser == null`:            `alert has no field "assignedUser"`,
		`machine == null`:                       `write nil, or "" for a text`,
		`alert.title != NULL`:                   `write nil, or "" for a text`,
		`alert.mitreTechniques[0] == "T1" && x`: `there is no "x"`,
	} {
		_, err := read.Load("p.yaml",
			[]byte(playbooktest.Rules(fmt.Sprintf("{name: r, on: alert, when: %q, do: []}", when))))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", when, err, want)
		}
	}
}
