package defender_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/machine"
)

var window = alert.Window{
	From: time.Date(2025, 11, 18, 9, 0, 0, 0, time.UTC),
	To:   time.Date(2025, 11, 18, 10, 0, 0, 0, time.UTC),
	Top:  2000,
}

// readPage reads a page and returns the ids of what was handed over.
func readPage(t testing.TB, c *defender.Client, w alert.Window) ([]string, alert.Page, error) {
	var ids []string
	page, err := c.AlertPage(t.Context(), w, func(a alert.Alert) error {
		ids = append(ids, a.ID)
		return nil
	})
	return ids, page, err
}

func TestAlertPagesHandOverEveryAlert(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]string{
		"alert_list_page.json":      {alertID, "da638994402118836207_519907742"},
		"alert_list_last_page.json": {"da638994388870013391_-77120458"},
		"alert_list_expanded.json":  {alertID},
		"alert_list_empty.json":     nil,
	} {
		got, page, err := readPage(t, always(200, fixture(t, file), "Date", "Tue, 18 Nov 2025 10:00:05 GMT").client(),
			window)
		wantPage := alert.Page{Count: len(want), Date: time.Date(2025, 11, 18, 10, 0, 5, 0, time.UTC)}
		if diff := cmp.Diff(want, got); err != nil || diff != "" || page != wantPage {
			t.Errorf("%s: page %+v, %v (-want +got):\n%s", file, page, err, diff)
		}
	}
}

