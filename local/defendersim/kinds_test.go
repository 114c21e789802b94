package defendersim

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// bodyOf asks for an action of a kind as its page says.
func bodyOf(k actionKind) string {
	if k.scopeKey == "" {
		return `{"Comment":"why"}`
	}
	return `{"Comment":"why","` + k.scopeKey + `":"` + k.scopes[0] + `"}`
}

func (tn *tenant) actNow(machineID, name string) reply {
	tn.t.Helper()
	k, known := kindOf(name)
	if !known {
		tn.t.Fatalf("no kind %s", name)
	}
	return tn.ask("POST", "/api/machines/"+machineID+"/"+k.path, bodyOf(k))
}

func TestEveryKindOfActionRunsToItsEnd(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		tn := open(t, Options{})
		r := tn.want(tn.actNow(laptop, k.name), 201, "")
		scope := ""
		if k.scopeKey != "" {
			scope = k.scopes[0]
		}
		if r.text("type") != k.name || r.text("scope") != scope || r.text("status") != "Pending" ||
			r.text("machineId") != laptop || r.text("requestorComment") != "why" {
			t.Errorf("%s: %v", k.name, r.body)
		}
		tn.clock.pass(3 * time.Second)
		if got := tn.status(r.text("id")); got != "Succeeded" {
			t.Errorf("%s is %s", k.name, got)
		}
		tn.want(tn.ask("POST", "/api/machines/none/"+k.path, bodyOf(k)), 404, "ResourceNotFound")
		tn.want(tn.ask("POST", "/api/machines/"+laptop+"/"+k.path, strings.Replace(bodyOf(k), "Comment", "comment", 1)),
			400, "MissingRequiredParameter")
		tn.want(tn.ask("POST", "/api/machines/"+laptop+"/"+k.path, `{}`), 400, "MissingRequiredParameter")
		if k.scopeKey != "" {
			wrong := strings.Replace(bodyOf(k), k.scopes[0], "Some", 1)
			tn.want(tn.ask("POST", "/api/machines/"+laptop+"/"+k.path, wrong), 400, "InvalidInput")
		}
		if n := len(tn.Actions()); n != 1 {
			t.Errorf("%s: %d actions", k.name, n)
		}
	}
}

func TestAScanMustSayHowFarItGoes(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	code, message := tn.ask("POST", "/api/machines/"+laptop+"/runAntiVirusScan", `{"Comment":"x"}`).problem()
	if code != "MissingRequiredParameter" || message != "Parameter ScanType is missing." {
		t.Errorf("%s %q", code, message)
	}
	for body, want := range map[string]string{
		`{"Comment":"x","scanType":"Full"}`:      "InvalidRequestBody",
		`{"Comment":"x","ScanType":"Selective"}`: "InvalidInput",
	} {
		tn.want(tn.ask("POST", "/api/machines/"+laptop+"/runAntiVirusScan", body), 400, want)
	}
}

func TestASecondActionMeetsOnlyAnOpenOneOfItsType(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	first := map[string]string{}
	for _, k := range kinds() {
		first[k.name] = tn.want(tn.actNow(laptop, k.name), 201, "").text("id")
	}
	for range 2 {
		for _, k := range kinds() {
			r := tn.actNow(laptop, k.name)
			code, message := r.problem()
			switch {
			case k.always && r.Code == 201:
				t.Errorf("a second %s is accepted", k.name)
			case r.Code == 201 && r.text("id") != first[k.name]:
				t.Errorf("a second %s is answered with %v", k.name, r.body)
			case r.Code != 201 && (r.Code != 400 || code != k.busy || message != "Action is already in progress"):
				t.Errorf("a second %s is answered %d %s %q", k.name, r.Code, code, message)
			}
		}
	}
	refused := map[string]int{}
	for _, c := range tn.Calls() {
		if c.Status == 400 {
			refused[c.Endpoint]++
		}
	}
	want := map[string]int{}
	for _, k := range kinds() {
		want["POST /api/machines/{id}/"+k.path] = 1
	}
	want["POST /api/machines/{id}/collectInvestigationPackage"] = 2
	if diff := cmp.Diff(want, refused); diff != "" || len(tn.Actions()) != len(kinds()) {
		t.Errorf("%d actions, refused (-want +got):\n%s", len(tn.Actions()), diff)
	}
}

