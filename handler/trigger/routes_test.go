package trigger

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// surface is every route, as "METHOD /path".
func surface(t *testing.T) []string {
	t.Helper()
	h, _ := start((&spy{}).services)
	var routes []string
	err := chi.Walk(h.router.(chi.Routes),
		func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			routes = append(routes, method+" "+route)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(routes)
	return routes
}

func TestTheSurfaceIsWhatThePageSays(t *testing.T) {
	t.Parallel()
	want := []string{
		"GET /", "GET /api/console", "GET /api/console/*", "GET /api/health", "GET /api/health/summary",
		"GET /api/operator", "GET /api/operator/*", "GET /api/signin", "GET /api/signin/*",
		"POST /FollowActions", "POST /PollAlerts", "POST /RespondToAlert", "POST /RunHunts", "POST /SendNotice",
		"POST /api/alerts", "POST /api/console", "POST /api/console/*", "POST /api/operator", "POST /api/operator/*",
		"POST /api/signin", "POST /api/signin/*",
	}
	if diff := cmp.Diff(want, surface(t)); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}

func TestEveryFunctionCallsItsOwnServiceOnce(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h, _ := start(s.services)
	wantSuccess(t, post(h, "/PollAlerts", timerEnvelope))
	wantSuccess(t, post(h, "/FollowActions", timerEnvelope))
	wantSuccess(t, post(h, "/RunHunts", timerEnvelope))
	wantSuccess(t, post(h, "/RespondToAlert", queueEnvelope(`{"alertId":"a"}`, 2)))
	wantSuccess(t, post(h, "/SendNotice", queueEnvelope("n", 1)))
	if s.calls() != 5 || len(s.ticks["RunHunts"]) != 1 || len(s.ticks["PollAlerts"]) != 1 ||
		len(s.ticks["FollowActions"]) != 1 || len(s.deliveries["SendNotice"]) != 1 {
		t.Errorf("calls: %v %v", s.ticks, s.deliveries)
	}
	got := s.deliveries["RespondToAlert"][0]
	if string(got.Body) != `{"alertId":"a"}` || got.MessageID != "m-1" || got.DeliveryCount != 2 ||
		got.EnqueuedAt.IsZero() || got.InvocationID != "inv-1" {
		t.Errorf("delivery is %+v", got)
	}
}

func TestWrongPathsAndMethodsAreRefusedWithAProblem(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h, _ := start(s.services)
	for _, c := range []struct {
		method, target string
		want           int
	}{
		{"GET", "/RespondToAlert", 405}, {"PUT", "/RespondToAlert", 405}, {"DELETE", "/PollAlerts", 405},
		{"POST", "/", 405}, {"POST", "/api/health", 405},
		{"HEAD", "/PollAlerts", 405}, {"BREW", "/PollAlerts", 405}, {"OPTIONS", "/PollAlerts", 405},
		{"POST", "/respondtoalert", 404}, {"POST", "/RespondToAlert/", 404}, {"POST", "//RespondToAlert", 404},
		{"POST", "/./RespondToAlert", 404},
		{"POST", "/%52espondToAlert", 404}, {"POST", "/RespondToAlert%00", 404},
		{"POST", "/RespondToAlert?code=1", 404}, {"POST", "/RespondToAlert?", 404},
		{"POST", "/x/../RespondToAlert", 404}, {"POST", "http://127.0.0.1/RespondToAlert", 404},
		{"POST", "/runhunts", 404}, {"POST", "/api/RespondToAlert", 404},
		{"GET", "/api/health//", 404}, {"GET", "/api//health", 404}, {"GET", "/api/%68ealth", 404}, {"GET", "/?x", 404},
		{"GET", "/API/healt\u212a", 404},
		{"GET", "/api", 404}, {"GET", "/api/", 404}, {"GET", "/API//", 404}, {"POST", "/POLLALERTS", 404},
		{"POST", "/PollAlerts/", 404}, {"POST", "/Api/PollAlerts/", 404},
	} {
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(queueEnvelope("x", 1)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want || w.Header().Get("Location") != "" {
			t.Errorf("%s %s: %d, want %d", c.method, c.target, w.Code, c.want)
		}
		problemOf(t, w.Code, w.Header(), w.Body.Bytes())
	}
	if s.calls() != 0 {
		t.Errorf("%d services were called", s.calls())
	}
}

// TestPathsFromOutsideAreTakenAsTheHostTakesThem: its routes know no letter case and take a slash at the end, and it
// forwards what the caller wrote.
func TestPathsFromOutsideAreTakenAsTheHostTakesThem(t *testing.T) {
	t.Parallel()
	people := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		meant := regexp.MustCompile(`^/api/(operator|signin|console)(/one/two)?$`)
		if !meant.MatchString(r.URL.Path) {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	h, _ := start((&spy{report: Health{OK: true, Body: "well"}, people: people}).services)
	for _, route := range surface(t) {
		method, path, _ := strings.Cut(strings.Replace(route, "*", "one/two", 1), " ")
		if !strings.HasPrefix(path, "/api/") {
			continue
		}
		for _, target := range []string{
			path, strings.ToUpper(path), path + "/", "/Api" + strings.ToUpper(path[4:5]) + path[5:] + "/",
			strings.ToUpper(path) + "/?code=1", path + "?code=1",
		} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(`{"alertId":"a"}`)))
			if w.Code != http.StatusOK && w.Code != http.StatusAccepted {
				t.Errorf("%s %s: %d", method, target, w.Code)
			}
		}
	}
}

