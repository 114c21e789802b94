package defendersim

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (tn *tenant) status(actionID string) string {
	tn.t.Helper()
	return tn.get("/api/machineactions/" + actionID).text("status")
}

func TestActionsChangeWithTheClock(t *testing.T) {
	t.Parallel()
	var asked []string
	tn := open(t, Options{ActionDelay: func(machineID, kind string) (time.Duration, time.Duration, Status) {
		asked = append(asked, kind+" "+machineID)
		return 10 * time.Second, time.Minute, Succeeded
	}})
	begun := tn.clock.now()
	id := tn.want(tn.isolateNow(laptop), 201, "").text("id")
	for _, step := range []struct {
		pass     time.Duration
		want     string
		isolated bool
	}{
		{0, "Pending", false}, {10*time.Second - tick, "Pending", false}, {tick, "InProgress", false},
		{50*time.Second - tick, "InProgress", false}, {tick, "Succeeded", true}, {time.Hour, "Succeeded", true},
	} {
		tn.clock.pass(step.pass)
		if got := tn.status(id); got != step.want || tn.Isolated(laptop) != step.isolated {
			t.Errorf("after %v: %s, isolated %t; want %s, %t", tn.clock.now().Sub(begun), got, tn.Isolated(laptop),
				step.want, step.isolated)
		}
	}
	a := tn.Actions()[0]
	want := Action{
		ID:            id,
		Type:          Isolate,
		Scope:         "Full",
		MachineID:     laptop,
		ComputerName:  "fin-lt-0147",
		RequestSource: PublicAPI,
		Comment:       "why",
		Created:       begun,
		Status:        Succeeded,
		Updated:       begun.Add(time.Minute),
		History: []Change{
			{Pending, begun}, {InProgress, begun.Add(10 * time.Second)}, {Succeeded, begun.Add(time.Minute)},
		},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	for when, want := range map[time.Duration]Status{
		-tick:            "",
		0:                Pending,
		30 * time.Second: InProgress,
		time.Hour:        Succeeded,
	} {
		if got := a.StatusAt(begun.Add(when)); got != want {
			t.Errorf("after %v it was %q, want %q", when, got, want)
		}
	}
	if diff := cmp.Diff([]string{"Isolate " + laptop}, asked); diff != "" {
		t.Errorf("ActionDelay asked for (-want +got):\n%s", diff)
	}
}

func TestActionsEndAsTheDelaySays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		toInProgress, toFinal time.Duration
		final                 Status
		want                  []Status
		hresult               int32
	}{
		"failed":    {time.Second, time.Minute, Failed, []Status{Pending, InProgress, Failed}, -2147024784},
		"timed out": {time.Second, time.Minute, TimeOut, []Status{Pending, InProgress, TimeOut}, -2145844840},
		"cancelled": {
			time.Second, time.Minute, Cancelled, []Status{Pending, InProgress, Cancelled}, -2147467260,
		},
		"not said":          {time.Second, time.Minute, "", []Status{Pending, InProgress, Succeeded}, 0},
		"without progress":  {time.Minute, time.Minute, Succeeded, []Status{Pending, Succeeded}, 0},
		"at once":           {0, 0, Succeeded, []Status{Pending, Succeeded}, 0},
		"stays pending":     {time.Second, time.Minute, Pending, []Status{Pending}, 0},
		"stays in progress": {time.Second, 0, InProgress, []Status{Pending, InProgress}, 0},
	} {
		tn := open(t, Options{ActionDelay: func(string, string) (time.Duration, time.Duration, Status) {
			return tt.toInProgress, tt.toFinal, tt.final
		}})
		tn.isolateNow(laptop)
		tn.clock.pass(time.Hour)
		a := tn.Actions()[0]
		var got []Status
		for _, c := range a.History {
			got = append(got, c.Status)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || a.ErrorHResult != tt.hresult ||
			a.Status != tt.want[len(tt.want)-1] {
			t.Errorf("%s: HRESULT %d, %s (-want +got):\n%s", name, a.ErrorHResult, a.Status, diff)
		}
		if want := a.Status == Succeeded; tn.Isolated(laptop) != want {
			t.Errorf("%s: isolated %t", name, !want)
		}
	}
}

