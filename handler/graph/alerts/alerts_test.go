package alerts_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/graph"
	"cordon/handler/graph/alerts"
	"cordon/handler/machine"
)

const (
	alertID   = "da638994417204415533_-1184209733"
	machineID = "4c1f7a90be2d35689f00d1e2a7b3c4558d6e9f12"
)

var from = time.Date(2025, 11, 18, 9, 0, 0, 0, time.UTC)

// window is one that a page is asked for.
var window = alert.Window{From: from, To: from.Add(time.Hour), Top: 100}

// server answers in memory with what it was told to, one answer after another, and keeps what it was asked.
type server struct {
	mu      sync.Mutex
	asked   []string // method, path with query, body
	answers []reply
}

type reply struct {
	status int
	body   string
	header http.Header
}

func serve(t testing.TB, answers ...reply) (*server, *alerts.Client) {
	t.Helper()
	s := &server{answers: answers}
	base := &url.URL{Scheme: "https", Host: "graph.example"}
	return s, alerts.New(graph.Options{Base: base, HTTP: &http.Client{Transport: s}})
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	line := strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL.RequestURI(), body))
	if r.Header.Get("Prefer") != "include-unknown-enum-members" {
		line += " without Prefer"
	}
	s.asked = append(s.asked, line)
	next := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	return &http.Response{
		StatusCode: next.status,
		Header:     next.header,
		Body:       io.NopCloser(strings.NewReader(next.body)),
		Request:    r,
	}, nil
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// page reads one page of an answer.
func page(t testing.TB, body string) (got []alert.Alert, p alert.Page, err error) {
	t.Helper()
	_, c := serve(t, reply{status: 200, body: body})
	p, err = c.AlertPage(t.Context(), window, func(a alert.Alert) error {
		got = append(got, a)
		return nil
	})
	return got, p, err
}

// single reads one alert that names at most one machine.
func single(t testing.TB, body string) alert.Alert {
	t.Helper()
	_, c := serve(t, reply{status: 200, body: body})
	got, err := c.Alert(t.Context(), "any")
	if err != nil || len(got) != 1 {
		t.Fatalf("%d alerts, %v", len(got), err)
	}
	return got[0]
}

// device is a piece of evidence.
func device(id string, roles ...string) string {
	listed, _ := json.Marshal(roles)
	return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.security.deviceEvidence","mdeDeviceId":%q,`+
		`"deviceDnsName":"host-%.1s","detailedRoles":%s}`, id, id, listed)
}

// differs says of the fields of alert.Alert in which the sample of Graph is not what the sample of Defender is, why.
var differs = map[string]string{
	"Description":     "Graph's sample has a shorter one",
	"MitreTechniques": "Graph's sample lists fewer",
	"RelatedUser":     "Graph relates no user to an alert",
	"Evidence":        "Graph's sample lists fewer; what both list is equal",
	"Source":          "where it was read",
	"GraphID":         "only Graph has it",
}

func TestASampleIsWhatItsDefenderTwinIs(t *testing.T) {
	t.Parallel()
	twin, err := defender.DecodeAlert([]byte(fixture(t, "defender_alert.json")))
	if err != nil {
		t.Fatal(err)
	}
	listed, _, err := page(t, fixture(t, "graph_alerts_page.json"))
	if err != nil || len(listed) != 1 {
		t.Fatalf("%d alerts, %v", len(listed), err)
	}
	got := single(t, fixture(t, "graph_alert.json"))
	if diff := cmp.Diff(got, listed[0]); diff != "" {
		t.Errorf("a page tells another alert (-one +page):\n%s", diff)
	}
	if got.Source != alert.Graph || got.GraphID != alertID {
		t.Errorf("read at %s as %s", got.Source, got.GraphID)
	}
	was, is := reflect.ValueOf(twin), reflect.ValueOf(got)
	for i := range was.NumField() {
		name := was.Type().Field(i).Name
		equal := reflect.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface())
		if equal == (differs[name] != "") {
			t.Errorf("%s: Defender %v, Graph %v, though: %q", name, was.Field(i), is.Field(i), differs[name])
		}
	}
	for _, e := range got.Evidence {
		if !slices.Contains(twin.Evidence, e) {
			t.Errorf("Defender does not list %+v", e)
		}
	}
	twin.Evidence = slices.DeleteFunc(twin.Evidence, func(e alert.Evidence) bool {
		return e.Kind != "File" && e.Kind != "User"
	})
	if alert.SharedHash(got) != alert.SharedHash(twin) {
		t.Error("what both samples list is not the same")
	}
}

