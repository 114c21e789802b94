package defendersim

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// backlog adds n alerts, one a second, the newest last.
func (tn *tenant) backlog(n int, a Alert) {
	for i := range n {
		a.ID = fmt.Sprintf("da%05d", i)
		a.Updated = start().Add(time.Duration(i-n) * time.Second)
		tn.AddAlert(a, time.Time{})
	}
}

func TestAlertsAreListedNewestFirstPageByPage(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.backlog(5, Alert{})
	for path, want := range map[string][]string{
		"/api/alerts":                                 {"da00004", "da00003", "da00002", "da00001", "da00000"},
		"/api/v1.0/alerts?$top=2":                     {"da00004", "da00003"},
		"/api/alerts?$top=2&$skip=3":                  {"da00001", "da00000"},
		"/api/alerts?$top=2&$skip=5":                  {},
		"/api/alerts?%24top=3&%24skip=4":              {"da00000"},
		"/api/alerts?$skip=3":                         {"da00001", "da00000"},
		"/api/alerts?$top=0":                          {},
		"/api/alerts?$top=1&$filter=+id+lt+'da00002'": {"da00001"},
	} {
		r := tn.get(path)
		if diff := cmp.Diff(want, r.ids()); r.Code != 200 || diff != "" {
			t.Errorf("%s: %d (-want +got):\n%s", path, r.Code, diff)
		}
	}
}

func TestShuffledAlertsKeepTheirPlacesFromPageToPage(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{ShuffleAlerts: true, Seed: 5})
	tn.backlog(40, Alert{})
	all := tn.get("/api/alerts").ids()
	if slices.IsSorted(all) || slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Error("the order still has a meaning")
	}
	var paged []string
	for skip := 0; skip < 40; skip += 7 {
		paged = append(paged, tn.get(fmt.Sprintf("/api/alerts?$top=7&$skip=%d", skip)).ids()...)
	}
	if diff := cmp.Diff(all, paged); diff != "" {
		t.Errorf("pages differ from the whole (-want +got):\n%s", diff)
	}
}

func TestNextLinkLeadsThroughMoreThanAPageAndIsLeftOutWithTop(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.backlog(pageSize+3, Alert{Severity: "High", Status: "New"})
	if r := tn.get("/api/alerts?$top=10000"); len(r.list()) != pageSize || r.body["@odata.nextLink"] != nil {
		t.Errorf("%d alerts with $top, next link %v", len(r.list()), r.body["@odata.nextLink"])
	}
	first := tn.filter("/api/alerts", "severity eq 'High' and lastUpdateTime lt 2025-11-18T10:45:02+01:00")
	link := first.text("@odata.nextLink")
	parsed, err := url.Parse(link)
	if err != nil || len(first.list()) != pageSize || parsed.Host != "example.com" {
		t.Fatalf("next link %q, %v, after %d alerts", link, err, len(first.list()))
	}
	second := tn.get(parsed.RequestURI())
	if diff := cmp.Diff([]string{"da00002", "da00001", "da00000"}, second.ids()); diff != "" ||
		second.body["@odata.nextLink"] != nil {
		t.Errorf("%v (-want +got):\n%s", second.body["@odata.nextLink"], diff)
	}
}

func TestBrokenNextLinkNeverEnds(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{BrokenNextLink: true})
	tn.backlog(2, Alert{})
	path := "/api/alerts"
	for range 4 {
		link := tn.get(path).text("@odata.nextLink")
		if len(link) <= len("http://example.com"+path) {
			t.Fatalf("next link %q after %q", link, path)
		}
		path = strings.TrimPrefix(link, "http://example.com")
	}
	if tn.get("/api/alerts?$top=1").body["@odata.nextLink"] != nil {
		t.Error("a next link with $top")
	}
}

func TestNewAlertsAppearInListsLaterThanByID(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{ListLag: 5 * time.Second})
	tn.AddAlert(Alert{ID: "da1"}, time.Time{})
	seen := func() (byID, listed bool) {
		return tn.get("/api/alerts/da1").Code == 200, len(tn.get("/api/alerts").list()) == 1
	}
	if byID, listed := seen(); !byID || listed {
		t.Errorf("at once: by id %t, listed %t", byID, listed)
	}
	tn.clock.pass(5*time.Second - tick)
	if _, listed := seen(); listed {
		t.Error("listed too early")
	}
	tn.clock.pass(tick)
	if byID, listed := seen(); !byID || !listed {
		t.Errorf("after the lag: by id %t, listed %t", byID, listed)
	}
}