func TestOfflineMachinesTimeOutUnlessTheyComeBack(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	if err := tn.SetOffline(laptop, true); err != nil {
		t.Fatal(err)
	}
	away := tn.isolateNow(laptop).text("id")
	back := tn.isolateNow(server).text("id")
	tn.clock.pass(1500 * time.Millisecond)
	if err := tn.SetOffline(server, true); err != nil {
		t.Fatal(err)
	}
	tn.clock.pass(3*24*time.Hour + 14*time.Minute - 1500*time.Millisecond - tick)
	if got := tn.status(away) + " " + tn.status(back); got != "Pending InProgress" {
		t.Errorf("before three days and fourteen minutes: %s", got)
	}
	if err := tn.SetOffline(server, false); err != nil {
		t.Fatal(err)
	}
	tn.clock.pass(tick)
	if got := tn.status(away); got != "TimeOut" || tn.Isolated(laptop) {
		t.Errorf("after three days and fourteen minutes: %s, isolated %t", got, tn.Isolated(laptop))
	}
	tn.clock.pass(3 * time.Second)
	if got := tn.status(back); got != "Succeeded" || !tn.Isolated(server) {
		t.Errorf("back online: %s, isolated %t", got, tn.Isolated(server))
	}
	var steps []Status
	for _, c := range tn.Actions()[1].History {
		steps = append(steps, c.Status)
	}
	if diff := cmp.Diff([]Status{Pending, InProgress, Succeeded}, steps); diff != "" {
		t.Errorf("back online (-want +got):\n%s", diff)
	}
	if err := tn.SetOffline("none", true); err == nil {
		t.Error("an unknown machine went offline")
	}
}

func TestASecondRequestMeetsTheOpenOne(t *testing.T) {
	t.Parallel()
	for rule, want := range map[DuplicateRule]string{
		AlternateDuplicates: "201 same, 400 ActiveRequestAlreadyExists, 201 same",
		ReturnOpenAction:    "201 same, 201 same, 201 same",
		RejectDuplicates: "400 ActiveRequestAlreadyExists, 400 ActiveRequestAlreadyExists, 400 " +
			"ActiveRequestAlreadyExists",
	} {
		tn := open(t, Options{Duplicates: rule})
		first := tn.isolateNow(laptop)
		var got []string
		for range 3 {
			r := tn.isolateNow(laptop)
			code, _ := r.problem()
			answer := strings.TrimSpace(http.StatusText(r.Code))
			switch {
			case r.Code == 201 && r.text("id") == first.text("id"):
				answer = "201 same"
			case r.Code == 400:
				answer = "400 " + code
			}
			got = append(got, answer)
		}
		if strings.Join(got, ", ") != want || len(tn.Actions()) != 1 {
			t.Errorf("rule %d: %v, %d actions; want %s and one", rule, got, len(tn.Actions()), want)
		}
		tn.want(tn.releaseNow(laptop), 201, "") // another type is no duplicate
		if calls := tn.CountCalls(func(c Call) bool {
			return c.Endpoint == "POST /api/machines/{id}/isolate"
		}); calls != 4 {
			t.Errorf("rule %d: %d isolate calls, want 4", rule, calls)
		}
	}
}

func TestIsolatingAgainWhenIdleIsAcceptedAndCounted(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	var redundant []bool
	for _, act := range []func(string) reply{
		tn.releaseNow, tn.isolateNow, tn.isolateNow, tn.releaseNow, tn.releaseNow, tn.isolateNow,
	} {
		tn.want(act(laptop), 201, "")
		tn.clock.pass(3 * time.Second)
	}
	for _, a := range tn.Actions() {
		redundant = append(redundant, a.Redundant)
	}
	if diff := cmp.Diff([]bool{true, false, true, false, true, false}, redundant); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for seconds, want := range []bool{
		false, false, false, false, false, false, true, true, true, true, true, true, false, false, false, false, false,
		false, true,
	} {
		if got := tn.IsolatedAt(laptop, start().Add(time.Duration(seconds)*time.Second)); got != want {
			t.Errorf("after %d s isolated %t, want %t", seconds, got, want)
		}
	}
}

// TestIsolationIsLiftedWithoutAnAction has the service lift an isolation, and not the restriction beside it.
func TestIsolationIsLiftedWithoutAnAction(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Lift: time.Minute})
	tn.want(tn.isolateNow(laptop), 201, "")
	if _, err := tn.PortalAct(laptop, Restrict, "", "alice@contoso.com", "c"); err != nil {
		t.Fatal(err)
	}
	tn.clock.pass(62 * time.Second)
	if !tn.Isolated(laptop) {
		t.Error("lifted before its time")
	}
	tn.clock.pass(time.Second)
	if tn.Isolated(laptop) || !tn.Restricted(laptop) || len(tn.Actions()) != 2 {
		t.Errorf("after the lift: isolated %t, restricted %t, %d actions", tn.Isolated(laptop), tn.Restricted(laptop),
			len(tn.Actions()))
	}
	tn.want(tn.isolateNow(laptop), 201, "")
	tn.clock.pass(3 * time.Second)
	if last := tn.Actions()[2]; !tn.Isolated(laptop) || last.Redundant {
		t.Errorf("isolated anew: %t, %+v", tn.Isolated(laptop), last)
	}
}

