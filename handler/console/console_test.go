package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"cordon/handler/machine"
	"cordon/handler/operate/wire"
)

// queryFor is what a page has to be asked with to show something, about things that are called like a value.
func queryFor(path, value string) url.Values {
	q := url.Values{}
	for name, pages := range map[string][]string{
		"run":     {"run"},
		"machine": {"machine", "release", "cancel"},
		"alert":   {"continue", "drop", "enqueue"},
		"queue":   {"deadletters", "deadletter", "replay", "discard"},
		"hunt":    {"huntrun"},
		"mail":    {"send", "giveup"},
		"action":  {"cancel"},
		"q":       {"find"},
	} {
		if slices.Contains(pages, strings.TrimPrefix(path, Base+"/")) {
			q.Set(name, value)
		}
	}
	if q.Has("queue") {
		q.Set("number", "3")
	}
	return q
}

// queryOf is what a page has to be asked with in a world in which a machine is isolated.
func queryOf(path string) string {
	q := queryFor(path, "da1")
	if q.Has("machine") {
		q.Set("machine", machineID)
	}
	if q.Has("queue") {
		q.Set("queue", "alerts")
		q.Set("number", "17")
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
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
				if a.Header.Get("Location") != appURL+"/api/signin/start?returnTo="+url.QueryEscape(back) {
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

// TestWhoseSessionIsOverGoesOnFromWhereTheyWere asks as a link and a form of the console do, and with what is too long
// to come back to.
func TestWhoseSessionIsOverGoesOnFromWhereTheyWere(t *testing.T) {
	t.Parallel()
	s := newSite(t, isolated(t))
	for target, back := range map[string]string{
		"/api/console/runs?machine=pc1":                         "/api/console/runs?machine=pc1",
		"/api/console/runs?machine=" + strings.Repeat("a", 999): "/api/console",
	} {
		a := s.ask(http.MethodGet, target, "", "Sec-Fetch-Site", "same-origin")
		to := appURL + "/api/signin/start?returnTo=" + url.QueryEscape(back)
		if a.StatusCode != http.StatusUnauthorized || a.Header.Get("Refresh") != "0; url="+to ||
			!strings.Contains(a.text, `href="`+strings.ReplaceAll(to, "&", "&amp;")+`"`) {
			t.Errorf("%s: %d %v %s", target, a.StatusCode, a.Header, a.text)
		}
		if typed := s.get(target); typed.StatusCode != http.StatusSeeOther || typed.Header.Get("Location") != to {
			t.Errorf("%s: %d %v", target, typed.StatusCode, typed.Header)
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
	gone := s.get("/api/console/machine?did=" + form.Get("command"))
	if gone.StatusCode != http.StatusBadRequest || !strings.Contains(gone.text, "<h2>Done</h2>") {
		t.Errorf("where the order has left nothing to show: %d %s", gone.StatusCode, gone.text)
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

func TestAMachineIsFoundByHowItsNameBegins(t *testing.T) {
	t.Parallel()
	w := isolated(t)
	s := newSite(t, w, wire.Reader)
	found := s.get(Base + "/find?q=abab")
	if found.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", found.StatusCode, found.text)
	}
	a := s.get(found.Header.Get("Location"))
	if a.StatusCode != http.StatusOK || !strings.Contains(a.text, `href="/api/console/machine?machine=`+machineID) {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
	runs := s.get(Base + "/runs?machine=ABAB")
	if runs.StatusCode != http.StatusOK || !strings.Contains(runs.text, `href="/api/console/machine?machine=`+machineID) {
		t.Errorf("%d %s", runs.StatusCode, runs.text)
	}
}
