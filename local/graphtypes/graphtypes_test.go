package graphtypes_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/graph"
	"cordon/handler/graph/alerts"
	"cordon/handler/playbook/facts"
	"cordon/local/alertsim"
	"cordon/local/defendersim"
	"cordon/local/graphtypes"
)

func TestWhatIsOfAnotherTypeIsSeen(t *testing.T) {
	t.Parallel()
	const alert, device = "SecurityNamespace.Alert", `{"@odata.type":"#microsoft.graph.security.deviceEvidence",`
	wrong := map[string]graphtypes.Case{
		"another spelling":  {alert, []byte(`{"status":"New"}`)},
		"an unknown member": {alert, []byte(`{"statuses":"new"}`)},
		"a number":          {alert, []byte(`{"incidentId":48213}`)},
		"no null there":     {alert, []byte(`{"severity":null}`)},
		"evidence of no kind": {
			alert, []byte(`{"evidence":[{"@odata.type":"#microsoft.graph.security.xEvidence"}]}`),
		},
		"evidence misspelt":     {alert, []byte(`{"evidence":[` + device + `"mdeDeviceID":"x"}]}`)},
		"evidence deeper down":  {alert, []byte(`{"evidence":[` + device + `"loggedOnUsers":[{"name":"x"}]}]}`)},
		"not the vendor's type": {alert, []byte(`{"evidence":[{"@odata.type":"x"}]}`)},
		"an unknown type":       {"SecurityNamespace.Alerts", []byte(`{}`)},
		"no list":               {alert + "[]", []byte(`{}`)},
		"one of a list":         {alert + "[]", []byte(`{"value":[{},{"title":1}]}`)},
	}
	right := graphtypes.Case{
		Type: alert,
		JSON: []byte(`{"status":"new","evidence":[` + device + `"mdeDeviceId":"x"}]}`),
	}
	names, cases := []string{"right"}, []graphtypes.Case{right}
	for name, one := range wrong {
		names, cases = append(names, name), append(cases, one)
	}
	for i, problems := range graphtypes.Judge(t, cases...) {
		if (len(problems) == 0) != (names[i] == "right") {
			t.Errorf("%s: %q", names[i], problems)
		}
	}
}

// judge fails the test for what is not of its type.
func judge(t *testing.T, cases map[string]graphtypes.Case) {
	t.Helper()
	var names []string
	var all []graphtypes.Case
	for name, one := range cases {
		names, all = append(names, name), append(all, one)
	}
	for i, problems := range graphtypes.Judge(t, all...) {
		for _, problem := range problems {
			t.Errorf("%s: %s", names[i], problem)
		}
	}
}

// TestFilesAreOfTheirTypes holds the samples that tests rest on.
func TestFilesAreOfTheirTypes(t *testing.T) {
	t.Parallel()
	cases := map[string]graphtypes.Case{}
	for _, file := range []struct{ path, is string }{
		{"../alertsim/testdata/graph_alert.json", "SecurityNamespace.Alert"},
		{"../alertsim/testdata/graph_alerts_page.json", "SecurityNamespace.Alert[]"},
		{"../../handler/graph/testdata/hunting_graph_result.json", "SecurityNamespace.HuntingQueryResults"},
	} {
		body, err := os.ReadFile(file.path)
		if err != nil {
			t.Fatal(err)
		}
		cases[file.path] = graphtypes.Case{Type: file.is, JSON: body}
	}
	judge(t, cases)
}

