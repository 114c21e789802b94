package alertsim

import (
	"strings"
	"testing"
	"time"

	"cordon/local/defendersim"
)

// TestGraphCanLagBehindDefender shows every state of an alert so long after it came.
func TestGraphCanLagBehindDefender(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Lag: time.Minute})
	tn.raise("a")
	own := tn.AddAlert(Alert{Severity: "low"}, time.Time{})
	change := func(severity string) {
		t.Helper()
		if err := tn.defender.UpdateAlert("a", func(a *defendersim.Alert) { a.Severity = severity }); err != nil {
			t.Fatal(err)
		}
		if err := tn.UpdateAlert(own, func(a *Alert) { a.Severity = strings.ToLower(severity) }); err != nil {
			t.Fatal(err)
		}
	}
	see := func(want string) {
		t.Helper()
		for _, id := range []string{"a", own} {
			got := tn.get("/" + id)
			listed := tn.get("", "$filter", "lastUpdateDateTime ge 2025-11-18T09:45:30Z").ids()
			if got.text("severity")+" "+got.text("lastUpdateDateTime") != want {
				t.Errorf("%s at %s: %s %s, want %s", id, tn.clock.now(), got.text("severity"),
					got.text("lastUpdateDateTime"), want)
			}
			if fresh := strings.Contains(listed,
				id); fresh != (got.text("lastUpdateDateTime") > "2025-11-18T09:45:30Z") {
				t.Errorf("%s is listed as changed: %t", id, fresh)
			}
		}
	}
	see(" ")
	tn.clock.pass(30 * time.Second)
	change("Medium")
	tn.clock.pass(15 * time.Second)
	see(" ")
	tn.clock.pass(15 * time.Second)
	if got := tn.get("/a").text("severity"); got != "high" {
		t.Errorf("a minute later the alert is %q", got)
	}
	tn.clock.pass(15 * time.Second)
	change("Low")
	tn.clock.pass(15 * time.Second)
	see("medium 2025-11-18T09:45:32.1180934Z")
	tn.clock.pass(time.Minute)
	see("low 2025-11-18T09:46:17.1180934Z")
	tn.SetLag(0)
	change("High")
	see("high 2025-11-18T09:47:32.1180934Z")
	tn.SetLag(time.Second)
	see("low 2025-11-18T09:46:17.1180934Z")
}

func TestDefenderCanLagBehindGraph(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.raise("a")
	tn.clock.pass(time.Minute)
	tn.defender.SetLag(30 * time.Second)
	tn.want(tn.ask("PATCH", base+"/a", `{"status":"inProgress"}`), 200, "")
	if got := tn.get("/a").text("status"); got != "inProgress" {
		t.Errorf("Graph has %s", got)
	}
	if got := tn.ofDefender("/api/alerts/a"); !strings.Contains(got, `"status":"New"`) {
		t.Errorf("Defender has %s", got)
	}
	tn.clock.pass(30 * time.Second)
	if got := tn.ofDefender("/api/alerts"); !strings.Contains(got, `"status":"InProgress"`) {
		t.Errorf("half a minute later Defender has %s", got)
	}
}

func TestAChangeIsOneOfTheAlertAsItIs(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.raise("a")
	tn.clock.pass(time.Minute)
	if err := tn.defender.UpdateAlert("a", func(a *defendersim.Alert) { a.Severity = "Low" }); err != nil {
		t.Fatal(err)
	}
	tn.SetLag(30 * time.Second)
	if got := tn.want(tn.ask("PATCH", base+"/a", `{"status":"resolved"}`), 200, ""); got.text("severity") != "low" {
		t.Errorf("answered %v", got.body)
	}
	if got := tn.get("/a"); got.text("status") != "new" || got.text("severity") != "high" {
		t.Errorf("shown %v", got.body)
	}
}

func TestAnAlertCanBeLostToOneOfTheTwo(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{GraphID: func(id string) string { return "g-" + id }})
	for _, id := range []string{"a", "b", "c"} {
		tn.raise(id)
	}
	own := tn.AddAlert(Alert{}, time.Time{})
	tn.HideAlert("a", true)
	tn.HideAlert(own, true)
	tn.defender.HideAlert("b", true)
	if got := tn.get("").ids(); got != "g-b g-c" {
		t.Errorf("Graph lists %s", got)
	}
	tn.want(tn.get("/g-a"), 404, "ResourceNotFound")
	tn.want(tn.get("/"+own), 404, "ResourceNotFound")
	got := tn.ofDefender("/api/alerts")
	if !strings.Contains(got, `"id":"a"`) || strings.Contains(got, `"id":"b"`) || !strings.Contains(got, `"id":"c"`) {
		t.Errorf("Defender lists %s", got)
	}
	if got := tn.ofDefender("/api/alerts/b"); !strings.Contains(got, "ResourceNotFound") {
		t.Errorf("Defender shows %s", got)
	}
	tn.HideAlert("a", false)
	tn.defender.HideAlert("b", false)
	tn.want(tn.get("/g-a"), 200, "")
	if got := tn.ofDefender("/api/alerts/b"); !strings.Contains(got, `"id":"b"`) {
		t.Errorf("Defender shows %s", got)
	}
}
