package alertsim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/graph"
	"cordon/handler/graph/alerts"
	"cordon/handler/machine"
	"cordon/local/defendersim"
)

// clients are Cordon's own: of Defender and of Graph.
func (tn *tenant) clients() (*defender.Client, *alerts.Client) {
	serve := func(h http.Handler) *url.URL {
		web := httptest.NewServer(h)
		tn.t.Cleanup(web.Close)
		base, err := url.Parse(web.URL)
		if err != nil {
			tn.t.Fatal(err)
		}
		return base
	}
	transport := &http.Transport{}
	tn.t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	return defender.New(defender.Options{Base: serve(tn.defender.Handler()), HTTP: client}),
		alerts.New(graph.Options{Base: serve(tn), HTTP: client})
}

// TestBothSourcesTellTheSameAlert reads every alert at both, with Cordon's own clients. What is left out of the
// comparison only one source has.
func TestBothSourcesTellTheSameAlert(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{PerMinute: -1})
	tn.defender.AddAlert(twin(t), start())
	variants := map[string]func(*defendersim.Alert){
		"bare": func(a *defendersim.Alert) { *a = defendersim.Alert{ID: a.ID} },
		"kinds": func(a *defendersim.Alert) {
			a.Evidence = []defendersim.Evidence{
				{
					Kind: "Process", FileName: "x.exe", SHA256: "s", ProcessID: 1, CommandLine: "x", ParentProcessID: 2,
					ParentFileName: "p.exe", ParentFilePath: `C:\p`, DetectionStatus: "Detected",
				},
				{Kind: "Ip", IPAddress: "203.0.113.77"}, {Kind: "Url", URL: "http://x.example/?a=b&c"},
				{
					Kind:              "Registry",
					RegistryHive:      "HKLM",
					RegistryKey:       "Run",
					RegistryValue:     "v",
					RegistryValueType: "String",
				},
				{Kind: "Registry", RegistryHive: "HKLM", RegistryKey: "Run"},
			}
		},
	}
	set := func(member string, change func(*defendersim.Alert, string), values ...string) {
		for _, value := range values {
			variants[member+value] = func(a *defendersim.Alert) { change(a, value) }
		}
	}
	set("severity", func(a *defendersim.Alert, to string) { a.Severity = to },
		"UnSpecified", "Informational", "Low", "Medium", "High", "Critical")
	set("status", func(a *defendersim.Alert, to string) { a.Status = to }, "Unknown", "New", "InProgress", "Resolved")
	set("classification", func(a *defendersim.Alert, to string) { a.Classification = to },
		"TruePositive", "InformationalExpectedActivity", "FalsePositive")
	set("determination", func(a *defendersim.Alert, to string) { a.Determination = to }, "MultiStagedAttack", "Malware",
		"CompromisedUser", "Clean", "InsufficientData", "ConfirmedUserActivity", "SecurityTesting")
	set("source", func(a *defendersim.Alert, to string) { a.DetectionSource = to }, "WindowsDefenderAtp",
		"WindowsDefenderAv", "WindowsDefenderSmartScreen", "CustomerTI", "CustomDetection", "AutomatedInvestigation",
		"MTP", "OfficeATP", "AzureATP", "ThreatExperts")
	for name, change := range variants {
		tn.raise("a-"+name, change)
	}
	ofDefender, ofGraph := tn.clients()
	for _, is := range tn.defender.Alerts() {
		there, err := ofDefender.Alert(t.Context(), is.ID)
		here, err2 := ofGraph.Alert(t.Context(), is.ID)
		if err != nil || err2 != nil || len(here) != 1 {
			t.Fatalf("%s: %v, %v, %d alerts", is.ID, err, err2, len(here))
		}
		if alert.SharedHash(there) != alert.SharedHash(here[0]) {
			t.Errorf("%s is news at the other source", is.ID)
		}
		there.RelatedUser, here[0].Source, here[0].GraphID = alert.User{}, "", ""
		for i := range there.Evidence { // both tell of every file whether it was stopped, only Defender of a user
			if there.Evidence[i].Kind == "User" {
				there.Evidence[i].DetectionStatus = ""
			}
		}
		if diff := cmp.Diff(there, here[0]); diff != "" {
			t.Errorf("%s (-Defender +Graph):\n%s", is.ID, diff)
		}
	}
}

// TestTheClientFindsEverythingThroughPages lists as a poll does, against every habit of pages that was seen or feared.
func TestTheClientFindsEverythingThroughPages(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"as documented": {}, "without links": {NoNextLink: true}, "in no order": {Shuffle: true},
		"short pages": {LargestPage: 40}, "other ids": {GraphID: func(id string) string { return "g-" + id }},
	} {
		tn := open(t, o)
		numbered(tn, 200)
		_, client := tn.clients()
		seen := map[string]bool{}
		w := alert.Window{From: start(), To: start().Add(time.Hour), Top: 100}
		for more := true; more; {
			page, err := client.AlertPage(t.Context(), w, func(a alert.Alert) error { seen[a.ID] = true; return nil })
			if err != nil || page.Date.IsZero() {
				t.Fatalf("%s: %v, %+v", name, err, page)
			}
			w.Skip += page.Count
			more = page.Count == w.Top || page.More
		}
		if len(seen) != 200 || !seen["a0001"] {
			t.Errorf("%s: %d alerts", name, len(seen))
		}
	}
}

func TestTheClientSeesWhatTheFaultIs(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.raise("a")
	_, client := tn.clients()
	troubles := func() string {
		read := func(err error) machine.Trouble {
			var of machine.APIError
			if !errors.As(err, &of) {
				return machine.NoTrouble
			}
			return of.Trouble()
		}
		_, err := client.Alert(context.WithoutCancel(t.Context()), "a")
		_, err2 := client.UpdateAlert(t.Context(), "a", alert.Change{Comment: "why"})
		return fmt.Sprint(read(err), read(err2))
	}
	for _, tt := range []struct {
		fault       Fault
		read, write machine.Trouble
	}{
		{Fault{}, machine.NoTrouble, machine.NoTrouble},
		{Fault{Status: 403}, machine.Denied, machine.Denied},
		{Fault{Status: 404}, machine.NotFound, machine.NotFound},
		{Fault{Status: 410}, machine.Refused, machine.Refused},
		{Fault{Status: 429, RetryAfter: time.Second}, machine.Transient, machine.Transient},
		{Fault{Status: 500}, machine.Transient, machine.UnknownFate},
		{Fault{Status: 503}, machine.Transient, machine.UnknownFate},
		{Fault{Cut: true}, machine.Transient, machine.UnknownFate},
		{Fault{LoseAnswer: true}, machine.Transient, machine.UnknownFate},
	} {
		tn.SetFault(func(*http.Request) *Fault { return &tt.fault })
		if got := troubles(); got != fmt.Sprint(tt.read, tt.write) {
			t.Errorf("%+v: %s, want %s", tt.fault, got, fmt.Sprint(tt.read, tt.write))
		}
	}
	if n := len(tn.defender.Alerts()[0].Comments); n != 3 { // the undisturbed one, and two whose answers were lost
		t.Errorf("%d comments", n)
	}
}
