package defender_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.UTC()
}

// sampleAlert is alert.json in the domain's terms.
func sampleAlert(t testing.TB) alert.Alert {
	return alert.Alert{
		ID:                 alertID,
		IncidentID:         48213,
		Severity:           alert.High,
		Status:             alert.StatusNew,
		InvestigationState: "Running",
		ServiceSource:      alert.ForEndpoint,
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
		MachineID:       machineID,
		ComputerDNSName: "fin-lt-0147.corp.contoso.com",
		RBACGroupName:   "Finance-Laptops",
		MitreTechniques: []string{"T1059.001", "T1204.002", "T1547.001"},
		RelatedUser:     alert.User{Name: "pat.lindqvist", Domain: "CONTOSO"},
		Evidence: []alert.Evidence{
			{
				Kind:        "User",
				AccountName: "pat.lindqvist",
				DomainName:  "CONTOSO",
				UserSID:     "S-1-5-21-3390418827-2209117463-918273645-4127",
				AADUserID:   "c2a1f0d4-5b7e-4d0a-9c3f-61e8b2a7d905",
				UPN:         "pat.lindqvist@contoso.com",
			},
			{
				Kind:            "Process",
				SHA1:            "9b1d6f2c4e8a7035b6c9d2e1f4a3870615c2b9ae",
				SHA256:          "1f0c3a9e7b5d2486f0a1c3e5b7d9f1a3c5e7091b2d4f6a8c0e1b3d5f7a9c1e3b",
				FileName:        "powershell.exe",
				FilePath:        `C:\Windows\System32\WindowsPowerShell\v1.0`,
				ProcessID:       7716,
				CommandLine:     "powershell.exe -nop -w hidden -enc SQBFAFgA",
				ParentProcessID: 5208,
				ParentFileName:  "winword.exe",
				ParentFilePath:  `C:\Program Files\Microsoft Office\root\Office16`,
				DetectionStatus: "Detected",
			},
			{
				Kind:            "File",
				SHA1:            "5e0d1c9b8a7f6e5d4c3b2a190817263544536271",
				SHA256:          "8c7b6a594837261504f3e2d1c0bfae9d8c7b6a594837261504f3e2d1c0bfae9d",
				FileName:        "invoice_1107.dll",
				FilePath:        `C:\Users\pat.lindqvist\AppData\Local\Temp`,
				DetectionStatus: "Prevented",
			},
			{Kind: "Ip", IPAddress: "203.0.113.77"},
			{Kind: "Url", URL: "http://updates.fabrikam-cdn.example/stage2"},
			{
				Kind:              "Registry",
				RegistryKey:       `SOFTWARE\Microsoft\Windows\CurrentVersion\Run`,
				RegistryHive:      "HKEY_LOCAL_MACHINE",
				RegistryValueType: "String",
				RegistryValue:     `rundll32 C:\Users\pat.lindqvist\AppData\Local\Temp\invoice_1107.dll,Start`,
			},
		},
	}
}

// sampleMachine is machine.json in the domain's terms.
func sampleMachine(t testing.TB) machine.Machine {
	return machine.Machine{
		ID:               machineID,
		ComputerDNSName:  "fin-lt-0147.corp.contoso.com",
		OSPlatform:       "Windows11",
		OSArchitecture:   "64-bit",
		Version:          "23H2",
		OSBuild:          22631,
		HealthStatus:     "Active",
		OnboardingStatus: "Onboarded",
		RiskScore:        "High",
		ExposureLevel:    "Medium",
		DeviceValue:      "High",
		RBACGroupName:    "Finance-Laptops",
		Tags:             []string{"Finance", "VIP"},
		AADDeviceID:      "0e9b4c71-2d5a-4f83-a6c0-7b18d2e49f35",
		LastIP:           "10.24.8.147",
		LastExternalIP:   "198.51.100.24",
		FirstSeen:        at(t, "2024-02-06T13:05:21.4419027Z"),
		LastSeen:         at(t, "2025-11-18T09:20:47.8810256Z"),
	}
}