func TestAnAlertCanShowUpLongAfterItsLastUpdate(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	updated := start().Add(-time.Minute).Truncate(tick)
	tn.AddAlert(Alert{ID: "late", Updated: updated}, start().Add(time.Hour))
	tn.want(tn.get("/api/alerts/late"), 404, "ResourceNotFound")
	tn.want(tn.ask("PATCH", "/api/alerts/late", `{"comment":"x"}`), 404, "ResourceNotFound")
	if got := tn.get("/api/alerts").ids(); len(got) != 0 {
		t.Errorf("%v is listed", got)
	}
	if all := tn.Alerts(); len(all) != 1 || !all[0].VisibleAt.Equal(start().Add(time.Hour)) {
		t.Errorf("the record has %v", all)
	}
	tn.clock.pass(time.Hour)
	if diff := cmp.Diff([]string{"late"},
		tn.filter("/api/alerts", "lastUpdateTime eq "+updated.Format(stamp)).ids()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnUpdateMovesTheTimeOn(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.AddAlert(Alert{ID: "da1", Severity: "Medium", MachineID: laptop}, time.Time{})
	raise := func(a *Alert) { a.Severity, a.ID, a.VisibleAt = "High", "other", time.Time{} }
	last := tn.Alerts()[0]
	if last.ComputerDNSName != "fin-lt-0147.corp.contoso.com" || last.RBACGroupName != "Finance-Laptops" {
		t.Errorf("the alert is on %q in %q", last.ComputerDNSName, last.RBACGroupName)
	}
	for i := range 3 {
		if err := tn.UpdateAlert("da1", raise); err != nil {
			t.Fatal(err)
		}
		next := tn.Alerts()[0]
		if !next.Updated.After(last.Updated) || next.Severity != "High" || next.ID != "da1" ||
			!next.VisibleAt.Equal(last.VisibleAt) {
			t.Errorf("update %d: %+v after %+v", i, next, last)
		}
		last = next
	}
	back := start().Add(-time.Hour)
	if err := tn.UpdateAlert("da1", func(a *Alert) { a.Updated = back }); err != nil ||
		!tn.Alerts()[0].Updated.Equal(back.Truncate(tick)) {
		t.Errorf("%v, updated %v, want the time that was set", err, tn.Alerts()[0].Updated)
	}
	if err := tn.UpdateAlert("da2", raise); err == nil || !strings.Contains(err.Error(), `"da2"`) {
		t.Errorf("unknown alert: %v", err)
	}
}

func TestPatchSetsWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	tn := open(t,
		Options{Verify: verifier(map[string]Claims{"app": {AppID: app, Roles: []string{"Alert.ReadWrite.All"}}})})
	want := sampleAlert(t)
	tn.AddAlert(want, time.Time{})
	before := tn.get("/api/alerts/" + want.ID).body
	tn.clock.pass(time.Hour)
	now := "2025-11-18T10:45:02.1180934Z"
	got := tn.want(tn.ask("PATCH", "/api/alerts/"+want.ID,
		`{"status":"Resolved","AssignedTo":"robin.osei@contoso.com","classification":"TruePositive",`+
			`"determination":"Malware","Comment":"Contained, closing.","other":1}`), 200, "").body
	before["status"], before["assignedTo"] = "Resolved", "robin.osei@contoso.com"
	before["classification"], before["determination"] = "TruePositive", "Malware"
	before["lastUpdateTime"], before["resolvedTime"] = now, now
	before["comments"] = append(before["comments"].([]any), map[string]any{
		"comment":     "Contained, closing.",
		"createdBy":   app,
		"createdTime": now,
	})
	if diff := cmp.Diff(before, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(got, tn.get("/api/alerts/"+want.ID).body); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	if tn.ask("PATCH", "/api/alerts/"+want.ID, `{"status":"New"}`).body["resolvedTime"] != nil {
		t.Error("an alert that was opened again is still resolved")
	}
	for body, code := range map[string]string{
		``:                          "InvalidRequestBody",
		`{}`:                        "InvalidRequestBody",
		`[]`:                        "InvalidRequestBody",
		`{"title":"x"}`:             "InvalidRequestBody",
		`null`:                      "InvalidRequestBody",
		`{"status":"Closed"}`:       "InvalidInput",
		`{"status":7}`:              "InvalidInput",
		`{"classification":"Good"}`: "InvalidInput",
		`{"determination":"Apt"}`:   "InvalidInput",
	} {
		tn.want(tn.ask("PATCH", "/api/alerts/"+want.ID, body), 400, code)
	}
	tn.want(tn.ask("PATCH", "/api/alerts/none", `{"comment":"x"}`), 404, "ResourceNotFound")
}

func TestWhatTheRecordHandsOutIsNotTheTenantsOwn(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	a := sampleAlert(t)
	tn.AddAlert(a, time.Time{})
	before := tn.Alerts()
	a.Evidence[0].Kind, a.MitreTechniques[0] = "x", "x"
	handed, machines := tn.Alerts()[0], tn.Machines()
	handed.Evidence[0].Kind, machines[0].Tags[0] = "x", "x"
	if err := tn.UpdateAlert(a.ID, func(a *Alert) {
		a.Updated = before[0].Updated.Add(-tick)
		handed = *a
	}); err != nil {
		t.Fatal(err)
	}
	handed.Comments[0].Text = "x"
	before[0].Updated = before[0].Updated.Add(-tick)
	if diff := cmp.Diff(before, tn.Alerts()); diff != "" || tn.Machines()[0].Tags[0] != "Finance" {
		t.Errorf("%v (-want +got):\n%s", tn.Machines()[0].Tags, diff)
	}
}

// discard is a client that reads everything and keeps nothing.
type discard struct {
	header http.Header
	size   int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { d.size += len(p); return len(p), nil }

func TestAPageOfTenThousandAlertsIsNeverWholeInMemory(t *testing.T) {
	tn := open(t, Options{})
	tn.backlog(pageSize, sampleAlert(t))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/alerts?$expand=evidence", nil)
	w := &discard{header: http.Header{}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tn.Handler().ServeHTTP(w, r)
	runtime.ReadMemStats(&after)
	if allocated := int(after.TotalAlloc - before.TotalAlloc); w.size < 40<<20 || allocated > w.size/20 {
		t.Errorf("%d bytes allocated for a page of %d", allocated, w.size)
	}
}

func BenchmarkPageOfTenThousandAlerts(b *testing.B) {
	tn := open(b, Options{})
	tn.backlog(pageSize, sampleAlert(b))
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet,
					"/api/alerts?$expand=evidence&$filter=lastUpdateTime+ge+2025-01-01", nil)
				r.Header.Set("Accept-Encoding", encoding)
				w := &discard{header: http.Header{}}
				tn.Handler().ServeHTTP(w, r)
				b.SetBytes(int64(w.size))
			}
		})
	}
}

