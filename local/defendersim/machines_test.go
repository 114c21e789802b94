package defendersim

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMachinesAreFoundByIDAndByName(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.AddMachine(Machine{ID: "older", Name: "hr-vm-22.corp.contoso.com", LastSeen: start().Add(-time.Hour)})
	for asked, want := range map[string]string{
		laptop:                         laptop,
		"FIN-LT-0147.corp.contoso.com": laptop,
		"hr-vm-22.corp.contoso.com":    server,
		"older":                        "older",
	} {
		if got := tn.get("/api/machines/" + asked).text("id"); got != want {
			t.Errorf("%s is %s, want %s", asked, got, want)
		}
	}
	for _, asked := range []string{"fin-lt-014", "fin-lt-0147", "none", "%2e%2e"} {
		tn.want(tn.get("/api/machines/"+asked), 404, "ResourceNotFound")
	}
	// Only ids are acted on.
	tn.want(tn.isolateNow("fin-lt-0147.corp.contoso.com"), 404, "ResourceNotFound")
}

func TestNoMachinesIsNotFoundIfAskedFor(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	if got := tn.want(tn.filter("/api/machines", "healthStatus eq 'Inactive'"), 200, "").ids(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	tn = open(t, Options{NotFoundWhenEmpty: true})
	tn.want(tn.filter("/api/machines", "healthStatus eq 'Inactive'"), 404, "NotFound")
	tn.want(tn.filter("/api/machines", "healthState eq 'Inactive'"), 400, "ODataError")
	tn.want(tn.get("/api/machines?$skip=3"), 200, "")
	tn.want(tn.get("/api/alerts"), 200, "")
}

func TestMachinesAreFilledInAndReplacedByID(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.AddMachine(Machine{ID: server, Offline: true})
	tn.AddMachine(Machine{Name: "new.corp.contoso.com", Group: "Tier0", Tags: []string{"x"}})
	all := tn.Machines()
	var ids []string
	for _, m := range all {
		ids = append(ids, m.ID)
	}
	if diff := cmp.Diff([]string{laptop, server, mac, all[3].ID}, ids); diff != "" || len(all[3].ID) != 40 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	body := tn.get("/api/machines/" + server).body
	if body["computerDnsName"] != nil || body["rbacGroupName"] != nil || body["rbacGroupId"] != 0.0 ||
		body["deviceValue"] != "Normal" || len(body["machineTags"].([]any)) != 0 {
		t.Errorf("a bare machine reads %v", body)
	}
}

func TestUnknownPathsAreNotFoundAndRecorded(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	for _, path := range []string{
		"/", "/api", "/api/", "/api/Alerts", "/api/alerts/", "/api/alerts/a/b", "/api/machines/" + laptop + "/offboard",
		"/api/v1.1/alerts", "/api//alerts",
	} {
		tn.want(tn.get(path), 404, "NotFound")
	}
	tn.want(tn.ask("DELETE", "/api/alerts", ""), 404, "NotFound")
	tn.want(tn.ask("POST", "/api/alerts/%2F/x", ""), 404, "NotFound")
	if n := tn.CountCalls(func(c Call) bool { return c.Endpoint == "" && c.Status == 404 }); n != 11 {
		t.Errorf("%d unknown calls on record, want 11", n)
	}
}
