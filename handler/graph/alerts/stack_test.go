package alerts_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/graph"
	"cordon/handler/graph/alerts"
	"cordon/handler/httpretry"
	"cordon/local/alertsim"
	"cordon/local/defendersim"
)

// both are the clients of both sources over one tenant that has one alert.
func both(t *testing.T, o alertsim.Options) (*defender.Client, *alerts.Client) {
	t.Helper()
	now := func() time.Time { return from.Add(time.Hour) }
	tenant := defendersim.New(defendersim.Options{Now: now})
	tenant.AddMachine(defendersim.Machine{ID: machineID, Name: "fin-lt-0147.corp.contoso.com", OS: "Windows11"})
	tenant.AddAlert(defendersim.Alert{
		ID:              alertID,
		IncidentID:      48213,
		MachineID:       machineID,
		Severity:        "UnSpecified",
		Status:          "InProgress",
		Classification:  "TruePositive",
		Determination:   "CompromisedUser",
		DetectionSource: "WindowsDefenderAv",
		Updated:         from.Add(time.Minute),
		Evidence: []defendersim.Evidence{
			{Kind: "File", SHA1: "AB", FileName: "a.exe", FilePath: `C:\Temp`, DetectionStatus: "Blocked"},
			{
				Kind:            "Process",
				SHA256:          "cd",
				FileName:        "b.exe",
				FilePath:        `C:\`,
				ProcessID:       7,
				CommandLine:     "b -x",
				ParentProcessID: 5,
				ParentFileName:  "c.exe",
				ParentFilePath:  `D:\`,
				DetectionStatus: "Detected",
			},
			{
				Kind:        "User",
				AccountName: "pat",
				DomainName:  "CONTOSO",
				UserSID:     "S-1",
				AADUserID:   "c2",
				UPN:         "p@contoso.com",
			},
			{Kind: "Ip", IPAddress: "203.0.113.77"},
			{Kind: "Url", URL: "http://fabrikam.example/A"},
			{
				Kind:              "Registry",
				RegistryKey:       "Run",
				RegistryHive:      "HKLM",
				RegistryValueType: "String",
				RegistryValue:     "v",
			},
		},
	}, from)
	o.Tenant, o.Now = tenant, now
	address := func(h http.Handler) (*url.URL, *http.Client) {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		base, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		transport := httpretry.New(httpretry.Options{Base: server.Client().Transport, Budget: graph.Budget})
		return base, &http.Client{Transport: transport}
	}
	base, client := address(tenant.Handler())
	other, otherClient := address(alertsim.New(o))
	return defender.New(defender.Options{Base: base, HTTP: client}), alerts.New(graph.Options{
		Base: other,
		HTTP: otherClient,
	})
}

func TestBothSourcesTellTheSameOfOneAlert(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]alertsim.Options{
		"as the page has it":    {},
		"older determinations":  {OlderDeterminations: true},
		"ids of its own":        {GraphID: func(id string) string { return "g" + id }},
		"without Defender's id": {NoProviderID: true},
	} {
		theirs, graphs := both(t, o)
		was, err := theirs.Alert(t.Context(), alertID)
		if err != nil {
			t.Fatal(err)
		}
		var got []alert.Alert
		page, err := graphs.AlertPage(t.Context(), window, func(a alert.Alert) error {
			got = append(got, a)
			return nil
		})
		if err != nil || len(got) != 1 || page.Count != 1 || page.More || page.Date.IsZero() {
			t.Fatalf("%s: %d alerts, %+v, %v", name, len(got), page, err)
		}
		if got[0].ID != alertID || alert.SharedHash(got[0]) != alert.SharedHash(was) {
			t.Errorf("%s:\nDefender %+v\nGraph    %+v", name, was, got[0])
		}
		one, err := graphs.Alert(t.Context(), got[0].GraphID)
		if err != nil || len(one) != 1 || alert.DecisionHash(one[0]) != alert.DecisionHash(got[0]) {
			t.Errorf("%s: one alert is told as %+v, %v", name, one, err)
		}
	}
}

func TestWhatIsWrittenAtGraphIsReadAtDefender(t *testing.T) {
	t.Parallel()
	theirs, graphs := both(t, alertsim.Options{})
	asked := alert.Change{
		Status:         alert.StatusResolved,
		AssignedTo:     "soc@contoso.com",
		Classification: "FalsePositive",
		Determination:  "NotMalicious",
		Comment:        "[cordon x:v1] seen",
	}
	is, err := graphs.UpdateAlert(t.Context(), alertID, asked)
	if err != nil || len(is) != 1 || is[0].MachineID != machineID {
		t.Fatalf("%+v, %v", is, err)
	}
	asked.Comment = ""
	was, err := theirs.Alert(t.Context(), alertID)
	if err != nil || !asked.Left(was).IsZero() || alert.SharedHash(was) != alert.SharedHash(is[0]) {
		t.Errorf("Defender %+v\nGraph %+v, %v", was, is[0], err)
	}
	comments, err := graphs.AlertComments(t.Context(), alertID)
	if err != nil || !slices.Equal(comments, []string{"[cordon x:v1] seen"}) {
		t.Errorf("%q, %v", comments, err)
	}
}

func TestAllRequestsAboutAlertsShareABudget(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"GET /v1.0/security/alerts_v2?$top=1":      150,
		"GET /v1.0/security/alerts_v2/x":           150,
		"PATCH /graph/v1.0/security/alerts_v2/x":   150,
		"POST /v1.0/security/alerts_v2/x/comments": 150,
		"GET /v1.0/security/incidents":             0,
	} {
		method, path, _ := strings.Cut(line, " ")
		key, perMinute := graph.Budget(httptest.NewRequest(method, path, nil))
		if perMinute != want || (key == "/v1.0/security/alerts_v2") != (want != 0) {
			t.Errorf("%s: %q, %d", line, key, perMinute)
		}
	}
}
