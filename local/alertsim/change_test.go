package alertsim

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/local/defendersim"
)

func TestAnUpdateReachesTheTenant(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Verify: verifier(map[string]Claims{
		"app": {AppID: app, Roles: []string{"SecurityAlert.ReadWrite.All"}},
	})})
	tn.raise("a")
	tn.clock.pass(time.Minute)
	got := tn.want(tn.ask("PATCH", base+"/a", `{"@odata.type":"#microsoft.graph.security.alert","status":"resolved",`+
		`"classification":"truePositive","determination":"compromisedAccount","assignedTo":"pat@contoso.com"}`), 200,
		"")
	later := start().Add(time.Minute)
	if got.text("status") != "resolved" || got.text("classification") != "truePositive" ||
		got.text("determination") != "compromisedAccount" || got.text("assignedTo") != "pat@contoso.com" ||
		got.text("lastUpdateDateTime") != moment(later) || got.text("resolvedDateTime") != moment(later) {
		t.Errorf("answered %v", got.body)
	}
	is := tn.defender.Alerts()[0]
	if is.Status != "Resolved" || is.Classification != "TruePositive" || is.Determination != "CompromisedUser" ||
		is.AssignedTo != "pat@contoso.com" || !is.Updated.Equal(later) || !is.Resolved.Equal(later) {
		t.Errorf("the tenant has %+v", is)
	}
	got = tn.want(tn.ask("PATCH", base+"/a",
		`{"status":"inProgress","classification":"unknown","determination":"clean","assignedTo":null}`), 200, "")
	is = tn.defender.Alerts()[0]
	if is.Status != "InProgress" || is.Classification != "" || is.Determination != "Clean" || is.AssignedTo != "" ||
		!is.Resolved.IsZero() || got.body["assignedTo"] != nil ||
		got.body["classification"] != nil {
		t.Errorf("the tenant has %+v, answered %v", is, got.body)
	}
}

func TestACommentIsAddedToThoseThatAreThere(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Verify: verifier(map[string]Claims{
		"app": {AppID: app, Roles: []string{"SecurityAlert.ReadWrite.All"}},
	})})
	tn.defender.AddAlert(twin(t), start())
	tn.clock.pass(time.Minute)
	path := base + "/" + sample + "/comments"
	got := tn.want(tn.ask("POST", path,
		`{"@odata.type":"microsoft.graph.security.alertComment","comment":"isolated"}`), 200, "")
	want := map[string]any{
		"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#security/alerts_v2('" + sample + "')/comments",
		"value": []any{
			map[string]any{
				"@odata.type": "#microsoft.graph.security.alertComment", "comment": "Picked up by automated triage",
				"createdByDisplayName": "secops-bot", "createdDateTime": "2025-11-18T09:44:31.51Z",
			},
			map[string]any{
				"@odata.type": "#microsoft.graph.security.alertComment", "comment": "isolated",
				"createdByDisplayName": app, "createdDateTime": "2025-11-18T09:46:02.1180934Z",
			},
		},
	}
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	is := tn.defender.Alerts()[0]
	if len(is.Comments) != 2 || is.Comments[1].Text != "isolated" || !is.Updated.Equal(start().Add(time.Minute)) {
		t.Errorf("the tenant has %+v", is)
	}
	if calls := tn.Calls(); len(calls) != 1 || calls[0].Endpoint != "POST "+base+"/{id}/comments" ||
		calls[0].AppID != app || calls[0].Status != 200 || calls[0].Body == "" {
		t.Errorf("calls %+v", calls)
	}
}