// everything is a stand-in with every kind of evidence and every product.
func everything() *alertsim.Sim {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	defender := defendersim.New(defendersim.Options{Now: clock})
	for _, m := range []defendersim.Machine{
		{ID: "m1", Name: "fin-lt-0147.corp.contoso.com", Tags: []string{"VIP"}, OSBuild: 22631, Risk: "High"},
		{ID: "m2", OS: "Ubuntu", Health: "NoSensorDataImpairedCommunication", Onboarding: "CanBeOnboarded"},
	} {
		defender.AddMachine(m)
	}
	defender.AddAlert(defendersim.Alert{
		ID: "a", MachineID: "m1", IncidentID: 7, Severity: "High", Classification: "TruePositive",
		Determination: "InsufficientData", DetectionSource: "WindowsDefenderAv", InvestigationState: "Running",
		RelatedUser: defendersim.User{Name: "pat", Domain: "CONTOSO"}, MitreTechniques: []string{"T1059"},
		Evidence: []defendersim.Evidence{
			{Kind: "File", FileName: "x", SHA1: "y", DetectionStatus: "Blocked"},
			{Kind: "Process", ProcessID: 1, CommandLine: "x", ProcessCreated: now, ParentFileName: "p", UPN: "pat"},
			{Kind: "User", AccountName: "pat", UserSID: "S-1"},
			{Kind: "Ip", IPAddress: "203.0.113.77"},
			{Kind: "Url", URL: "http://x.example"},
			{Kind: "Registry", RegistryKey: "Run"},
			{Kind: "Registry", RegistryKey: "Run", RegistryValue: "v", RegistryValueType: "String"},
		},
	}, now)
	defender.AddAlert(defendersim.Alert{ID: "b", MachineID: "m2"}, now)
	defender.AddAlert(defendersim.Alert{ID: "c", MachineID: "gone"}, now)
	defender.AddAlert(defendersim.Alert{ID: "d"}, now)
	sim := alertsim.New(alertsim.Options{Now: clock, Tenant: defender})
	for _, product := range []string{alertsim.Identity, alertsim.CloudApps, alertsim.Mail} {
		sim.AddAlert(alertsim.Alert{ServiceSource: product}, now)
	}
	return sim
}

func TestTheStandInAnswersInTheVendorsTypes(t *testing.T) {
	t.Parallel()
	sim, cases := everything(), map[string]graphtypes.Case{}
	ask := func(is, method, path, body string, newer bool) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, "/v1.0/security/alerts_v2"+path,
			strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if newer {
			r.Header.Set("Prefer", "include-unknown-enum-members")
		}
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		cases[fmt.Sprintf("%s %s, newer members %t", method, path, newer)] = graphtypes.Case{
			Type: is,
			JSON: w.Body.Bytes(),
		}
	}
	for _, newer := range []bool{false, true} {
		ask("SecurityNamespace.Alert[]", http.MethodGet, "", "", newer)
		ask("SecurityNamespace.Alert", http.MethodGet, "/a", "", newer)
		ask("SecurityNamespace.Alert", http.MethodPatch, "/b", `{"status":"resolved","determination":"clean"}`, newer)
		ask("SecurityNamespace.AlertComment[]", http.MethodPost, "/c/comments",
			`{"@odata.type":"microsoft.graph.security.alertComment","comment":"x"}`, newer)
	}
	judge(t, cases)
}

// TestWhatCordonSendsIsOfTheVendorsTypes has the client make every change that a playbook can ask for.
func TestWhatCordonSendsIsOfTheVendorsTypes(t *testing.T) {
	t.Parallel()
	sim := everything()
	web := httptest.NewServer(sim)
	defer web.Close()
	base, err := url.Parse(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := alerts.New(graph.Options{Base: base, HTTP: web.Client()})
	changes := []alert.Change{{Comment: "isolated \u2028 <\"&>"}, {AssignedTo: "pat@contoso.com"}}
	for _, status := range []alert.Status{alert.StatusNew, alert.StatusInProgress, alert.StatusResolved} {
		changes = append(changes, alert.Change{Status: status})
	}
	for _, classification := range facts.Classifications() {
		for _, determination := range facts.Determinations(classification) {
			changes = append(changes, alert.Change{Classification: classification, Determination: determination})
		}
	}
	for _, change := range changes {
		if _, err := client.UpdateAlert(t.Context(), "a", change); err != nil {
			t.Errorf("%+v: %v", change, err)
		}
	}
	cases := map[string]graphtypes.Case{}
	for _, call := range sim.Calls() {
		is := map[string]string{
			http.MethodPatch: "SecurityNamespace.Alert", http.MethodPost: "SecurityNamespace.AlertComment",
		}[call.Method]
		if is != "" {
			cases[call.Method+" "+call.Body] = graphtypes.Case{Type: is, JSON: []byte(call.Body)}
		}
	}
	if len(cases) < len(changes)-2 { // two determinations have two spellings at Defender and one at Graph
		t.Errorf("%d changes were sent as %d", len(changes), len(cases))
	}
	judge(t, cases)
}