const appID = "b71d9c3e-42a8-4e57-8f19-0c6de25a7341"

// sampleActions are the machineaction_*.json of single actions in the domain's terms.
func sampleActions(t testing.TB) map[string]machine.Action {
	isolation := "Auto-isolation: alert " + alertID + " severity High"
	return map[string]machine.Action{
		"pending": {
			ID:      "1f0b6c2e-7d43-4a98-b5e1-20c7d9f4a836",
			Type:    machine.Isolate,
			Status:  machine.Pending,
			Scope:   machine.Full,
			Comment: isolation,
			Created: at(t, "2025-11-18T09:45:02.1180934Z"),
			Updated: at(t, "2025-11-18T09:45:02.1180936Z"),
		},
		"inprogress": {
			ID:      "2a9c7d3f-8e54-4ba9-86f2-31d8e0a5b947",
			Type:    "RunAntiVirusScan",
			Status:  machine.InProgress,
			Scope:   "Quick",
			Comment: "Quick scan after isolation",
			Created: at(t, "2025-11-18T09:46:10.5520011Z"),
			Updated: at(t, "2025-11-18T09:46:41.0092217Z"),
		},
		"succeeded": {
			ID:      "3bad8e40-9f65-4cba-97a3-42e9f1b6ca58",
			Type:    machine.Isolate,
			Status:  machine.Succeeded,
			Scope:   machine.Full,
			Comment: isolation,
			Created: at(t, "2025-11-18T09:45:02.1180934Z"),
			Updated: at(t, "2025-11-18T09:45:58.7714402Z"),
		},
		"failed": {
			ID:           "4cbe9f51-a076-4dcb-a8b4-53fa02c7db69",
			Type:         "CollectInvestigationPackage",
			Status:       machine.Failed,
			Comment:      "Collect package for case 5512",
			Created:      at(t, "2025-11-18T10:02:44.90177Z"),
			Updated:      at(t, "2025-11-18T10:09:13.3140998Z"),
			ErrorHResult: -2147024784,
		},
		"timeout": {
			ID:           "5dcfa062-b187-4edc-b9c5-640b13d8ec7a",
			Type:         "RestrictCodeExecution",
			Status:       machine.TimeOut,
			Comment:      "Restrict apps, device offline",
			Created:      at(t, "2025-11-15T07:11:54.0392813Z"),
			Updated:      at(t, "2025-11-18T07:25:59.9095244Z"),
			ErrorHResult: -2145844840,
		},
		"cancelled": {
			ID:            actionID,
			Type:          machine.Isolate,
			Status:        machine.Cancelled,
			Scope:         machine.Selective,
			Comment:       isolation,
			Created:       at(t, "2025-11-18T09:45:02.1180934Z"),
			Updated:       at(t, "2025-11-18T09:52:33.9337697Z"),
			CancelledBy:   appID,
			CancelComment: "Cancelled by playbook rollback",
			ErrorHResult:  -2147467260,
		},
		"liveresponse": {
			ID:      "9203e4a6-f5cb-4c10-bd09-a84f571c20be",
			Type:    "LiveResponse",
			Status:  machine.InProgress,
			Comment: "Memory triage",
			Created: at(t, "2025-11-18T09:50:31Z"),
			Updated: at(t, "2025-11-18T09:51:02.6Z"),
		},
		"stop_and_quarantine": {
			ID:      "81f2d395-e4ba-4b0f-acf8-973e460b1fad",
			Type:    "StopAndQuarantineFile",
			Status:  machine.Pending,
			Comment: "Quarantine dropped library",
			Created: at(t, "2025-11-18T09:47:00.2Z"),
			Updated: at(t, "2025-11-18T09:47:00.2Z"),
		},
		"unisolate": {
			ID:            "70e1c284-d3a9-4afe-9be7-862d35fa0e9c",
			Type:          machine.Unisolate,
			Status:        machine.Succeeded,
			Comment:       "Clean, releasing",
			Requestor:     "robin.osei@contoso.com",
			RequestSource: "Portal",
			Created:       at(t, "2025-11-18T15:20:10.44Z"),
			Updated:       at(t, "2025-11-18T15:20:37.1093311Z"),
		},
	}
}

