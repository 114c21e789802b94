package defendersim

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serveTCP serves a tenant over real connections.
func serveTCP(t *testing.T, tn *tenant) (*http.Client, string) {
	t.Helper()
	s := httptest.NewServer(tn.Handler())
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
	})
	return &http.Client{Transport: transport}, s.URL
}

func post(t *testing.T, client *http.Client, url, body string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return client.Do(r)
}

func TestAResetLosesTheAnswerButNotTheAction(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Fault: func(r *http.Request) *Fault {
		return &Fault{ResetAfterHandling: strings.HasSuffix(r.URL.Path, "/isolate")}
	}})
	client, base := serveTCP(t, tn)
	answer, err := post(t, client, base+"/api/machines/"+laptop+"/isolate", `{"Comment":"run 1"}`)
	if err == nil {
		answer.Body.Close()
		t.Fatal("the client got an answer")
	}
	if all := tn.Actions(); len(all) != 1 || all[0].Comment != "run 1" {
		t.Errorf("actions %v, want the one whose answer was lost", all)
	}
	want := Call{
		At:       tn.clock.now(),
		Method:   "POST",
		Path:     "/api/machines/" + laptop + "/isolate",
		Endpoint: "POST /api/machines/{id}/isolate",
		Query:    url.Values{},
		Comment:  "run 1",
		Status:   201,
		Lost:     true,
	}
	if diff := cmp.Diff([]Call{want}, tn.Calls()); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestABodyCanBeCut(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"", "gzip"} {
		tn := open(t, Options{})
		tn.backlog(100, sampleAlert(t))
		tn.SetFault(func(*http.Request) *Fault { return &Fault{CutBodyAfter: 700} })
		client, base := serveTCP(t, tn)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/alerts", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", encoding)
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if len(got) != 700 || !errors.Is(err, io.ErrUnexpectedEOF) || answer.StatusCode != 200 {
			t.Errorf("%q: %d, %d bytes, %v; want 700 and an unexpected end", encoding, answer.StatusCode, len(got), err)
		}
	}
}

func TestAnswersAreCompressedWhenAskedFor(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	tn.backlog(50, sampleAlert(t))
	plain := tn.get("/api/alerts?$expand=evidence").Body.String()
	for header, compressed := range map[string]bool{
		"gzip":                true,
		"deflate, gzip;q=0.5": true,
		"gzip;q=0":            false,
		"gzip; q=0.000":       false,
		"deflate":             false,
		"":                    false,
		"x-gzip2":             false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/alerts?$expand=evidence", nil)
		r.Header.Set("Accept-Encoding", header)
		w := httptest.NewRecorder()
		tn.Handler().ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != compressed {
			t.Errorf("%q: compressed %t", header, got)
			continue
		}
		body := io.Reader(w.Body)
		if compressed {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != plain {
			t.Errorf("%q: %v, %d bytes, want %d", header, err, len(got), len(plain))
		}
	}
}

func TestFaultsAnswerInsteadOfTheAPI(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Quotas: &Quotas{PerMinute: 1}})
	for _, tt := range []struct {
		fault      Fault
		status     int
		code       string
		retryAfter string
	}{
		{Fault{Status: 429, RetryAfter: 1500 * time.Millisecond}, 429, "429", "2"},
		{Fault{Status: 503}, 503, "InternalServerError", ""},
		{Fault{Status: 401}, 401, "Unauthorized", ""},
		{Fault{Status: 403}, 403, "Forbidden", ""},
		{Fault{Status: 502, Body: `{"error":{"code":"Bad<Gateway>"}}`}, 502, "Bad<Gateway>", ""},
	} {
		tn.SetFault(func(*http.Request) *Fault { return &tt.fault })
		r := tn.want(tn.isolateNow(laptop), tt.status, tt.code)
		if got := r.Header().Get("Retry-After"); got != tt.retryAfter {
			t.Errorf("%+v: Retry-After %q, want %q", tt.fault, got, tt.retryAfter)
		}
	}
	tn.SetFault(nil)
	if len(tn.Actions()) != 0 || len(tn.Calls()) != 5 {
		t.Errorf("%d actions after %d calls, want none after 5", len(tn.Actions()), len(tn.Calls()))
	}
	tn.want(tn.isolateNow(laptop), 201, "") // faults spent no quota
}

func TestDelaysComeBetweenTheActAndItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := open(t, Options{
			ResponseDelay: 50 * time.Millisecond,
			Fault:         func(*http.Request) *Fault { return &Fault{Delay: time.Second} },
		})
		begun, done := time.Now(), make(chan time.Duration)
		go func() {
			tn.isolateNow(laptop)
			done <- time.Since(begun)
		}()
		synctest.Wait()
		if len(tn.Actions()) != 1 {
			t.Error("the action waits with its answer")
		}
		if got := <-done; got != 1050*time.Millisecond {
			t.Errorf("answered after %v", got)
		}
	})
}

func TestEverythingIsSafeAtOnce(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Duplicates: ReturnOpenAction, ListLag: time.Second, Quotas: &Quotas{PerMinute: 500}})
	for i := range 200 {
		tn.AddAlert(Alert{ID: fmt.Sprintf("da%d", i), MachineID: laptop}, time.Time{})
	}
	page := tn.Page()
	work := []func(i int){
		func(int) { tn.isolateNow(laptop) },
		func(int) { tn.releaseNow(server) },
		func(i int) { tn.ask("PATCH", fmt.Sprintf("/api/alerts/da%d", i), `{"comment":"x"}`) },
		func(int) { tn.get("/api/alerts?$expand=evidence") },
		func(int) { tn.filter("/api/machineactions", "status eq 'Pending'") },
		func(i int) { tn.AddAlert(Alert{MachineID: server, Title: fmt.Sprint(i)}, tn.clock.now()) },
		func(i int) { _ = tn.UpdateAlert(fmt.Sprintf("da%d", i), func(a *Alert) { a.Severity = "High" }) },
		func(i int) { _ = tn.SetOffline(laptop, i%2 == 0) },
		func(int) { tn.clock.pass(time.Second) },
		func(int) { tn.Actions(); tn.Alerts(); tn.Machines(); tn.Calls(); tn.Isolated(laptop) },
		func(int) {
			page.ServeHTTP(httptest.NewRecorder(),
				httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		},
		func(int) { tn.SetFault(nil) },
	}
	var all sync.WaitGroup
	for _, one := range work {
		all.Go(func() {
			for i := range 30 {
				one(i)
			}
		})
	}
	all.Wait()
	if n := tn.CountCalls(func(c Call) bool { return c.Status >= 400 }); n != 0 {
		t.Errorf("%d calls refused", n)
	}
	for _, a := range tn.Actions() {
		for i := 1; i < len(a.History); i++ {
			if a.History[i].At.Before(a.History[i-1].At) || a.History[i-1].Status.Final() {
				t.Errorf("history goes backwards: %v", a.History)
			}
		}
	}
	if n := len(tn.Alerts()); n != 230 {
		t.Errorf("%d alerts, want 230", n)
	}
}

func TestTextsThatAreNotUTF8AreStillJSON(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	title := "a\xff\x00\"</script>\u2028"
	tn.AddAlert(Alert{ID: "da1", Title: title}, time.Time{})
	raw := tn.get("/api/alerts/da1").Body.Bytes()
	var got struct{ Title string }
	if err := json.Unmarshal(raw, &got); err != nil || got.Title != strings.ToValidUTF8(title, "\ufffd") {
		t.Errorf("%q, %v", got.Title, err)
	}
}
