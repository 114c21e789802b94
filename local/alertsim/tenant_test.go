package alertsim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/local/defendersim"
)

func moments(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// twin is what Defender says of the alert of Graph's samples.
func twin(t testing.TB) defendersim.Alert {
	created := moments(t, "2025-11-18T09:42:03.11Z")
	return defendersim.Alert{
		ID:                 sample,
		IncidentID:         48213,
		Severity:           "High",
		Status:             "New",
		InvestigationState: "Running",
		DetectionSource:    "WindowsDefenderAtp",
		DetectorID:         "6d3a2b10-97c4-4f58-8e21-b05f3c9d7a64",
		Category:           "Execution",
		Title:              "Office application started an encoded script host",
		Description: "A document opened on this device launched a script interpreter with an obfuscated " +
			"argument list.",
		Created:         moments(t, "2025-11-18T09:42:00.4415533Z"),
		FirstEvent:      moments(t, "2025-11-18T09:38:51.2240913Z"),
		LastEvent:       moments(t, "2025-11-18T09:40:12.9034417Z"),
		Updated:         moments(t, "2025-11-18T09:44:31.5866667Z"),
		MachineID:       laptop,
		MitreTechniques: []string{"T1059.001"},
		RelatedUser:     defendersim.User{Name: "pat.lindqvist", Domain: "CONTOSO"},
		Comments: []defendersim.Comment{{
			Text:      "Picked up by automated triage",
			CreatedBy: "secops-bot",
			Created:   moments(t, "2025-11-18T09:44:31.51Z"),
		}},
		Evidence: []defendersim.Evidence{
			{
				Kind:            "File",
				Created:         created,
				SHA1:            "5e0d1c9b8a7f6e5d4c3b2a190817263544536271",
				SHA256:          "8c7b6a594837261504f3e2d1c0bfae9d8c7b6a594837261504f3e2d1c0bfae9d",
				FileName:        "invoice_1107.dll",
				FilePath:        `C:\Users\pat.lindqvist\AppData\Local\Temp`,
				DetectionStatus: "Prevented",
			},
			{
				Kind:            "User",
				Created:         created,
				AccountName:     "pat.lindqvist",
				DomainName:      "CONTOSO",
				UserSID:         "S-1-5-21-3390418827-2209117463-918273645-4127",
				AADUserID:       "c2a1f0d4-5b7e-4d0a-9c3f-61e8b2a7d905",
				UPN:             "pat.lindqvist@contoso.com",
				DetectionStatus: "Prevented",
			},
		},
	}
}

// known takes what Defender does not know out of the sample.
func known(alert map[string]any) map[string]any {
	evidence := alert["evidence"].([]any)
	device, file, user := evidence[0].(map[string]any), evidence[1].(map[string]any), evidence[2].(map[string]any)
	alert["recommendedActions"] = nil
	device["createdDateTime"] = alert["createdDateTime"] // of the machine's evidence Defender has no time
	device["ipInterfaces"] = []any{"10.24.8.147", "127.0.0.1"}
	file["fileDetails"].(map[string]any)["fileSize"] = nil
	account := user["userAccount"].(map[string]any)
	account["displayName"], account["activeDirectoryObjectGuid"] = "pat.lindqvist", nil // the latter is in the types
	return alert
}

func TestAnAlertOfTheTenantReadsLikeTheSample(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.defender.AddAlert(twin(t), start())
	want := known(fixture(t, "graph_alert.json"))
	if diff := cmp.Diff(want, tn.want(tn.get("/"+sample), 200, "").body); diff != "" {
		t.Errorf("one (-want +got):\n%s", diff)
	}
	page := fixture(t, "graph_alerts_page.json")
	delete(page, "@odata.nextLink")
	known(page["value"].([]any)[0].(map[string]any))
	if diff := cmp.Diff(page, tn.want(tn.get(""), 200, "").body); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

// evidence is that of the only alert, by its type and in its order.
func (tn *tenant) evidence() (kinds []string, all []map[string]any) {
	tn.t.Helper()
	for _, one := range tn.want(tn.get(""), 200, "").list()[0]["evidence"].([]any) {
		e := one.(map[string]any)
		kind, _ := e["@odata.type"].(string)
		kinds, all = append(kinds, strings.TrimPrefix(kind, "#microsoft.graph.security.")), append(all, e)
	}
	return kinds, all
}

func TestEvidenceIsInGraphsShape(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	at := moments(t, "2025-11-18T09:38:51.2Z")
	tn.raise("a", func(a *defendersim.Alert) {
		a.Evidence = []defendersim.Evidence{
			{
				Kind: "Process", ProcessID: 7716, CommandLine: "x -enc", ProcessCreated: at, FileName: "x.exe",
				FilePath: `C:\x`, SHA1: "s1", ParentProcessID: 5208, ParentFileName: "p.exe", AccountName: "pat",
			},
			{Kind: "Ip", IPAddress: "203.0.113.77"},
			{Kind: "Url", URL: "http://x.example/"},
			{Kind: "Registry", RegistryHive: "HKLM", RegistryKey: "Run"},
			{
				Kind:              "Registry",
				RegistryHive:      "HKLM",
				RegistryKey:       "Run",
				RegistryValue:     "v",
				RegistryValueType: "String",
			},
			{Kind: "CloudThing"},
			{Kind: "File", FileName: "y", DetectionStatus: "Blocked"},
		}
	})
	kinds, all := tn.evidence()
	if diff := cmp.Diff([]string{
		"deviceEvidence", "processEvidence", "ipEvidence", "urlEvidence", "registryKeyEvidence",
		"registryValueEvidence", "cloudThingEvidence", "fileEvidence",
	}, kinds); diff != "" {
		t.Fatalf("kinds (-want +got):\n%s", diff)
	}
	process := all[1]
	image, _ := process["imageFile"].(map[string]any)
	parent, _ := process["parentProcessImageFile"].(map[string]any)
	user, _ := process["userAccount"].(map[string]any)
	if process["processId"] != 7716.0 || process["processCommandLine"] != "x -enc" ||
		process["processCreationDateTime"] != "2025-11-18T09:38:51.2Z" || process["parentProcessId"] != 5208.0 ||
		process["mdeDeviceId"] != laptop || image["fileName"] != "x.exe" || image["sha1"] != "s1" ||
		image["filePath"] != `C:\x` || parent["fileName"] != "p.exe" || user["accountName"] != "pat" {
		t.Errorf("process: %v", process)
	}
	if all[2]["ipAddress"] != "203.0.113.77" || all[3]["url"] != "http://x.example/" ||
		all[4]["registryHive"] != "HKLM" || all[4]["registryKey"] != "Run" || all[5]["registryValue"] != "v" ||
		all[5]["registryValueType"] != "String" || all[7]["verdict"] != "malicious" ||
		all[7]["remediationStatus"] != "blocked" {
		t.Errorf("the rest: %v", all[2:])
	}
	raw, err := json.Marshal(all[4])
	if err != nil || strings.Contains(string(raw), "mdeDeviceId") {
		t.Errorf("a key has a device: %s, %v", raw, err)
	}
}

func TestAMachineThatIsNotKnownIsADeviceAllTheSame(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.raise("a", func(a *defendersim.Alert) { a.MachineID, a.ComputerDNSName = "f00d", "x.corp.contoso.com" })
	if _, all := tn.evidence(); all[0]["mdeDeviceId"] != "f00d" || all[0]["hostName"] != "x" ||
		all[0]["osPlatform"] != nil || all[0]["healthStatus"] != nil {
		t.Errorf("device: %v", all[0])
	}
	without := open(t, Options{})
	without.raise("a", func(a *defendersim.Alert) { a.MachineID = "" })
	if kinds, _ := without.evidence(); len(kinds) != 0 {
		t.Errorf("without a machine: %v", kinds)
	}
}

func TestEnumerationsAreSpelledAsGraphDoes(t *testing.T) {
	t.Parallel()
	w := newWords()
	for _, tt := range []struct{ member, defender, graph, older string }{
		{"severity", "UnSpecified", "unknown", "unknown"},
		{"severity", "Informational", "informational", "informational"},
		{"status", "InProgress", "inProgress", "inProgress"},
		{"classification", "InformationalExpectedActivity", "informationalExpectedActivity",
			"informationalExpectedActivity"},
		{"determination", "CompromisedUser", "compromisedAccount", "compromisedUser"},
		{"determination", "Clean", "notMalicious", "clean"},
		{"determination", "InsufficientData", "notEnoughDataToValidate", "insufficientData"},
		{"determination", "ConfirmedUserActivity", "confirmedActivity", "confirmedUserActivity"},
		{"determination", "MultiStagedAttack", "multiStagedAttack", "multiStagedAttack"},
		{"detectionSource", "WindowsDefenderAv", "antivirus", "antivirus"},
		{"detectionSource", "CustomDetection", "customDetection", "customDetection"},
		{"status", "Resolved", "resolved", "resolved"},
	} {
		got, older := w.toGraph(tt.member, tt.defender, false), w.toGraph(tt.member, tt.defender, true)
		if got != tt.graph || older != tt.older {
			t.Errorf("%s %s: %s and %s", tt.member, tt.defender, got, older)
		}
		for _, spelled := range []string{tt.graph, tt.older} {
			if got := w.toDefender(tt.member, spelled); got != tt.defender {
				t.Errorf("%s %s is %s for Defender", tt.member, spelled, got)
			}
			if shown := w.hideNewer(tt.member, spelled); shown != spelled {
				t.Errorf("%s %s is hidden", tt.member, spelled)
			}
		}
	}
	for _, drifted := range []string{"NotMalicious", "ConfirmedActivity"} { // Defender's other spelling
		if got := w.toGraph("determination", drifted, false); !strings.EqualFold(got, drifted) {
			t.Errorf("%s is %s", drifted, got)
		}
	}
}

func TestNewerMembersAreShownToWhoAsks(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Amend: func(a *Alert) {
		a.Severity, a.DetectionSource = "critical", "nrtAlerts"
		a.Evidence = append(a.Evidence,
			NewEvidence("somethingNew", start(), map[string]any{"roles": []string{"source", "newRole"}, "status": "x"}))
	}})
	tn.raise("a")
	read := func() (string, string) {
		_, all := tn.evidence()
		raw, err := json.Marshal([]any{all[0]["remediationStatus"], all[1]["roles"]})
		if err != nil {
			t.Fatal(err)
		}
		one := tn.get("/a")
		return one.text("severity") + " " + one.text("detectionSource"), string(raw)
	}
	if alert, evidence := read(); alert != "critical nrtAlerts" || evidence != `["active",["source","newRole"]]` {
		t.Errorf("asked for: %s, %s", alert, evidence)
	}
	for _, prefer := range []string{"", "odata.maxpagesize=5", "include-unknown-enum"} {
		tn.prefer = prefer
		if alert, evidence := read(); alert != "unknownFutureValue unknownFutureValue" ||
			evidence != `["unknownFutureValue",["source","unknownFutureValue"]]` {
			t.Errorf("%q: %s, %s", prefer, alert, evidence)
		}
	}
	tn.prefer = "odata.maxpagesize=5, include-unknown-enum-members"
	if alert, _ := read(); alert != "critical nrtAlerts" {
		t.Errorf("among others: %s", alert)
	}
}