func TestWhatSucceedsLastDecidesWhetherAMachineIsIsolated(t *testing.T) {
	t.Parallel()
	delays := map[string]time.Duration{Isolate: time.Hour, Unisolate: time.Minute}
	tn := open(t,
		Options{ActionDelay: func(_, kind string) (time.Duration, time.Duration, Status) {
			return 0, delays[kind], Succeeded
		}})
	tn.isolateNow(laptop)
	tn.clock.pass(time.Second)
	tn.releaseNow(laptop)
	tn.clock.pass(time.Hour)
	if !tn.Isolated(laptop) {
		t.Error("an isolation that finished after the release left the machine free")
	}
}

func TestThePortalActsToo(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{ListLag: time.Second})
	isolation, err := tn.PortalIsolate(mac, "robin.osei@contoso.com", "by hand")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := tn.PortalIsolate(mac, "kim", "again"); err != nil || again.ID != isolation.ID {
		t.Errorf("again: %+v, %v", again, err)
	}
	tn.clock.pass(time.Second)
	r := tn.filter("/api/machineactions", "requestor eq 'robin.osei@contoso.com' and status eq 'InProgress'")
	if len(r.list()) != 1 || r.list()[0]["requestSource"] != "Portal" {
		t.Errorf("listed %v", r.list())
	}
	if err := tn.CancelAction(isolation.ID, "kim", "wrong one"); err != nil {
		t.Fatal(err)
	}
	if a := tn.Actions()[0]; a.Status != Cancelled || a.CancelledBy != "kim" || a.CancelComment != "wrong one" ||
		!a.CancelledAt.Equal(tn.clock.now()) {
		t.Errorf("cancelled: %+v", a)
	}
	tn.clock.pass(time.Minute)
	if tn.Isolated(mac) || len(tn.Calls()) != 1 {
		t.Errorf("isolated %t after the cancellation, %d calls", tn.Isolated(mac), len(tn.Calls()))
	}
	for what, err := range map[string]error{
		"cancel twice":    tn.CancelAction(isolation.ID, "kim", "x"),
		"cancel nothing":  tn.CancelAction("none", "kim", "x"),
		"release nothing": second(tn.PortalRelease("none", "kim", "x")),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestCancelTakesBackWhatIsNotFinal(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	id := tn.isolateNow(laptop).text("id")
	path := "/api/machineactions/" + id + "/cancel"
	tn.want(tn.ask("POST", path, `{}`), 400, "MissingRequiredParameter")
	tn.clock.pass(time.Second)
	tn.want(tn.ask("POST", path, `{"Comment":"wrong machine"}`), 200, "")
	tn.clock.pass(time.Hour)
	if a := tn.Actions()[0]; a.Status != Cancelled || len(a.History) != 3 || tn.Isolated(laptop) {
		t.Errorf("%+v", a)
	}
	tn.want(tn.ask("POST", path, `{"Comment":"again"}`), 400, "BadRequest")
	tn.want(tn.ask("POST", "/api/machineactions/none/cancel", `{"Comment":"x"}`), 404, "ResourceNotFound")
	tn.want(tn.get("/api/machineactions/none"), 404, "ResourceNotFound")
	tn.want(tn.isolateNow(laptop), 201, "")
}

func TestTheNextActionOfAMachineCanBeMadeToFail(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.FailNextAction(laptop)
	for _, want := range []Status{Failed, Succeeded} {
		tn.isolateNow(laptop)
		tn.isolateNow(server)
		tn.clock.pass(3 * time.Second)
		all := tn.Actions()
		if got, other := all[len(all)-2].Status, all[len(all)-1].Status; got != want || other != Succeeded {
			t.Errorf("%s and, on another machine, %s; want %s and Succeeded", got, other, want)
		}
	}
}

func TestNewActionsAppearInListsLaterThanByID(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{ListLag: 5 * time.Second})
	id := tn.isolateNow(laptop).text("id")
	tn.clock.pass(5*time.Second - tick)
	if got := tn.get("/api/machineactions").ids(); len(got) != 0 || tn.status(id) != "Succeeded" {
		t.Errorf("listed %v too early, by id %s", got, tn.status(id))
	}
	tn.clock.pass(tick)
	if diff := cmp.Diff([]string{id}, tn.get("/api/machineactions").ids()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestActionListsAreFilteredAndSorted(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	first := tn.isolateNow(laptop).text("id")
	tn.clock.pass(time.Minute)
	second := tn.isolateNow(server).text("id")
	tn.clock.pass(time.Second)
	third := tn.releaseNow(laptop).text("id")
	for query, want := range map[string][]string{
		"":                                  {third, second, first},
		"?$top=1":                           {third},
		"?$top=2&$skip=1":                   {second, first},
		"?$orderby=creationDateTimeUtc asc": {first, second, third},
		"?$orderby=lastUpdateDateTimeUtc":   {first, second, third},
		"?$filter=status eq 'Pending' or status eq 'InProgress'":                                     {third, second},
		"?$filter=machineId eq '" + laptop + "' and creationDateTimeUtc ge 2025-11-18T09:45:02.118Z": {third, first},
		"?$filter=creationDateTimeUtc gt 2025-11-18T09:45:02.1180934Z":                               {third, second},
		"?$filter=lastUpdateDateTimeUtc lt 2025-11-18T09:46:00Z":                                     {first},
		"?$filter=type eq 'Unisolate'":                                                               {third},
		"?$filter=id eq '" + second + "'":                                                            {second},
	} {
		if diff := cmp.Diff(want,
			tn.want(tn.get("/api/machineactions"+strings.ReplaceAll(query, " ", "%20")), 200, "").ids()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	tn.want(tn.filter("/api/machineactions", "scope eq 'Full'"), 400, "ODataError")
}

func TestActingRequestsAreReadAsTheAPIReadsThem(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"Comment":"x","IsolationType":"Full"}`:            "Full",
		`{"Comment":"x","IsolationType":"Selective"}`:       "Selective",
		`{"Comment":"x","IsolationType":"UnManagedDevice"}`: "UnManagedDevice",
		`{"Comment":"x"}`:                          "Full",
		`{"Comment":"x","Other":1}`:                "Full",
		`{"comment":"x","IsolationType":"Full"}`:   "MissingRequiredParameter",
		`{"COMMENT":"x"}`:                          "MissingRequiredParameter",
		`{"IsolationType":"Full"}`:                 "MissingRequiredParameter",
		`{"Comment":"  ","IsolationType":"Full"}`:  "MissingRequiredParameter",
		`{"Comment":null}`:                         "MissingRequiredParameter",
		`{"Comment":"x","isolationType":"Full"}`:   "InvalidRequestBody",
		`{"Comment":"x","comment":"y"}`:            "InvalidRequestBody",
		`{"Comment":7}`:                            "InvalidRequestBody",
		`{"Comment":"x","IsolationType":["Full"]}`: "InvalidRequestBody",
		`{"Comment":"x","IsolationType":"full"}`:   "InvalidInput",
		``:                                         "InvalidRequestBody",
		`null`:                                     "InvalidRequestBody",
		`"x"`:                                      "InvalidRequestBody",
		`{"Comment":"x"`:                           "InvalidRequestBody",
		`{"Comment":"` + strings.Repeat("x", maxBody) + `"}`: "InvalidRequestBody",
	} {
		tn := open(t, Options{})
		r := tn.ask("POST", "/api/machines/"+laptop+"/isolate", body)
		got, _ := r.problem()
		if r.Code == 201 {
			got = r.text("scope")
		}
		if got != want || (r.Code == 201) != (len(tn.Actions()) == 1) {
			t.Errorf("%.60s: %d %s with %d actions, want %s", body, r.Code, got, len(tn.Actions()), want)
		}
	}
}

func TestIsolationDependsOnThePlatform(t *testing.T) {
	t.Parallel()
	for os, want := range map[string]string{
		"Windows10":           "201 201",
		"Windows11":           "201 201",
		"WindowsServer2012R2": "201 201",
		"WindowsServer2022":   "201 201",
		"Linux":               "201 400",
		"Ubuntu":              "201 400",
		"macOS":               "400 400",
		"iOS":                 "400 400",
		"Android":             "400 400",
		"Windows7":            "400 400",
		"WindowsServer2008R2": "400 400",
	} {
		var got []string
		for _, scope := range []string{"Full", "Selective"} {
			tn := open(t, Options{})
			tn.AddMachine(Machine{ID: "m", OS: os})
			r := tn.ask("POST", "/api/machines/m/isolate", `{"Comment":"x","IsolationType":"`+scope+`"}`)
			got = append(got, map[int]string{201: "201", 400: "400"}[r.Code])
			if code, message := r.problem(); r.Code == 400 &&
				(code != "OsPlatformNotSupported" || message != "OS Platform "+os+" isn't supported for this action.") {
				t.Errorf("%s: %s %q", os, code, message)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: Full and Selective are answered %v, want %s", os, got, want)
		}
	}
}
