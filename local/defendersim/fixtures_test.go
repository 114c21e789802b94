package defendersim

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }

// sameError holds an error against a sample: all but the correlation id.
func sameError(t *testing.T, name string, r reply, status int) {
	t.Helper()
	want := fixture(t, name)
	target, _ := r.body["error"].(map[string]any)["target"].(string)
	if len(target) != 36 {
		t.Errorf("%s: correlation id %q", name, target)
	}
	want["error"].(map[string]any)["target"] = target
	if diff := cmp.Diff(want, r.body); r.Code != status || diff != "" {
		t.Errorf("%s: %d (-want +got):\n%s", name, r.Code, diff)
	}
	if got := r.Header().Get("Content-Type"); got != "application/json; odata.metadata=minimal; "+
		"odata.streaming=true; charset=utf-8" {
		t.Errorf("%s: content type %q", name, got)
	}
}

func TestErrorsAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Duplicates: RejectDuplicates})
	sameError(t, "error_400_odata.json", tn.filter("/api/alerts", "machineName eq 'x'"), 400)
	sameError(t, "error_404_alert.json", tn.get("/api/alerts/da638994400000000000_1"), 404)
	sameError(t, "error_400_missing_parameter.json", tn.ask("POST", "/api/machines/"+laptop+"/isolate", `{}`), 400)
	sameError(t, "error_400_os_not_supported.json", tn.isolateNow(mac), 400)
	tn.isolateNow(laptop)
	sameError(t, "error_400_active_request.json", tn.isolateNow(laptop), 400)
	tn.SetFault(func(*http.Request) *Fault { return &Fault{Status: 500} })
	sameError(t, "error_500.json", tn.get("/api/alerts"), 500)
	bare := &tenant{Sim: New(Options{}), t: t}
	sameError(t, "error_404_machine.json", bare.isolateNow(mac), 404)
	denied := open(t, Options{Verify: verifier(map[string]Claims{"app": {}})})
	sameError(t, "error_403_forbidden.json", denied.isolateNow(laptop), 403)
}

func TestMachinesReadLikeTheSample(t *testing.T) {
	t.Parallel()
	want := fixture(t, "machine.json")
	tn := open(t, Options{})
	tn.AddMachine(Machine{
		ID:             laptop,
		Name:           "fin-lt-0147.corp.contoso.com",
		OS:             "Windows11",
		Version:        "23H2",
		OSBuild:        22631,
		Tags:           []string{"Finance", "VIP"},
		Group:          "Finance-Laptops",
		GroupID:        118,
		DeviceValue:    "High",
		Risk:           "High",
		Exposure:       "Medium",
		AADDeviceID:    "0e9b4c71-2d5a-4f83-a6c0-7b18d2e49f35",
		LastIP:         "10.24.8.147",
		LastExternalIP: "198.51.100.24",
		FirstSeen:      at(t, want["firstSeen"]),
		LastSeen:       at(t, want["lastSeen"]),
	})
	addresses := want["ipAddresses"].([]any)
	want["ipAddresses"] = []any{addresses[0], addresses[2]} // one address and the loopback are enough
	if diff := cmp.Diff(want, tn.get("/api/machines/"+laptop).body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	listed := tn.get("/api/machines").list()[0]
	delete(want, "@odata.context")
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("in a list (-want +got):\n%s", diff)
	}
}

func at(t testing.TB, text any) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, text.(string))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// sampleAlert is the sample alert as the tenant holds it.
func sampleAlert(t testing.TB) Alert {
	evidence := at(t, "2025-11-18T09:42:03.11Z")
	return Alert{
		ID:                 "da638994417204415533_-1184209733",
		IncidentID:         48213,
		InvestigationID:    90217,
		Severity:           "High",
		Status:             "New",
		InvestigationState: "Running",
		DetectionSource:    "WindowsDefenderAtp",
		DetectorID:         "6d3a2b10-97c4-4f58-8e21-b05f3c9d7a64",
		Category:           "Execution",
		Title:              "Office application started an encoded script host",
		Description: "A document opened on this device launched a script interpreter with an obfuscated " +
			"argument list and then wrote a library to a user-writable folder.",
		Created:         at(t, "2025-11-18T09:42:00.4415533Z"),
		FirstEvent:      at(t, "2025-11-18T09:38:51.2240913Z"),
		LastEvent:       at(t, "2025-11-18T09:40:12.9034417Z"),
		Updated:         at(t, "2025-11-18T09:44:31.5866667Z"),
		MachineID:       laptop,
		MitreTechniques: []string{"T1059.001", "T1204.002", "T1547.001"},
		RelatedUser:     User{"pat.lindqvist", "CONTOSO"},
		Comments: []Comment{{
			"Picked up by automated triage", "secops-bot@contoso.com", at(t, "2025-11-18T09:44:31.51Z"),
		}},
		Evidence: []Evidence{
			{
				Kind:        "User",
				Created:     evidence,
				AccountName: "pat.lindqvist",
				DomainName:  "CONTOSO",
				UserSID:     "S-1-5-21-3390418827-2209117463-918273645-4127",
				AADUserID:   "c2a1f0d4-5b7e-4d0a-9c3f-61e8b2a7d905",
				UPN:         "pat.lindqvist@contoso.com",
			},
			{
				Kind:            "Process",
				Created:         at(t, "2025-11-18T09:42:03.1566667Z"),
				SHA1:            "9b1d6f2c4e8a7035b6c9d2e1f4a3870615c2b9ae",
				SHA256:          "1f0c3a9e7b5d2486f0a1c3e5b7d9f1a3c5e7091b2d4f6a8c0e1b3d5f7a9c1e3b",
				FileName:        "powershell.exe",
				FilePath:        `C:\Windows\System32\WindowsPowerShell\v1.0`,
				ProcessID:       7716,
				CommandLine:     "powershell.exe -nop -w hidden -enc SQBFAFgA",
				ProcessCreated:  at(t, "2025-11-18T09:38:51.2240913Z"),
				ParentProcessID: 5208,
				ParentCreated:   at(t, "2025-11-18T09:38:49.0071128Z"),
				ParentFileName:  "winword.exe",
				ParentFilePath:  `C:\Program Files\Microsoft Office\root\Office16`,
				DetectionStatus: "Detected",
			},
			{
				Kind:            "File",
				Created:         evidence,
				SHA1:            "5e0d1c9b8a7f6e5d4c3b2a190817263544536271",
				SHA256:          "8c7b6a594837261504f3e2d1c0bfae9d8c7b6a594837261504f3e2d1c0bfae9d",
				FileName:        "invoice_1107.dll",
				FilePath:        `C:\Users\pat.lindqvist\AppData\Local\Temp`,
				DetectionStatus: "Prevented",
			},
			{Kind: "Ip", Created: evidence, IPAddress: "203.0.113.77"},
			{Kind: "Url", Created: evidence, URL: "http://updates.fabrikam-cdn.example/stage2"},
		},
	}
}