func TestEvidenceHasDefendersMembers(t *testing.T) {
	t.Parallel()
	twin, err := defender.DecodeAlert([]byte(fixture(t, "defender_alert.json")))
	if err != nil {
		t.Fatal(err)
	}
	twin.Evidence = append(twin.Evidence, alert.Evidence{Kind: "Registry", RegistryKey: "K", RegistryHive: "H"},
		alert.Evidence{Kind: "Mailbox"}, alert.Evidence{Kind: "Hologram"}, alert.Evidence{})
	got := single(t, fixture(t, "evidence.json"))
	if diff := cmp.Diff(twin.Evidence, got.Evidence); diff != "" {
		t.Errorf("(-Defender +Graph):\n%s", diff)
	}
}

func TestAnAlertIsHandedOverForEachOfItsMachines(t *testing.T) {
	t.Parallel()
	a, b, c := strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)
	on := func(id string) string { return alert.OnMachine("x", id) }
	for evidence, want := range map[string][]string{
		``:                           {"x= "},
		device(a):                    {"x=" + a + " host-a"},
		device(a) + "," + device(b):  {"x=" + a + " host-a", on(b) + "=" + b + " host-b"},
		device(b) + "," + device(a):  {"x=" + a + " host-a", on(b) + "=" + b + " host-b"},
		device("") + "," + device(b): {"x=" + b + " host-b"},
		device("zz"):                 {"x= host-z"},
		device("..", "PrimaryDevice") + "," + device("zz"): {"x= host-."},
		device(a) + "," + device(b, "x", "primarydevice"): {
			"x=" + b + " host-b",
			on(a) + "=" + a + " host-a",
		},
		device(a) + "," + device(b, "Main device"): {
			"x=" + b + " host-b",
			on(a) + "=" + a + " host-a",
		},
		device(a) + "," + device(strings.ToUpper(a)) + "," + device(a): {"x=" + a + " host-a"},
		device(c) + "," + device(a) + "," + device(c, "PrimaryDevice"): {
			"x=" + c + " host-c",
			on(a) + "=" + a + " host-a",
		},
		`null,7,"x",[],{"mdeDeviceId":"` + a + `"},{"@odata.type":"#microsoft.graph.security.fileEvidence",` +
			`"mdeDeviceId":"` + b + `"}`: {"x= "},
	} {
		body := `{"value":[null,{"id":"x","lastUpdateDateTime":"2025-11-18T09:44:31Z","evidence":[` + evidence + `]}]}`
		got, p, err := page(t, body)
		var told, ids []string
		for _, one := range got {
			told = append(told, one.ID+"="+one.MachineID+" "+one.ComputerDNSName)
			ids = append(ids, one.ID)
			if alert.APIID(one.ID) != "x" || one.GraphID != "x" {
				t.Errorf("%s does not lead back to the alert", one.ID)
			}
		}
		if !slices.Equal(told, want) || err != nil || p.Count != 2 {
			t.Errorf("%s:\ngot  %q\nwant %q, %+v, %v", evidence, told, want, p, err)
		}
		_, client := serve(t, reply{status: 200, body: body})
		var stamped []string
		_, err = client.AlertStamps(t.Context(), window, func(s alert.Stamp) error {
			stamped = append(stamped, s.ID)
			if !s.Updated.Equal(time.Date(2025, 11, 18, 9, 44, 31, 0, time.UTC)) {
				t.Errorf("updated %s", s.Updated)
			}
			return nil
		})
		if !slices.Equal(stamped, ids) || err != nil {
			t.Errorf("%s: stamps of %q, alerts of %q, %v", evidence, stamped, ids, err)
		}
	}
}