func sampleAction(t testing.TB, name string) machine.Action {
	a := sampleActions(t)[name]
	a.MachineID = machineID
	if a.Requestor == "" {
		a.Requestor, a.RequestSource = appID, "PublicApi"
	}
	return a
}

func TestAlertIsReadWithItsEvidence(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"alert.json", "alert_extra_fields.json"} {
		got, err := always(200, fixture(t, name)).client().Alert(t.Context(), alertID)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(sampleAlert(t), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMachineIsRead(t *testing.T) {
	t.Parallel()
	got, err := always(200, fixture(t, "machine.json")).client().Machine(t.Context(), machineID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleMachine(t), got); diff != "" {
		t.Errorf("machine (-want +got):\n%s", diff)
	}
}

func TestMachineActionsOfEveryKindAndStateAreRead(t *testing.T) {
	t.Parallel()
	for name := range sampleActions(t) {
		got, err := always(200, fixture(t, "machineaction_"+name+".json")).client().Action(t.Context(), actionID)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(sampleAction(t, name), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestActionOfTheListSampleKeepsItsTimeOfChange(t *testing.T) {
	t.Parallel()
	body := strings.ReplaceAll(fixture(t, "machineaction_list.json"), "lastUpdateDateTimeUtc", "lastUpdateTimeUtc")
	for _, body := range []string{fixture(t, "machineaction_list.json"), body} {
		got, err := always(200, body).client().CurrentActions(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]machine.Action{sampleAction(t, "succeeded"), sampleAction(t, "timeout")},
			got); diff != "" {
			t.Errorf("list (-want +got):\n%s", diff)
		}
	}
}

func TestNamesAreReadInAnyCase(t *testing.T) {
	t.Parallel()
	got, err := always(200,
		`{"ID":"m","onboardingstatus":"CanBeOnboarded","MACHINETAGS":["a"]}`).client().Machine(t.Context(), machineID)
	if diff := cmp.Diff(machine.Machine{ID: "m", OnboardingStatus: "CanBeOnboarded", Tags: []string{"a"}},
		got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestNoListOfTagsIsNotAnEmptyOneAndStaysSoOnItsWay(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"id":"m","machineTags":null}`:         nil,
		`{"id":"m"}`:                            nil,
		`{"id":"m","machineTags":{"a":"b"}}`:    nil,
		`{"id":"m","machineTags":[]}`:           {},
		`{"id":"m","machineTags":[null]}`:       {},
		`{"id":"m","machineTags":["a",null,1]}`: {"a", "1"},
		`{"id":"m","machineTags":"a"}`:          {"a"},
	} {
		got, err := always(200, body).client().Machine(t.Context(), machineID)
		if diff := cmp.Diff(want, got.Tags); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", body, err, diff)
		}
		// Machines travel as JSON, in messages and in the ledger.
		travelled, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var back machine.Machine
		if err := json.Unmarshal(travelled, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, back); diff != "" {
			t.Errorf("%s changes on its way as %s (-want +got):\n%s", body, travelled, diff)
		}
	}
}

func TestUnknownEnumValuesAreKept(t *testing.T) {
	t.Parallel()
	body := `{"id":"da1","severity":"Extreme","status":"Snoozed","classification":"Maybe","determination":"Perhaps",` +
		`"evidence":[{"entityType":"Hologram","detectionStatus":"Seen"}]}`
	got, err := always(200, body).client().Alert(t.Context(), alertID)
	want := alert.Alert{
		ID:             "da1",
		Severity:       "Extreme",
		Status:         "Snoozed",
		Classification: "Maybe",
		Determination:  "Perhaps",
		Evidence:       []alert.Evidence{{Kind: "Hologram", DetectionStatus: "Seen"}},
		ServiceSource:  alert.ForEndpoint,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("alert: %v (-want +got):\n%s", err, diff)
	}
	action, err := always(200,
		`{"id":"a","type":"Contain","status":"Queued","scope":"UnManagedDevice"}`).client().Action(t.Context(),
		actionID)
	if diff := cmp.Diff(machine.Action{ID: "a", Type: "Contain", Status: "Queued", Scope: "UnManagedDevice"},
		action); err != nil || diff != "" {
		t.Errorf("action: %v (-want +got):\n%s", err, diff)
	}
}

func TestFieldsOfAnotherTypeAreReadAsFarAsTheyGo(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]alert.Alert{
		`{"id":"x"}`: {ID: "x"},
		`{"id":7,"incidentId":"48213","title":true}`: {
			ID:         "7",
			IncidentID: 48213,
			Title:      "true",
		},
		`{"id":"x","incidentId":1.5,"title":{"a":1},"status":["New"],"machineId":null}`: {ID: "x"},
		`{"id":"x","incidentId":99999999999999999999}`:                                  {ID: "x"},
		`{"id":"x","mitreTechniques":"T1059"}`: {
			ID:              "x",
			MitreTechniques: []string{"T1059"},
		},
		`{"id":"x","mitreTechniques":["T1",null,{"t":2},["T3"],4]}`: {
			ID:              "x",
			MitreTechniques: []string{"T1", "4"},
		},
		`{"id":"x","relatedUser":"CONTOSO\\pat"}`:                                      {ID: "x"},
		`{"id":"x","relatedUser":null,"evidence":null,"mitreTechniques":null}`:         {ID: "x"},
		`{"id":"x","relatedUser":[{"userName":"p"}],"evidence":{"entityType":"File"}}`: {ID: "x"},
		`{"id":"x","evidence":[null,7,"File",[],{"entityType":"File","processId":"12"}]}`: {
			ID:       "x",
			Evidence: []alert.Evidence{{Kind: "File", ProcessID: 12}},
		},
		`{"id":"x","alertCreationTime":1763459300,"lastUpdateTime":{},"firstEventTime":"soon"}`: {ID: "x"},
		"{\"id\":\"x\",\"title\":\"a\xffb\\ud800\"}": {
			ID:    "x",
			Title: "a\ufffdb\ufffd",
		},
		`{"id":"x","title":"first","title":"second"}`: {ID: "x", Title: "second"},
	} {
		want.ServiceSource = alert.ForEndpoint
		got, err := always(200, body).client().Alert(t.Context(), alertID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", body, err, diff)
		}
	}
}

func TestTimesAreReadInEveryFormThatTheAPIWrites(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2025-11-18T09:44:31Z":              time.Date(2025, 11, 18, 9, 44, 31, 0, time.UTC),
		"2025-11-18T09:44:31.5Z":            time.Date(2025, 11, 18, 9, 44, 31, 500000000, time.UTC),
		"2025-11-18T09:44:31.58Z":           time.Date(2025, 11, 18, 9, 44, 31, 580000000, time.UTC),
		"2025-11-18T09:44:31.586Z":          time.Date(2025, 11, 18, 9, 44, 31, 586000000, time.UTC),
		"2025-11-18T09:44:31.5866Z":         time.Date(2025, 11, 18, 9, 44, 31, 586600000, time.UTC),
		"2025-11-18T09:44:31.58666Z":        time.Date(2025, 11, 18, 9, 44, 31, 586660000, time.UTC),
		"2025-11-18T09:44:31.586666Z":       time.Date(2025, 11, 18, 9, 44, 31, 586666000, time.UTC),
		"2025-11-18T09:44:31.5866667Z":      time.Date(2025, 11, 18, 9, 44, 31, 586666700, time.UTC),
		"2025-11-18T09:44:31.5866667":       time.Date(2025, 11, 18, 9, 44, 31, 586666700, time.UTC),
		"2025-11-18T10:44:31.5866667+01:00": time.Date(2025, 11, 18, 9, 44, 31, 586666700, time.UTC),
		"9999-12-31T23:59:59.9999999Z":      time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC),
		"0001-01-01T00:00:00Z":              {},
		"0000-06-01T00:00:00Z":              {},
		"0001-01-01T00:00:00+01:00":         {},
		"9999-12-31T23:59:59-01:00":         {},
		"10000-01-01T00:00:00Z":             {},
		"2025-02-30T00:00:00Z":              {},
		"":                                  {},
	} {
		got, err := always(200,
			encode(t, map[string]string{"id": "x", "lastUpdateTime": text})).client().Alert(t.Context(), alertID)
		if err != nil || !got.Updated.Equal(want) || got.Updated.Location() != time.UTC {
			t.Errorf("%q is read as %v (%v), want %v", text, got.Updated, err, want)
		}
		// The queue message and the ledger encode alerts; a time that Go refuses to write must not get that far.
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%q: the alert does not encode: %v", text, err)
		}
	}
}

func TestAnswersThatAreNoEntityAreToldApartFromEmptyOnes(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "null", "[]", `"x"`, "{}", `{"id":""}`, `{"id":null}`, `{"id":{}}`, `{"id":"x"`, "<html>",
		`{"error":{"code":"x"}}`,
	} {
		c := always(200, body).client()
		_, alertErr := c.Alert(t.Context(), alertID)
		_, machineErr := c.Machine(t.Context(), machineID)
		_, actionErr := c.Action(t.Context(), actionID)
		for _, err := range []error{alertErr, machineErr, actionErr} {
			if trouble, _ := machine.TroubleOf(err); trouble != machine.Transient ||
				!strings.Contains(err.Error(), "cannot be read") {
				t.Errorf("%q: %v (%s), want transient trouble", body, err, trouble)
			}
		}
	}
}

// anyJSON draws a JSON value of any type.
func anyJSON() *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(),
		rapid.String().AsAny(),
		rapid.SampledFrom([]string{"High", "2025-11-18T09:44:31Z", "99999-01-01T00:00:00Z", "-1", "null"}).AsAny(),
	)
	return rapid.OneOf(
		scalar, rapid.SliceOfN(scalar, 0, 3).AsAny(), rapid.MapOfN(rapid.String(), scalar, 0, 3).AsAny(),
		rapid.SliceOfN(rapid.MapOfN(rapid.SampledFrom([]string{"entityType", "userName", "id", "x"}), scalar, 0,
			2).AsAny(), 0, 3).AsAny(),
	)
}

func TestMemberOfAnyTypeCostsNoOtherMember(t *testing.T) {
	t.Parallel()
	type resource struct {
		fixture string
		read    func(a *api) (any, error)
		names   map[string]string // of the domain's JSON where they differ from the vendor's; nil: none do
	}
	ctx := t.Context()
	actionNames := map[string]string{
		"type":                  "Type",
		"status":                "Status",
		"scope":                 "Scope",
		"machineId":             "MachineID",
		"requestor":             "Requestor",
		"requestSource":         "RequestSource",
		"requestorComment":      "Comment",
		"creationDateTimeUtc":   "Created",
		"lastUpdateDateTimeUtc": "Updated",
		"cancellationRequestor": "CancelledBy",
		"cancellationComment":   "CancelComment",
		"errorHResult":          "ErrorHResult",
	}
	for _, tt := range []resource{
		{"alert.json", func(a *api) (any, error) { return a.client().Alert(ctx, alertID) }, nil},
		{"machine.json", func(a *api) (any, error) { return a.client().Machine(ctx, machineID) }, nil},
		{"machineaction_cancelled.json", func(a *api) (any, error) {
			return a.client().Action(ctx, actionID)
		}, actionNames},
	} {
		t.Run(tt.fixture, func(t *testing.T) {
			read := func(body string) map[string]any {
				got, err := tt.read(always(200, body))
				if err != nil {
					t.Fatalf("%v for %s", err, body)
				}
				return object(t, encode(t, got))
			}
			want := read(fixture(t, tt.fixture))
			rapid.Check(t, func(rt *rapid.T) {
				body := object(t, fixture(t, tt.fixture))
				names := slices.Sorted(maps.Keys(body))
				name := rapid.SampledFrom(slices.DeleteFunc(names, func(n string) bool { return n == "id" })).Draw(rt,
					"member")
				body[name] = anyJSON().Draw(rt, "value")
				got, want := read(encode(t, body)), maps.Clone(want)
				if renamed, ok := tt.names[name]; ok {
					name = renamed
				}
				delete(got, name)
				delete(want, name)
				if diff := cmp.Diff(want, got); diff != "" {
					rt.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestEvidenceMemberOfAnyTypeCostsNoOtherMember(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	rapid.Check(t, func(rt *rapid.T) {
		body := object(t, fixture(t, "alert.json"))
		evidence := body["evidence"].([]any)
		i := rapid.IntRange(0, len(evidence)-1).Draw(rt, "evidence")
		member := rapid.SampledFrom(slices.Sorted(maps.Keys(evidence[i].(map[string]any)))).Draw(rt, "member")
		evidence[i].(map[string]any)[member] = anyJSON().Draw(rt, "value")
		found, err := always(200, encode(t, body)).client().Alert(ctx, alertID)
		if err != nil {
			rt.Fatal(err)
		}
		got, want := object(t, encode(t, found)), object(t, encode(t, sampleAlert(t)))
		for _, o := range []map[string]any{got, want} {
			delete(o["evidence"].([]any)[i].(map[string]any), member)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestDeeplyNestedUnknownMembersAreSkipped(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"x":[`, 1000) + strings.Repeat(`]}`, 1000)
	got, err := always(200, fmt.Sprintf(`{"futureField":%s,"id":"da1","title":"t"}`, deep)).client().Alert(t.Context(),
		alertID)
	want := alert.Alert{ID: "da1", Title: "t", ServiceSource: alert.ForEndpoint}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestSingleReadsAskForTheEntityOnce(t *testing.T) {
	t.Parallel()
	a := &api{answer: func(*http.Request) (*http.Response, error) { return reply(200, `{"id":"x"}`), nil }}
	c := a.client()
	_, _ = c.Alert(t.Context(), alertID)
	_, _ = c.Machine(t.Context(), machineID)
	_, _ = c.Action(t.Context(), actionID)
	want := []string{
		"GET /mde/api/alerts/" + alertID, "GET /mde/api/machines/" + machineID,
		"GET /mde/api/machineactions/" + actionID,
	}
	if diff := cmp.Diff(want, a.calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for _, r := range a.asked {
		if r.URL.RawQuery != "" || r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != "" {
			t.Errorf("%s: query %q, header %v", r.URL.Path, r.URL.RawQuery, r.Header)
		}
	}
}

func TestMachineIDsHaveOneSpellingWhereverTheyComeFrom(t *testing.T) {
	t.Parallel()
	upper := strings.ToUpper(machineID)
	c := always(200, `{"id":"da1","type":"Isolate","machineId":"`+upper+`"}`).client()
	a, err := c.Alert(t.Context(), "da1")
	if err != nil || a.MachineID != machineID {
		t.Errorf("of an alert: %q, %v", a.MachineID, err)
	}
	action, err := c.Action(t.Context(), actionID)
	if err != nil || action.MachineID != machineID {
		t.Errorf("of an action: %q, %v", action.MachineID, err)
	}
	m, err := always(200, `{"id":"`+upper+`"}`).client().Machine(t.Context(), machineID)
	if err != nil || m.ID != machineID {
		t.Errorf("of a machine: %q, %v", m.ID, err)
	}
	list, err := always(200, `{"value":[{"id":"`+upper+`"}]}`).client().Machines(t.Context(), []string{upper})
	if err != nil || len(list) != 1 || list[0].ID != machineID {
		t.Errorf("of a list: %+v, %v", list, err)
	}
}