func TestAlertsOfAPageAreReadLikeSingleOnes(t *testing.T) {
	t.Parallel()
	var got []alert.Alert
	for _, file := range []string{"alert_list_expanded.json", "alert_list_last_page.json"} {
		if _, err := always(200, fixture(t, file)).client().AlertPage(t.Context(), window, func(a alert.Alert) error {
			got = append(got, a)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	custom := alert.Alert{
		ID:              "da638994388870013391_-77120458",
		AssignedTo:      "Automation",
		Severity:        alert.Informational,
		Status:          alert.StatusResolved,
		Classification:  "FalsePositive",
		Determination:   "InsufficientData",
		DetectionSource: "CustomDetection",
		DetectorID:      "6d3a2b10-97c4-4f58-8e21-b05f3c9d7a64",
		Category:        "SuspiciousActivity",
		Title:           "Custom rule: unsigned driver staged",
		Description:     "Raised by a tenant-authored detection rule.",
		Created:         at(t, "2025-11-18T08:54:47.0013391Z"),
		FirstEvent:      at(t, "2025-11-18T08:50:00Z"),
		LastEvent:       at(t, "2025-11-18T08:50:00Z"),
		Updated:         at(t, "2025-11-18T09:02:10.27Z"),
		Resolved:        at(t, "2025-11-18T09:02:10.2012345Z"),
		MachineID:       machineID,
		ComputerDNSName: "fin-lt-0147.corp.contoso.com",
		RBACGroupName:   "Finance-Laptops",
		MitreTechniques: []string{"T1543"},
		ServiceSource:   alert.ForEndpoint,
	}
	if diff := cmp.Diff([]alert.Alert{sampleAlert(t), custom}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAlertPageIsAskedForAsTheAPIReadsIt(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("east", 2*3600)
	for name, tt := range map[string]struct {
		window alert.Window
		want   string
	}{
		"whole seconds": {
			window,
			"%24expand=evidence&%24filter=lastUpdateTime%20ge%202025-11-18T09%3A00%3A00Z%20and%20lastUpdateTime" +
				"%20lt%202025-11-18T10%3A00%3A00Z&%24top=2000",
		},
		"fractions, another zone, a later page": {
			alert.Window{
				From: time.Date(2025, 11, 18, 11, 0, 0, 586666700, east),
				To:   time.Date(2025, 11, 18, 11, 0, 1, 500000000, east),
				Top:  10000,
				Skip: 10000,
			},
			"%24expand=evidence&%24filter=lastUpdateTime%20ge%202025-11-18T09%3A00%3A00.5866667Z%20and" +
				"%20lastUpdateTime%20lt%202025-11-18T09%3A00%3A01.5Z&%24skip=10000&%24top=10000",
		},
	} {
		a := always(200, list())
		if _, _, err := readPage(t, a.client(), tt.window); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, a.asked[0].URL.RawQuery); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestImpossiblePagesAreNotAskedFor(t *testing.T) {
	t.Parallel()
	for _, w := range []alert.Window{{}, {Top: -1}, {Top: 10001}, {Top: 1, Skip: -1}} {
		a := always(200, list())
		_, _, err := readPage(t, a.client(), w)
		if trouble, _ := machine.TroubleOf(err); trouble != machine.Refused || len(a.asked) != 0 {
			t.Errorf("%+v: %v (%s), %d requests", w, err, trouble, len(a.asked))
		}
	}
}

func TestPagesWithoutTheAPIsClockSaySo(t *testing.T) {
	t.Parallel()
	for _, header := range [][]string{nil, {"Date", ""}, {"Date", "2025-11-18T10:00:05Z"}, {"Date", "soon"}} {
		_, page, err := readPage(t, always(200, list(), header...).client(), window)
		if err != nil || !page.Date.IsZero() {
			t.Errorf("%v: date %v, %v", header, page.Date, err)
		}
	}
}

func TestAlertsBeforeTheBreakAreHandedOver(t *testing.T) {
	t.Parallel()
	const first, second = `{"id":"da1","title":"one"}`, `{"id":"da2"}`
	whole := list(first, second)
	for name, tt := range map[string]struct {
		body string
		end  error
		want []string
	}{
		"cut inside the second alert": {whole[:strings.Index(whole, second)+7], io.EOF, []string{"da1"}},
		"cut behind the second alert": {
			whole[:strings.Index(whole, second)+len(second)], io.EOF, []string{"da1", "da2"},
		},
		"cut before the last brace": {whole[:len(whole)-1], io.EOF, []string{"da1", "da2"}},
		"connection lost":           {whole[:len(whole)-1], io.ErrUnexpectedEOF, []string{"da1", "da2"}},
		"broken second alert":       {list(first, `{"id":"da2",}`), io.EOF, []string{"da1"}},
		"no comma":                  {strings.Replace(whole, "},{", "}{", 1), io.EOF, []string{"da1"}},
		"error in place of the rest": {
			`{"value":[` + first + `],"error":{"code":"InternalServerError"}}`, io.EOF, []string{"da1"},
		},
		"error inside the broken list": {`{"value":[` + first + `,"error":{"code":"x"}}`, io.EOF, []string{"da1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &api{answer: func(*http.Request) (*http.Response, error) {
				r := reply(200, "", "Date", "Tue, 18 Nov 2025 10:00:05 GMT")
				r.Body = cut(tt.body, tt.end)
				return r, nil
			}}
			got, page, err := readPage(t, a.client(), window)
			if trouble, _ := machine.TroubleOf(err); trouble != machine.Transient {
				t.Errorf("%v is %s, want transient", err, trouble)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if name != "error inside the broken list" && page.Count != len(tt.want) || page.Date.IsZero() {
				t.Errorf("page %+v, want %d alerts", page, len(tt.want))
			}
		})
	}
}

func TestAnswersWithoutAListAreNoEmptyPage(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "null", "[]", "{}", `"value"`, `{"value":null}`, `{"value":{}}`, `{"value":"x"}`,
		`{"id":"da1"}`, `{"error":{"code":"x"}}`, "<html></html>", `{"value":`,
	} {
		c := always(200, body).client()
		_, _, pageErr := readPage(t, c, window)
		_, actionsErr := c.CurrentActions(t.Context(), time.Time{})
		_, machinesErr := c.Machines(t.Context(), []string{machineID})
		for _, err := range []error{pageErr, actionsErr, machinesErr} {
			if trouble, _ := machine.TroubleOf(err); trouble != machine.Transient {
				t.Errorf("%q: %v (%s), want transient trouble", body, err, trouble)
			}
		}
	}
}

func TestEntriesThatAreNoAlertsCountButAreNotHandedOver(t *testing.T) {
	t.Parallel()
	body := list("null", `{"id":"da1"}`, `"x"`, `[{"id":"da9"}]`, "7", `{"id":"da2"}`)
	got, page, err := readPage(t, always(200, body).client(), window)
	if diff := cmp.Diff([]string{"da1", "da2"}, got); err != nil || diff != "" || page.Count != 6 {
		t.Errorf("count %d, %v (-want +got):\n%s", page.Count, err, diff)
	}
}

func TestMembersAroundTheListMayStandAnywhere(t *testing.T) {
	t.Parallel()
	body := `{"value":[{"id":"da1"}],"@odata.nextLink":"https://elsewhere.example/","@odata.count":1,` +
		`"x":{"value":[{"id":"da9"}]}}`
	got, page, err := readPage(t, always(200, body).client(), window)
	if diff := cmp.Diff([]string{"da1"}, got); err != nil || diff != "" || page.Count != 1 {
		t.Errorf("count %d, %v (-want +got):\n%s", page.Count, err, diff)
	}
}

func TestVisitsErrorEndsThePageAndComesBackAsItIs(t *testing.T) {
	t.Parallel()
	errFull, visits := errors.New("full"), 0
	page, err := always(200, list(`{"id":"da1"}`, `{"id":"da2"}`, `{"id":"da3"}`)).client().AlertPage(t.Context(),
		window, func(alert.Alert) error {
			visits++
			if visits == 2 {
				return errFull
			}
			return nil
		})
	if err != errFull || visits != 2 || page.Count != 2 {
		t.Errorf("%v after %d visits, count %d", err, visits, page.Count)
	}
}

// server serves answer over real HTTP and returns a client of it.
func server(t *testing.T, answer http.HandlerFunc) *defender.Client {
	t.Helper()
	s := httptest.NewServer(answer)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
	})
	base, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return defender.New(defender.Options{Base: base, HTTP: &http.Client{Transport: transport}})
}

func TestCompressedPagesAreRead(t *testing.T) {
	t.Parallel()
	body := fixture(t, "alert_list_page.json")
	for name, sent := range map[string]int{"whole": -1, "cut": 300} {
		c := server(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				t.Error("gzip is not asked for")
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			if sent < 0 {
				_, _ = io.WriteString(z, body)
				z.Close()
				return
			}
			_, _ = io.WriteString(z, body[:sent])
			_ = z.Flush()
		})
		_, page, err := readPage(t, c, window)
		trouble, _ := machine.TroubleOf(err)
		if sent < 0 && (err != nil || page.Count != 2) || sent >= 0 && trouble != machine.Transient {
			t.Errorf("%s: count %d, %v", name, page.Count, err)
		}
	}
}

// endedBody tells whether it was read to its end, which it shows only when asked once more, as a chunked answer does.
type endedBody struct {
	io.Reader
	ended, closed bool
}

func (b *endedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}

func (b *endedBody) Close() error {
	b.closed = true
	return nil
}

func TestAnswersAreReadToTheirEndSoThatConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	for status, text := range map[int]string{
		200: `{"id":"x","value":[{"id":"x"}]}`,
		400: fixture(t, "error_400_active_request.json"),
	} {
		var bodies []*endedBody
		a := &api{answer: func(*http.Request) (*http.Response, error) {
			r := reply(status, "")
			bodies = append(bodies, &endedBody{Reader: strings.NewReader(text)})
			r.Body = bodies[len(bodies)-1]
			return r, nil
		}}
		reads, acts := every(t.Context(), a.client())
		for i, body := range bodies {
			if !body.ended || !body.closed {
				t.Errorf("%d, %s: read to its end: %t, closed: %t", status, a.calls()[i], body.ended, body.closed)
			}
			if a.asked[i].Context().Err() == nil {
				t.Errorf("%d, %s: the timer of its time-out still runs", status, a.calls()[i])
			}
		}
		if len(bodies) != len(reads)+len(acts) {
			t.Errorf("%d answers for %d methods", len(bodies), len(reads)+len(acts))
		}
	}
}