func TestAnAlertIsKnownAsItWas(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{ListLag: time.Second})
	tn.AddAlert(Alert{ID: "a", Severity: "Low"}, start())
	tn.AddAlert(Alert{ID: "later", Severity: "Low"}, start().Add(time.Hour))
	tn.clock.pass(time.Minute)
	if err := tn.UpdateAlert("a", func(a *Alert) { a.Severity = "High" }); err != nil {
		t.Fatal(err)
	}
	if err := tn.UpdateAlert("later", func(a *Alert) { a.Severity = "High" }); err != nil {
		t.Fatal(err)
	}
	severities := func(at time.Time) string {
		var all []string
		for _, a := range tn.AlertsAt(at) {
			all = append(all, a.ID+" "+a.Severity)
		}
		return strings.Join(all, ", ")
	}
	for second, want := range map[int]string{
		-1: "", 0: "a Low", 59: "a Low", 60: "a High", 3599: "a High", 3600: "a High, later High",
	} {
		if got := severities(start().Add(time.Duration(second) * time.Second)); got != want {
			t.Errorf("after %d s: %q, want %q", second, got, want)
		}
	}
	tn.AlertsAt(tn.clock.now())[0].Title = "changed"
	tn.SetLag(30 * time.Second)
	if got := tn.get("/api/alerts/a"); got.text("severity") != "Low" || got.text("title") != "" {
		t.Errorf("lagging: %v", got.body)
	}
	if got := tn.get("/api/alerts"); got.list()[0]["severity"] != "Low" {
		t.Errorf("lagging: %v", got.body)
	}
	tn.clock.pass(time.Hour - time.Minute + 30*time.Second)
	tn.want(tn.get("/api/alerts/later"), 200, "")
	if got := strings.Join(tn.get("/api/alerts").ids(), " "); got != "a" { // lists are later still
		t.Errorf("listed: %s", got)
	}
	tn.HideAlert("later", true)
	tn.want(tn.get("/api/alerts/later"), 404, "ResourceNotFound")
	tn.want(tn.ask("PATCH", "/api/alerts/later", `{"status":"Resolved"}`), 404, "ResourceNotFound")
	if _, known := tn.Machine("nobody"); known || len(tn.Alerts()) != 2 {
		t.Error("methods know another tenant")
	}
}