func TestIsolationAndRestrictionAreStatesOfTheirOwn(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	for i, step := range []struct {
		name                            string
		isolated, restricted, redundant bool
	}{
		{Unrestrict, false, false, true}, {Restrict, false, true, false}, {Isolate, true, true, false},
		{Scan, true, true, false}, {Collect, true, true, false},
		{Restrict, true, true, true}, {Unrestrict, true, false, false}, {Unisolate, false, false, false},
		{Restrict, false, true, false}, {Unisolate, false, true, true},
	} {
		tn.want(tn.actNow(laptop, step.name), 201, "")
		tn.clock.pass(3 * time.Second)
		if a := tn.Actions()[i]; tn.Isolated(laptop) != step.isolated || tn.Restricted(laptop) != step.restricted ||
			a.Redundant != step.redundant {
			t.Errorf("step %d, %s: isolated %t, restricted %t, redundant %t; want %+v", i, step.name,
				tn.Isolated(laptop), tn.Restricted(laptop), a.Redundant, step)
		}
	}
	if tn.RestrictedAt(laptop, start().Add(5*time.Second)) || !tn.RestrictedAt(laptop, start().Add(6*time.Second)) ||
		tn.Restricted(server) {
		t.Error("the restriction began at another time, or elsewhere")
	}
	if page := tn.page("/").Body.String(); strings.Count(page, "Apps restricted") != 1 {
		t.Error("the page does not show the restriction")
	}
}

func TestActionsDependOnPlatformBuildAndClient(t *testing.T) {
	t.Parallel()
	const os, client = "OsPlatformNotSupported", "ClientVersionNotSupported"
	for name, tt := range map[string]struct {
		m    Machine
		want map[string]string // the code by type; what is missing is accepted
	}{
		"Windows 11":          {Machine{OS: "Windows11"}, nil},
		"Windows Server 2022": {Machine{OS: "WindowsServer2022"}, nil},
		"Windows Server 2016": {Machine{OS: "WindowsServer2016"}, map[string]string{Restrict: os}},
		"Windows 10 1709":     {Machine{OS: "Windows10", OSBuild: 16299}, nil},
		"Windows 10 1703": {
			Machine{OS: "Windows10", OSBuild: 15063}, map[string]string{Restrict: client, Scan: client},
		},
		"Windows 10 1607": {
			Machine{OS: "Windows10", OSBuild: 14393},
			map[string]string{Isolate: client, Restrict: client, Scan: client, Collect: client},
		},
		"Windows 10": {Machine{OS: "Windows10"}, nil},
		"Windows 7": {
			Machine{OS: "Windows7"}, map[string]string{Isolate: os, Restrict: os, Scan: os, Collect: os},
		},
		"Linux":              {Machine{OS: "Ubuntu"}, map[string]string{Restrict: os}},
		"Linux, old client":  {Machine{OS: "Linux", Agent: "101.97.94"}, map[string]string{Restrict: os, Scan: client}},
		"Linux, that client": {Machine{OS: "Linux", Agent: "101.98.84"}, map[string]string{Restrict: os}},
		"Linux, odd client":  {Machine{OS: "Linux", Agent: "101"}, map[string]string{Restrict: os, Scan: client}},
		"macOS":              {Machine{OS: "macOS"}, map[string]string{Isolate: os, Restrict: os}},
		"Android": {
			Machine{OS: "Android"}, map[string]string{Isolate: os, Restrict: os, Scan: os, Collect: os},
		},
	} {
		for _, k := range kinds() {
			tn := open(t, Options{})
			tt.m.ID = "m"
			tn.AddMachine(tt.m)
			r := tn.actNow("m", k.name)
			code, message := r.problem()
			if code != tt.want[k.name] || (code == "") != (r.Code == 201) || len(tn.Actions()) == 1 != (code == "") {
				t.Errorf("%s, %s: %d %s %q, want %q", name, k.name, r.Code, code, message, tt.want[k.name])
			}
			if code == client && !strings.HasPrefix(message, k.name+" is supported on client version 10") {
				t.Errorf("%s, %s: %q", name, k.name, message)
			}
		}
	}
	// The machines around one that is not managed contain it, whatever it is.
	tn := open(t, Options{})
	tn.AddMachine(Machine{ID: "m", OS: "Android", Onboarding: "CanBeOnboarded"})
	tn.want(tn.ask("POST", "/api/machines/m/isolate", `{"Comment":"x","IsolationType":"UnManagedDevice"}`), 201, "")
}