func TestAlertsOfOtherProductsStandBesideTheTenants(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.raise("a")
	server, _ := tn.defender.Machine(laptop)
	identity := tn.AddAlert(Alert{Title: "Pass the hash"}, time.Time{})
	cloud := tn.AddAlert(Alert{ServiceSource: CloudApps, Severity: "medium"}, time.Time{})
	mail := tn.AddAlert(Alert{
		ID:            "fa1",
		ServiceSource: Mail,
		Evidence:      []Evidence{NewEvidence("mailbox", start(), map[string]any{"primaryAddress": "pat@contoso.com"})},
	}, start().Add(time.Minute))
	several := tn.AddAlert(Alert{
		ServiceSource: "microsoft365Defender",
		Evidence: []Evidence{
			Device(server, start(), true),
			Device(defendersim.Machine{ID: "b0b"}, start(), false),
		},
	}, time.Time{})
	if err := tn.UpdateAlert(mail, func(a *Alert) { a.Title = "before anybody saw it" }); err != nil {
		t.Fatal(err)
	}
	tn.want(tn.get("/"+mail), 404, "ResourceNotFound")
	tn.clock.pass(time.Minute)
	got := tn.want(tn.get("/"+mail), 200, "")
	if got.text("serviceSource") != Mail || got.text("productName") != "Microsoft Defender for Office 365" ||
		got.text("providerAlertId") != mail || got.text("severity") != "unknown" || got.text("status") != "new" ||
		got.text("title") != "before anybody saw it" {
		t.Errorf("mail: %v", got.body)
	}
	got = tn.want(tn.get("/"+identity), 200, "")
	if got.text("serviceSource") != Identity || got.text("detectionSource") != Identity || len(identity) != 38 ||
		len(got.body["evidence"].([]any)) != 0 || got.body["mitreTechniques"] == nil {
		t.Errorf("identity: %v", got.body)
	}
	if got = tn.get("/" + cloud); got.text("detectionSource") != "cloudAppSecurity" {
		t.Errorf("cloud apps: %v", got.body)
	}
	devices := tn.get("/" + several).body["evidence"].([]any)
	first, second := devices[0].(map[string]any), devices[1].(map[string]any)
	if first["mdeDeviceId"] != laptop || second["mdeDeviceId"] != "b0b" ||
		len(first["detailedRoles"].([]any)) != 1 || len(second["detailedRoles"].([]any)) != 0 {
		t.Errorf("devices: %v", devices)
	}
	if all := tn.get(""); len(all.list()) != 5 || len(tn.Alerts()) != 5 || len(tn.defender.Alerts()) != 1 {
		t.Errorf("all: %s", all.ids())
	}
}

func TestIdsCanDiffer(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{GraphID: func(id string) string { return "g-" + id }})
	tn.raise("a")
	if got := tn.want(tn.get("/g-a"), 200, ""); got.text("id") != "g-a" || got.text("providerAlertId") != "a" {
		t.Errorf("%v", got.body)
	}
	tn.want(tn.get("/a"), 404, "ResourceNotFound")
	tn.want(tn.ask("PATCH", base+"/g-a", `{"status":"resolved"}`), 200, "")
	if got := tn.defender.Alerts()[0].Status; got != "Resolved" {
		t.Errorf("the tenant's alert is %s", got)
	}
	bare := open(t, Options{NoProviderID: true})
	bare.raise("a")
	if got := bare.want(bare.get("/a"), 200, ""); got.body["providerAlertId"] != nil {
		t.Errorf("%v", got.body["providerAlertId"])
	}
}
