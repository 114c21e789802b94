package defendersim

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cordon/local/pagetest"
)

const attack = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`

// hostile is a tenant whose every text tries to break the page: markup, long tokens without a blank, nothing at all.
func hostile(t *testing.T) *tenant {
	t.Helper()
	tn := open(t, Options{ListLag: time.Second})
	token := strings.Repeat("a1b2c3d4e5", 60)
	tn.AddMachine(Machine{
		ID:          token,
		Name:        token + ".corp.contoso.com",
		OS:          token,
		Group:       token,
		Tags:        []string{token, attack, ""},
		DeviceValue: token,
	})
	tn.AddMachine(Machine{
		ID:          attack,
		Name:        attack,
		OS:          attack,
		Group:       attack,
		Tags:        []string{attack},
		DeviceValue: attack,
		Offline:     true,
	})
	tn.AddMachine(Machine{ID: "bare"})
	for _, id := range []string{token, attack, "bare"} {
		for _, comment := range []string{token, attack, strings.Repeat("word ", 200), "\u202e reversed"} {
			if _, err := tn.PortalIsolate(id, comment, comment); err != nil {
				t.Fatal(err)
			}
			tn.clock.pass(time.Minute)
		}
		tn.FailNextAction(id)
		if _, err := tn.PortalRelease(id, "", ""); err != nil {
			t.Fatal(err)
		}
		tn.AddAlert(Alert{ID: id, Title: id, Severity: id, Status: id, MachineID: id}, time.Time{})
	}
	tn.AddAlert(Alert{}, start().Add(48*time.Hour))
	tn.get("/api/" + token)
	tn.get("/api/alerts")
	return tn
}

// idOf is an id of the usual form for a machine.
func idOf(name string) string { return (strings.ReplaceAll(name, "-", "0") + laptop)[:40] }

// busy is a tenant in the middle of an ordinary day.
func busy(t *testing.T) *tenant {
	t.Helper()
	tn := open(t, Options{
		Quotas: &Quotas{PerMinute: 6},
		ActionDelay: func(string, string) (time.Duration, time.Duration, Status) {
			return 12 * time.Second, time.Minute, ""
		},
		Verify: verifier(map[string]Claims{"app": {
			AppID: app,
			Roles: []string{"Alert.Read.All", "Machine.Read.All", "Machine.Isolate"},
		}}),
	})
	for _, name := range []string{"ws-0147", "ws-0148", "lt-7", "kiosk-3", "dc1", "sql-hv1"} {
		tn.AddMachine(Machine{
			ID:      idOf(name),
			Name:    name + ".corp.contoso.com",
			Group:   "Workstations",
			Offline: name == "kiosk-3",
		})
	}
	for i, a := range []Alert{
		{Severity: "High", Title: "Office application started an encoded script host", MachineID: laptop},
		{Severity: "Medium", Title: "Persistence through a scheduled task", MachineID: server},
		{Severity: "Low", Title: "Anomalous sign-in token replay on the device", MachineID: mac, Status: "Resolved"},
		{Severity: "High", Title: "Possible ransomware activity", MachineID: idOf("ws-0148")},
		{Severity: "Informational", Title: attack, MachineID: idOf("lt-7")},
	} {
		a.Updated = start().Add(time.Duration(i) * time.Second)
		tn.AddAlert(a, a.Updated.Add(time.Duration(i%2)*8*time.Second))
	}
	run := "cordon:da638994417204415533_-1184209733:v1 Alert: Office application started an encoded script host"
	tn.ask("POST", "/api/machines/"+laptop+"/isolate", `{"Comment":"`+run+`","IsolationType":"Full"}`)
	tn.clock.pass(5 * time.Minute)
	if _, err := tn.PortalRelease(laptop, "robin.osei@contoso.com", "Validated clean"); err != nil {
		t.Fatal(err)
	}
	tn.isolateNow(server)
	tn.FailNextAction(idOf("lt-7"))
	tn.isolateNow(idOf("lt-7"))
	tn.isolateNow(idOf("kiosk-3"))
	tn.clock.pass(90 * time.Second)
	tn.isolateNow(idOf("ws-0148"))
	tn.clock.pass(20 * time.Second)
	tn.spend("/api/alerts", 9)
	tn.get("/api/machines/none")
	return tn
}

func (tn *tenant) page(path string) *httptest.ResponseRecorder {
	tn.t.Helper()
	w := httptest.NewRecorder()
	tn.Page().ServeHTTP(w, httptest.NewRequestWithContext(tn.t.Context(), http.MethodGet, path, nil))
	return w
}

func TestNothingInTheTenantIsMarkupOnThePage(t *testing.T) {
	t.Parallel()
	body := hostile(t).page("/").Body.String()
	if strings.Contains(body, "<script") || strings.Contains(body, "<img") {
		t.Error("the page carries markup of the tenant")
	}
	if n := strings.Count(body, "&lt;script&gt;alert(1)&lt;/script&gt;"); n < 10 {
		t.Errorf("the page shows the hostile text %d times, want every time", n)
	}
}

func TestThePageShowsTheTenantAsItIs(t *testing.T) {
	t.Parallel()
	tn := busy(t)
	text := strings.Join(strings.Fields(tn.page("/").Body.String()), " ")
	for _, want := range []string{
		`<strong>9</strong> machines`, `<li class="contained"><strong>1</strong> isolated</li>`,
		`<li class="waiting"><strong>2</strong> open actions</li>`, `<strong>5</strong> alerts`,
		`<span class="mark contained">Isolated</span>`,
		`<span class="mark waiting">Isolating</span> <span class="mark off">Offline</span>`,
		`<span class="mark bad">Failed</span>`,
		`<span class="step">Pending <time datetime="2025-11-18T09:45:02.1180934Z">09:45:02</time></span>`,
		`by <bdi>robin.osei@contoso.com</bdi>, portal`, `Validated clean`,
		`<span class="mark bad">High</span>`, `<small>8s after its update</small>`, `<bdi class="tag">VIP</bdi>`,
		`http-equiv="refresh"`,
		`<code>GET /api/alerts</code></td> <td data-label="Calls">9</td> <td data-label="Served">6</td> <td ` +
			`data-label="Refused" class="zero">0</td> <td data-label="Over quota">3</td>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Index(text, "ws-0147") < strings.Index(text, "kiosk-3") {
		t.Error("machines without actions stand before those with actions")
	}
	if paused := tn.page("/?refresh=off").Body.String(); strings.Contains(paused, "http-equiv") ||
		!strings.Contains(paused, "resume") {
		t.Error("a paused page still updates itself")
	}
	empty := (&tenant{Sim: New(Options{}), t: t}).page("/").Body.String()
	for _, want := range []string{"No machines yet", "No alerts yet", "Nobody has called yet"} {
		if !strings.Contains(empty, want) {
			t.Errorf("the page of an empty tenant lacks %q", want)
		}
	}
}