func TestEveryKindAsksForItsPermission(t *testing.T) {
	t.Parallel()
	tokens := map[string]Claims{}
	roles := []string{"Alert.ReadWrite.All", "Machine.Read.All", "Machine.ReadWrite.All"}
	for _, k := range kinds() {
		roles = append(roles, k.role)
	}
	for _, role := range roles {
		tokens[role] = Claims{AppID: role, Roles: []string{role}}
	}
	for _, k := range kinds() {
		tn := open(t, Options{Verify: verifier(tokens)})
		for role := range tokens {
			tn.token = role
			r := tn.actNow(laptop, k.name)
			if _, message := r.problem(); (r.Code == 201) != (role == k.role) ||
				r.Code != 201 && !strings.HasSuffix(message, "permissions ("+k.role+") to access the resource.") {
				t.Errorf("%s with %s: %d %q", k.name, role, r.Code, message)
			}
		}
	}
	tn := open(t, Options{Verify: verifier(tokens)})
	for role := range tokens {
		tn.token = role
		if r := tn.ask("POST", "/api/machines/"+laptop+"/tags",
			`{"Value":"IR","Action":"Add"}`); (r.Code == 200) != (role == "Machine.ReadWrite.All") {
			t.Errorf("tags with %s: %d", role, r.Code)
		}
	}
}

func TestEveryKindHasAQuotaOfItsOwn(t *testing.T) {
	t.Parallel()
	documented := DocumentedQuotas()
	tn := open(t, Options{Quotas: &documented})
	for _, k := range kinds() {
		for range 100 {
			if r := tn.ask("POST", "/api/machines/"+laptop+"/"+k.path, `{}`); r.Code != 400 {
				t.Fatalf("%s: %d", k.name, r.Code)
			}
		}
		tn.want(tn.actNow(laptop, k.name), 429, "429")
	}
	if n := len(tn.Actions()); n != 0 {
		t.Errorf("%d actions over quota", n)
	}
}

func TestTagsArePutOnAndTakenOff(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	path := "/api/machines/" + laptop + "/tags"
	for _, step := range []struct {
		body string
		want []any
	}{
		{`{"Value":"IR","Action":"Add"}`, []any{"Finance", "VIP", "IR"}},
		{`{"Value":"IR","Action":"Add"}`, []any{"Finance", "VIP", "IR"}},
		{`{"Value":"Finance","Action":"Remove"}`, []any{"VIP", "IR"}},
		{`{"Value":"Finance","Action":"Remove"}`, []any{"VIP", "IR"}},
	} {
		r := tn.want(tn.ask("POST", path, step.body), 200, "")
		if diff := cmp.Diff(step.want, r.body["machineTags"]); diff != "" || r.text("id") != laptop {
			t.Errorf("%s (-want +got):\n%s", step.body, diff)
		}
		if diff := cmp.Diff(r.body, tn.get("/api/machines/"+laptop).body); diff != "" {
			t.Errorf("%s, read again (-want +got):\n%s", step.body, diff)
		}
	}
	for body, code := range map[string]string{
		``:                                "InvalidRequestBody",
		`{"Value":"IR"}`:                  "MissingRequiredParameter",
		`{"Action":"Add"}`:                "MissingRequiredParameter",
		`{"Value":" ","Action":"Add"}`:    "MissingRequiredParameter",
		`{"value":"IR","action":"Add"}`:   "MissingRequiredParameter",
		`{"Value":"IR","Action":"add"}`:   "InvalidInput",
		`{"Value":["IR"],"Action":"Add"}`: "InvalidRequestBody",
	} {
		tn.want(tn.ask("POST", path, body), 400, code)
	}
	tn.want(tn.ask("POST", "/api/machines/none/tags", `{"Value":"IR","Action":"Add"}`), 404, "ResourceNotFound")
}

func TestWritesAreCountedHoweverTheyEnd(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.AddAlert(Alert{ID: "da1"}, time.Time{})
	tn.get("/api/alerts")
	tn.get("/api/machines/none")
	if _, err := tn.PortalAct(laptop, Scan, "Quick", "robin", "by hand"); err != nil || tn.Writes() != 0 {
		t.Fatalf("%v, %d writes before any", err, tn.Writes())
	}
	tn.actNow(laptop, Restrict)
	tn.actNow("none", Isolate)
	tn.ask("PATCH", "/api/alerts/da1", `{"comment":"x"}`)
	tn.ask("POST", "/api/machines/"+laptop+"/tags", `{}`)
	tn.ask("DELETE", "/api/alerts/da1", "")
	if got := tn.Writes(); got != 5 {
		t.Errorf("%d writes, want 5", got)
	}
	if _, err := tn.PortalAct(laptop, "Offboard", "", "robin", "x"); err == nil {
		t.Error("the portal did what the tenant does not know")
	}
}
