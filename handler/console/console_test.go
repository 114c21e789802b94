package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cordon/handler/machine"
	"cordon/handler/operate/wire"
)

// queryOf is what the page of something has to be asked with.
func queryOf(path string) string {
	return map[string]string{
		"/api/console/run":        "?run=da1",
		"/api/console/machine":    "?machine=" + machineID,
		"/api/console/find":       "?q=da1",
		"/api/console/release":    "?machine=" + machineID,
		"/api/console/continue":   "?alert=da1",
		"/api/console/drop":       "?alert=da1",
		"/api/console/deadletter": "?queue=alerts&number=17",
		"/api/console/replay":     "?queue=alerts&number=17",
		"/api/console/discard":    "?queue=alerts&number=17",
		"/api/console/cancel":     "?machine=" + machineID + "&action=action-1",
		"/api/console/enqueue":    "?alert=da1",
		"/api/console/send":       "?mail=incident:7:1",
		"/api/console/huntrun":    "?hunt=tools",
	}[path]
}

func TestEveryPageIsShownToWhoMayLookAndToNobodyElse(t *testing.T) {
	t.Parallel()
	w := isolated(t)
	pagePaths, orderPaths := Pages()
	for who, c := range map[string]struct {
		roles         []wire.Role
		pages, orders int
	}{
		"nobody":   {nil, http.StatusSeeOther, http.StatusSeeOther},
		"reader":   {[]wire.Role{wire.Reader}, http.StatusOK, http.StatusForbidden},
		"approver": {[]wire.Role{wire.Approver}, http.StatusOK, http.StatusForbidden},
		"operator": {[]wire.Role{wire.Operator}, http.StatusOK, http.StatusOK},
	} {
		s := newSite(t, w, c.roles...)
		check := func(path string, want int) {
			a := s.get(path + queryOf(path))
			if path == "/api/console/find" && want == http.StatusOK {
				want = http.StatusSeeOther
			}
			if a.StatusCode != want {
				t.Errorf("%s gets %s: %d %s", who, path, a.StatusCode, a.text)
			}
			if want == http.StatusSeeOther && who == "nobody" {
				back := path + queryOf(path)
				if a.Header.Get("Location") != "/api/signin/start?returnTo="+url.QueryEscape(back) {
					t.Errorf("%s is sent to %s", who, a.Header.Get("Location"))
				}
				return
			}
			if want == http.StatusOK && (a.Header.Get("Cache-Control") != "no-store" ||
				!strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")) {
				t.Errorf("%s: %v", path, a.Header)
			}
			if who != "operator" && strings.Contains(a.text, "<button class=\"do\">") {
				t.Errorf("%s has a button for %s", path, who)
			}
		}
		for _, path := range pagePaths {
			check(path, c.pages)
		}
		for _, path := range orderPaths {
			check(path, c.orders)
		}
	}
}

func TestAnOrderSaysWhatWillHappenAndIsDoneOnce(t *testing.T) {
	t.Parallel()
	w := isolated(t)
	s := newSite(t, w, wire.Operator)
	page := s.ask(http.MethodGet, "/api/console/release?machine="+machineID, "", "Referer",
		"https://app.example.com/api/console/machine?machine="+machineID)
	form := s.fields(page)
	form.Set("reason", "checked by hand")
	for range 2 { // as a browser does whose person presses twice
		a := s.ask(http.MethodPost, "/api/console/release", form.Encode())
		want := "/api/console/machine?machine=" + machineID + "&did=" + form.Get("command")
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != want {
			t.Fatalf("%d %s %s", a.StatusCode, a.Header.Get("Location"), a.text)
		}
		back := s.get(want)
		if !strings.Contains(back.text, "checked by hand") || !strings.Contains(back.text, "<h2>Done</h2>") {
			t.Errorf("%s", back.text)
		}
	}
	asked := 0
	for _, action := range w.Actions {
		if action.Type == machine.Unisolate {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("%d releases were asked for", asked)
	}
}