// raw sends a request as it is written and returns the answer's status, 0 if the connection was closed without one.
func raw(t interface{ Fatal(...any) }, address, target string, header ...string) int {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	body := queueEnvelope(`{"alertId":"a"}`, 1)
	write(c,
		fmt.Sprintf("POST %s HTTP/1.1\r\nHost: app\r\nContent-Type: application/json\r\nContent-Length: "+
			"%d\r\nConnection: close\r\n%s\r\n%s",
			target, len(body), strings.Join(header, ""), body))
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode
}

// TestNoRequestFromOutsideReachesAnEnvelopeRoute: the host forwards what comes in under /api/ as it was written.
// Whatever stands after /api, no service of a trigger is called, and nothing is redirected.
func TestNoRequestFromOutsideReachesAnEnvelopeRoute(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h, _ := start(s.services)
	address := listen(t, h)
	pieces := []string{
		"RespondToAlert", "PollAlerts", "FollowActions", "SendNotice", "respondtoalert", "api", "health", "..", ".", "",
		"%2e%2e", "%2E.", "..;",
		"%2f", "%2F..%2F", "%5c..%5c", `\..\`, "%00", "%252e%252e", "..%c0%af", "*", "{path}", "?", "#", ";x=1",
		"\u00e4", "%52espondToAlert", "a",
	}
	fronts := []string{
		"/api", "/api", "/api", "//api", "/API", "http://app/api", "http://127.0.0.1/api", "http:/api",
		"https://u:p@app/api",
	}
	headers := []string{
		"X-HTTP-Method-Override: POST\r\n", "X-Original-URL: /RespondToAlert\r\n", "X-Rewrite-URL: /RespondToAlert\r\n",
		"X-Forwarded-Prefix: /api\r\n",
		"X-Azure-Functions-InvocationId: 1\r\n", "X-Forwarded-Path: /RespondToAlert\r\n",
		"User-Agent: Azure-Functions-Host/4\r\n",
	}
	rapid.Check(t, func(rt *rapid.T) {
		target := rapid.SampledFrom(fronts).Draw(rt, "front")
		for _, p := range rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 6).Draw(rt, "pieces") {
			target += rapid.SampledFrom([]string{"/", "/", "/", "//", "", "%2f"}).Draw(rt, "separator") + p
		}
		target += rapid.SampledFrom([]string{"", "", "?/../RespondToAlert", "?code=x", "/"}).Draw(rt, "end")
		status := raw(rt, address, target, rapid.SliceOfN(rapid.SampledFrom(headers), 0, 3).Draw(rt, "headers")...)
		if n := s.calls(); n != 0 {
			rt.Fatalf("%q reached a trigger's service: %v", target, s.deliveries)
		}
		if status != http.StatusNotFound && status != http.StatusMethodNotAllowed && status != http.StatusBadRequest &&
			status != 0 {
			rt.Fatalf("%q was answered %d", target, status)
		}
	})
	if status := raw(t, address, "/RespondToAlert"); status != http.StatusOK || s.calls() != 1 {
		t.Errorf("the host's own request was answered %d: what is above proves nothing", status)
	}
}

func TestOptionsForTheServerIsRefusedLikeAnyOther(t *testing.T) {
	t.Parallel()
	h, _ := start((&spy{}).services)
	c, err := net.Dial("tcp", listen(t, h))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	write(c, "OPTIONS * HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	problemOf(t, answer.StatusCode, answer.Header, body)
}
