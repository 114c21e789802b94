package trigger

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// forPeople are routes of the functions for people.
var forPeople = []string{"/api/operator/isolated", "/api/signin/start", "/api/console", "/api/console/runs"}

// huntPaths are where hunts are run by hand.
var huntPaths = []string{"/api/operator/hunts/run", "/api/console/huntrun"}

func ask(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

// wantProblem checks a problem document.
func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	if w.Code != status || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s %s, want %d", w.Code, w.Header().Get("Content-Type"), w.Body, status)
	}
	for _, word := range words {
		if !strings.Contains(w.Body.String(), word) {
			t.Errorf("%s does not say %q", w.Body, word)
		}
	}
}

func TestWithoutItsSettingsSignInSaysThatItIsOff(t *testing.T) {
	t.Parallel()
	h, log := start((&spy{}).services)
	for _, path := range forPeople {
		wantProblem(t, ask(h, "GET", path, ""), 404, `"off"`, "CORDON_APP_URL", "CORDON_SIGNIN_CLIENT_ID")
	}
	if log.text() != "" {
		t.Error(log.text())
	}
}

func TestWhatPeopleAskReachesItsServiceWhole(t *testing.T) {
	t.Parallel()
	s := &spy{people: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		ends, bounded := r.Context().Deadline()
		if err != nil || !bounded || time.Until(ends) > timeFor(r) {
			t.Errorf("%s: %v, until %v", r.URL, err, ends)
		}
		w.Header().Set("Location", "/next")
		w.WriteHeader(http.StatusSeeOther)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization")+" "+string(body))
	})}
	h, log := start(s.services)
	for _, path := range append(forPeople, huntPaths...) {
		r := httptest.NewRequest("POST", path+"?code=s3cr3t&Machine=a,b", strings.NewReader(`{"a":1}`))
		r.Header.Set("Authorization", "Bearer s3cr3t")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/next" ||
			w.Body.String() != "POST "+path+`?code=s3cr3t&Machine=a,b Bearer s3cr3t {"a":1}` {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
	}
	if log.text() != "" {
		t.Error(log.text())
	}
}

func TestWhatPeopleAskIsBounded(t *testing.T) {
	t.Parallel()
	called := 0
	h, _ := start((&spy{people: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called++ })}).services)
	for _, path := range forPeople {
		wantProblem(t, ask(h, "POST", path, strings.Repeat("a", maxAsked+1)), 413, `"too_large"`, "64 KiB")
	}
	if called != 0 {
		t.Errorf("a body that is too large reached the service %d times", called)
	}
	if w := ask(h, "POST", forPeople[0], strings.Repeat("a", maxAsked)); w.Code != 200 || called != 1 {
		t.Errorf("a body that fits: %d %s", w.Code, w.Body)
	}
}

func TestAskingEndsInTime(t *testing.T) {
	t.Parallel()
	for asked, limit := range map[string]time.Duration{
		"GET " + forPeople[0]:                         askTime,
		"POST " + forPeople[0]:                        orderTime,
		"POST " + forPeople[1]:                        askTime,
		"POST " + forPeople[2]:                        askTime,
		"POST " + forPeople[3]:                        orderTime,
		"POST " + huntPaths[0]:                        huntTime,
		"POST " + huntPaths[1]:                        huntTime,
		"POST " + strings.ToUpper(huntPaths[0]) + "/": huntTime,
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			h, _ := start((&spy{people: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				w.WriteHeader(http.StatusGatewayTimeout)
			})}).services)
			method, path, _ := strings.Cut(asked, " ")
			if w := ask(h, method, path, "{}"); w.Code != http.StatusGatewayTimeout || time.Since(began) != limit {
				t.Errorf("%s: %d after %s", asked, w.Code, time.Since(began))
			}
		})
	}
}

// TestAFaultBehindWhatPeopleAskIsToldOnce has a service that breaks before and in its answer, and one that is not there
// yet. No query is logged.
func TestAFaultBehindWhatPeopleAskIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wrong http.HandlerFunc
		want  int
		body  string
	}{
		"before the answer": {func(http.ResponseWriter, *http.Request) { panic("broken") }, 503, "not_ready"},
		"in the answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			panic("broken")
		}, 202, ""},
		"in its body": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "so far")
			panic("broken")
		}, 200, "so far"},
	} {
		h, log := start((&spy{people: c.wrong}).services)
		for _, path := range forPeople {
			w := ask(h, "GET", path+"?code=s3cr3t", "")
			body := w.Body.String()
			if w.Code != c.want || strings.Contains(body, "broken") || !strings.Contains(body, c.body) ||
				c.want < 500 && body != c.body {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		lines := log.lines(t, "ERROR")
		told := len(lines) == len(forPeople)
		for i, function := range []string{"Operate", "SignIn", "Console", "Console"} {
			told = told && lines[i]["function"] == function && lines[i]["stack"] != nil
		}
		if !told || strings.Contains(log.text(), "s3cr3t") {
			t.Errorf("%s: %s", name, log.text())
		}
	}
	h, _ := start(func(context.Context) (Services, error) { return Services{}, errors.New("secret reasons") })
	w := ask(h, "GET", forPeople[0], "")
	wantProblem(t, w, 503, `"not_ready"`)
	if w.Header().Get("Retry-After") != "10" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}