func TestAnAlertOfGraphsOwnIsChangedHere(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	id := tn.AddAlert(Alert{Status: "new"}, time.Time{})
	tn.clock.pass(time.Minute)
	got := tn.want(tn.ask("PATCH", base+"/"+id, `{"status":"resolved","determination":"notMalicious"}`), 200, "")
	if got.text("status") != "resolved" || got.text("determination") != "notMalicious" ||
		got.text("resolvedDateTime") != moment(start().Add(time.Minute)) {
		t.Errorf("%v", got.body)
	}
	tn.want(tn.ask("POST", base+"/"+id+"/comments",
		`{"@odata.type":"#microsoft.graph.security.alertComment","comment":"x"}`), 200, "")
	if got = tn.get("/" + id); len(got.body["comments"].([]any)) != 1 {
		t.Errorf("%v", got.body)
	}
	before := tn.Alerts()[0].Updated
	if err := tn.UpdateAlert(id, func(a *Alert) { a.Severity = "high" }); err != nil {
		t.Fatal(err)
	}
	if is := tn.Alerts()[0]; is.Severity != "high" || !is.Updated.After(before) {
		t.Errorf("%+v", is)
	}
	tn.raise("a")
	if err := tn.UpdateAlert("a", func(*Alert) {}); err == nil {
		t.Error("an alert of the tenant was changed here")
	}
}

func TestAChangeThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.raise("a")
	before := tn.defender.Alerts()
	for _, body := range []string{
		`{}`, `null`, `[]`, `{`, `"x"`, `{"status":"New"}`, `{"status":"unknown"}`, `{"status":null}`, `{"status":1}`,
		`{"Status":"new"}`, `{"comment":"x"}`, `{"severity":"low"}`, `{"status":"new","comments":[]}`,
		`{"classification":"TruePositive"}`, `{"determination":"x"}`, `{"determination":""}`, `{"assignedTo":["x"]}`,
		`{"id":"b","status":"new"}`, `{"@odata.type":"x"}`,
	} {
		tn.want(tn.ask("PATCH", base+"/a", body), 400, "BadRequest")
	}
	for _, body := range []string{
		`{}`, `{"comment":"x"}`, `{"@odata.type":"microsoft.graph.security.alertComment"}`, `{`,
		`{"@odata.type":"microsoft.graph.security.alertComment","comment":""}`,
		`{"@odata.type":"microsoft.graph.security.alertComment","comment":7}`,
		`{"@odata.type":"microsoft.graph.alertComment","comment":"x"}`,
		`{"@odata.type":"microsoft.graph.security.alertComment","comment":"x","createdByDisplayName":"y"}`,
		`[{"@odata.type":"microsoft.graph.security.alertComment","comment":"x"}]`,
	} {
		tn.want(tn.ask("POST", base+"/a/comments", body), 400, "BadRequest")
	}
	tn.want(tn.ask("PATCH", base+"/a", ""), 415, "UnsupportedMediaType")
	tn.want(tn.ask("PATCH", base+"/b", `{"status":"new"}`), 404, "ResourceNotFound")
	tn.want(tn.ask("POST", base+"/b/comments",
		`{"@odata.type":"microsoft.graph.security.alertComment","comment":"x"}`), 404, "ResourceNotFound")
	if diff := cmp.Diff(before, tn.defender.Alerts()); diff != "" {
		t.Errorf("something changed (-before +after):\n%s", diff)
	}
}

func TestDefendersDeterminationsAllHaveAWordInGraph(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.raise("a")
	for _, determination := range []string{
		"MultiStagedAttack", "MaliciousUserActivity", "CompromisedUser", "Malware", "Phishing", "UnwantedSoftware",
		"Other",
		"SecurityTesting", "LineOfBusinessApplication", "ConfirmedUserActivity", "Clean", "InsufficientData",
	} {
		if err := tn.defender.UpdateAlert("a", func(a *defendersim.Alert) {
			a.Determination = determination
		}); err != nil {
			t.Fatal(err)
		}
		shown := tn.get("/a").text("determination")
		tn.want(tn.ask("PATCH", base+"/a", `{"determination":"`+shown+`"}`), 200, "")
		if is := tn.defender.Alerts()[0].Determination; is != determination {
			t.Errorf("%s is shown as %s, which is %s", determination, shown, is)
		}
	}
}