func TestAlertsReadLikeTheSample(t *testing.T) {
	t.Parallel()
	want := fixture(t, "alert_extra_fields.json")
	a := sampleAlert(t)
	for _, raw := range want["evidence"].([]any)[len(a.Evidence):] {
		e := raw.(map[string]any)
		text := func(name string) string { s, _ := e[name].(string); return s }
		a.Evidence = append(a.Evidence, Evidence{
			Kind:              text("entityType"),
			Created:           at(t, e["evidenceCreationTime"]),
			RegistryKey:       text("registryKey"),
			RegistryHive:      text("registryHive"),
			RegistryValueType: text("registryValueType"),
			RegistryValue:     text("registryValue"),
			DetectionStatus:   text("detectionStatus"),
		})
	}
	tn := open(t, Options{})
	tn.AddAlert(a, time.Time{})
	if diff := cmp.Diff(want, tn.get("/api/alerts/"+a.ID).body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	delete(want, "@odata.context")
	if diff := cmp.Diff(want, tn.get("/api/alerts?$expand=evidence").list()[0]); diff != "" {
		t.Errorf("expanded (-want +got):\n%s", diff)
	}
	want["evidence"] = []any{}
	if diff := cmp.Diff(want, tn.get("/api/alerts").list()[0]); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fixture(t, "alert_list_empty.json"), tn.get("/api/alerts?$skip=1").body); diff != "" {
		t.Errorf("empty list (-want +got):\n%s", diff)
	}
}

func TestMachineActionsReadLikeTheSamples(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]any{}
	for _, state := range []string{"pending", "succeeded", "cancelled", "unisolate"} {
		want[state] = fixture(t, "machineaction_"+state+".json")
	}
	tn := open(t,
		Options{Verify: verifier(map[string]Claims{"app": {
			AppID: app,
			Roles: []string{"Machine.Isolate", "Machine.Read.All"},
		}})})
	pending := tn.ask("POST", "/api/machines/"+laptop+"/isolate", body(t, want["pending"]))
	sameAction(t, want["pending"], pending.body, "lastUpdateDateTimeUtc")
	tn.clock.pass(time.Minute)
	sameAction(t, want["succeeded"], tn.get("/api/machineactions/"+pending.text("id")).body, "lastUpdateDateTimeUtc")
	release, err := tn.PortalRelease(laptop, "robin.osei@contoso.com", "Clean, releasing")
	if err != nil {
		t.Fatal(err)
	}
	tn.clock.pass(time.Minute)
	sameAction(t, want["unisolate"], tn.get("/api/machineactions/"+release.ID).body, "creationDateTimeUtc",
		"lastUpdateDateTimeUtc")
	again := tn.ask("POST", "/api/machines/"+laptop+"/isolate", body(t, want["cancelled"]))
	cancelled := tn.ask("POST", "/api/machineactions/"+again.text("id")+"/cancel",
		`{"Comment":"Cancelled by playbook rollback"}`)
	sameAction(t, want["cancelled"], cancelled.body, "creationDateTimeUtc", "lastUpdateDateTimeUtc",
		"cancellationDateTimeUtc")
}

// body is the request that leads to a sample.
func body(t *testing.T, sample map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"Comment": sample["requestorComment"], "IsolationType": sample["scope"]})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// sameAction holds an action against a sample: all but its id and the named times, which must be there.
func sameAction(t *testing.T, want, got map[string]any, times ...string) {
	t.Helper()
	want, got = maps.Clone(want), maps.Clone(got)
	for _, name := range append(times, "id") {
		if text, _ := got[name].(string); text == "" {
			t.Errorf("%s is %v", name, got[name])
		}
		delete(want, name)
		delete(got, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