func TestThePageOfALargeTenantStaysShort(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.backlog(shownAlerts+7, Alert{MachineID: laptop})
	for i := range shownMachines {
		tn.AddMachine(Machine{Name: strings.Repeat("x", i+1)})
	}
	for range shownActions + 2 {
		tn.isolateNow(laptop)
		tn.clock.pass(time.Minute)
	}
	body := tn.page("/").Body.String()
	for _, want := range []string{"3 more machines", "7 older alerts", "2 older actions"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := strings.Count(body, "<tbody>"); n != shownMachines+2 {
		t.Errorf("%d machines and tables, want %d", n, shownMachines+2)
	}
}

func TestEveryAnswerOfThePageCarriesTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	for path, status := range map[string]int{"/": 200, "/style.css": 200, "/nothing": 404, "/page/tenant.html": 404} {
		w := tn.page(path)
		if w.Code != status {
			t.Errorf("%s answered %d, want %d", path, w.Code, status)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cache-Control":                "no-store",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy":      pagePolicy,
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestThePageFitsPhoneAndLaptop(t *testing.T) {
	browser := pagetest.Open(t)
	for _, tn := range []*tenant{hostile(t), busy(t), open(t, Options{})} {
		web := httptest.NewServer(http.StripPrefix("/tenant", tn.Page()))
		t.Cleanup(web.Close)
		for _, width := range []int{pagetest.Narrow, 601, 1000, pagetest.Wide} {
			browser.Overflow(web.URL+"/tenant/", width)
		}
	}
}