// TestAnAlertHasDefendersIDIfGraphTellsIt tries both: that the two ids are equal, and that they are not.
func TestAnAlertHasDefendersIDIfGraphTellsIt(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"id":"x","providerAlertId":"x","serviceSource":"microsoftDefenderForEndpoint"}`:                   "x",
		`{"id":"x","providerAlertId":"da1_-2","serviceSource":"microsoftDefenderForEndpoint"}`:              "da1_-2",
		`{"id":"x","providerAlertId":"da1_-2","serviceSource":"microsoftDefenderForIdentity"}`:              "x",
		`{"id":"x","providerAlertId":null,"serviceSource":"microsoftDefenderForEndpoint"}`:                  "x",
		`{"id":"x","providerAlertId":"../a","serviceSource":"microsoftDefenderForEndpoint"}`:                "x",
		`{"id":"x","providerAlertId":"hunt:a:b","serviceSource":"microsoftDefenderForEndpoint"}`:            "x",
		`{"id":"x","providerAlertId":"y:` + machineID + `","serviceSource":"microsoftDefenderForEndpoint"}`: "x",
		`{"id":"x","providerAlertId":"da1_-2"}`:                                                             "x",
	} {
		if got := single(t, body); got.ID != want || got.GraphID != "x" {
			t.Errorf("%s: %s, Graph's %s", body, got.ID, got.GraphID)
		}
	}
}

func TestAPageTellsThatItIsNotTheLast(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]alert.Page{
		`{"value":[]}`:                                                         {},
		`{"value":[],"@odata.nextLink":null}`:                                  {},
		`{"value":[{"id":"x"},7]}`:                                             {Count: 2},
		fixture(t, "graph_alerts_page.json"):                                   {Count: 1, More: true},
		`{"@odata.nextLink":"","value":[]}`:                                    {More: true},
		`{"@odata.nextLink":[{}],"value":[1]}`:                                 {Count: 1, More: true},
		`{"@odata.nextLink":"http://169.254.169.254/?x","value":[{"id":"x"}]}`: {Count: 1, More: true},
	} {
		s, c := serve(t, reply{200, body, http.Header{"Date": {"Tue, 18 Nov 2025 09:45:00 GMT"}}})
		want.Date = time.Date(2025, 11, 18, 9, 45, 0, 0, time.UTC)
		got, err := c.AlertPage(t.Context(), window, func(alert.Alert) error { return nil })
		if got != want || err != nil || len(s.asked) != 1 {
			t.Errorf("%s: %+v after %d requests, %v", body, got, len(s.asked), err)
		}
	}
}

func TestPagesThatGraphDoesNotServeAreNotAskedFor(t *testing.T) {
	t.Parallel()
	s, c := serve(t, reply{status: 200, body: `{"value":[]}`})
	for _, w := range []alert.Window{{Top: 0}, {Top: 1001}, {Top: 1, Skip: -1}, {Top: 1, Skip: 501}} {
		_, err := c.AlertPage(t.Context(), w, func(alert.Alert) error { return nil })
		if trouble, _ := machine.TroubleOf(err); trouble != machine.Refused || len(s.asked) != 0 {
			t.Errorf("%+v: %v after %d requests", w, err, len(s.asked))
		}
	}
	_, err := c.AlertStamps(t.Context(), alert.Window{Top: 1, Skip: 501}, nil)
	if err == nil || !strings.Contains(err.Error(), "ask for a shorter window") {
		t.Errorf("%v", err)
	}
	if _, err := c.Alert(t.Context(), "../users"); err == nil || len(s.asked) != 0 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
}

func TestAnErrorOfTheVisitEndsTheReading(t *testing.T) {
	t.Parallel()
	_, c := serve(t, reply{status: 200, body: `{"value":[{"id":"a"},{"id":"b"}]}`})
	enough := errors.New("enough")
	visits := 0
	_, err := c.AlertPage(t.Context(), window, func(alert.Alert) error {
		visits++
		return enough
	})
	if !errors.Is(err, enough) || err.Error() != "enough" || visits != 1 {
		t.Errorf("%d visits, %v", visits, err)
	}
}

func TestCommentsAreRead(t *testing.T) {
	t.Parallel()
	_, c := serve(t, reply{status: 200, body: fixture(t, "graph_alert.json")})
	got, err := c.AlertComments(t.Context(), alertID)
	if !slices.Equal(got, []string{"Picked up by automated triage"}) || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
