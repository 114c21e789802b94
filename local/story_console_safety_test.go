package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cordon/handler/console"
	"cordon/local/pagetest"
	"cordon/local/scenario"
)

// TestStoryNobodyElseSteersAPersonsBrowser has an operator come by a page that somebody else wrote, leave a tab open, and
// sign out.
func TestStoryNobodyElseSteersAPersonsBrowser(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	n.comesByAnEvilPage()
	n.returnsToThisAppOnly()
	n.actsOnWhatWasSeen()
	n.signsInAgainWithoutLoss()
	n.leavesNothingBehind()
}

// evil is a page of another origin that wants the machine released. Its buttons are pressed, as people are made to.
func (n *night) evil() http.Handler {
	page := fmt.Sprintf(`<!doctype html><html lang=en><title>x</title>
<form method=post action="%[1]s/release">
<input type=hidden name=machine value=%[2]s><input type=hidden name=command value=made-up-elsewhere>
<input type=hidden name=reason value=evil><button>Win a prize</button></form>
<form method=post action="%[3]s/api/signin/out"><button>Win another</button></form>
<a href="%[1]s/release?machine=%[2]s&reason=evil&command=made-up">Look here</a>
<iframe src="%[1]s" title=x></iframe><p>Hello`, n.at(console.Base), machineID, n.AppURL)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page)) // to a browser of this test
	})
}

// comesByAnEvilPage opens it on another port of the same host, which is sent the cookie, and on another host.
func (n *night) comesByAnEvilPage() {
	n.t.Helper()
	web := httptest.NewServer(n.evil())
	defer web.Close()
	tab := n.signsIn(scenario.Operator, console.Base)
	for _, address := range []string{web.URL, strings.Replace(web.URL, "127.0.0.1", "localhost", 1)} {
		for _, press := range []string{"Win a prize", "Win another"} {
			tab.Open(address)
			n.stayedEmpty(tab)
			tab.Click(press)
			if text := tab.Text(); tab.Status() != http.StatusForbidden || !strings.Contains(text, "page of this app") {
				n.t.Errorf("%s from %s: %d %s", press, address, tab.Status(), text)
			}
		}
		tab.Open(address)
		n.stayedEmpty(tab)
		tab.Click("Look here")
		if text := tab.Text(); tab.Status() != http.StatusOK || !strings.Contains(text, "Release machines") ||
			!tab.Has("Do nothing") {
			n.t.Errorf("a link from %s: %d %s", address, tab.Status(), text)
		}
		tab.Click("Do nothing")
		if tab.URL() != n.at(console.Base) || !strings.Contains(tab.Text(), scenario.Operator) {
			n.t.Errorf("back at %s: %s", tab.URL(), tab.Text())
		}
	}
	if entries := n.journal(); len(entries) != 0 || !n.Defender.Isolated(machineID) {
		n.t.Errorf("the journal has %+v", entries)
	}
	tab.Said() // what the browser said later of the frames
}

// stayedEmpty holds that the browser showed no page of the console in a frame.
func (n *night) stayedEmpty(tab *pagetest.Tab) {
	n.t.Helper()
	if said := strings.Join(tab.Said(), "\n"); !strings.Contains(said, "BLOCKED_BY_RESPONSE") {
		n.t.Errorf("of the frame the browser says %q", said)
	}
}

// returnsToThisAppOnly has addresses of others where a person is to be sent.
func (n *night) returnsToThisAppOnly() {
	n.t.Helper()
	tab := n.signsIn(scenario.Operator, console.Base)
	for _, to := range []string{
		"https://evil.example.net/", "//evil.example.net/", `/\evil.example.net`, "/api/signin/out",
		"javascript:alert(1)", "/api/console/release?machine=" + machineID,
	} {
		tab.Open(n.at("/api/signin/start?returnTo=" + url.QueryEscape(to)))
		if own := strings.HasPrefix(to, console.Base); !own && tab.Status() != http.StatusBadRequest {
			n.t.Errorf("to be sent to %s: %d at %s", to, tab.Status(), tab.URL())
		}
		tab.Open(n.at(console.Base + "/enqueue?alert=" + alertOnFirst + "&back=" + url.QueryEscape(to)))
		tab.Click("Do nothing")
		if tab.URL() != n.at(console.Base) {
			n.t.Errorf("back to %s: at %s", to, tab.URL())
		}
		tab.Open(n.at(console.Base + "/enqueue?alert=" + alertOnFirst))
		tab.Tamper("back", to)
		tab.Fill("Why?", "to come back")
		tab.Click("Answer now")
		if withoutDid(n.t, tab.URL()) != n.at(console.Base) || !strings.Contains(tab.Text(), "to come back") &&
			!strings.Contains(tab.Text(), "Done") {
			n.t.Errorf("after an order back to %s: at %s", to, tab.URL())
		}
	}
}

// actsOnWhatWasSeen has somebody else do what a person is about to.
func (n *night) actsOnWhatWasSeen() {
	n.t.Helper()
	tab := n.signsIn(scenario.Operator, console.Base+"/machine?machine="+secondID)
	tab.Click("Release…")
	n.signedIn(scenario.Operator).does("release", secondID, "--reason", "was quicker", "--yes")
	n.eventually("the release", func() bool { return !n.Defender.Isolated(secondID) })
	tab.Fill("Why?", "too late")
	tab.Click("Release")
	if text := tab.Text(); tab.Status() != http.StatusConflict || !strings.Contains(text, "Something changed") ||
		!strings.Contains(text, "not isolated") {
		n.t.Errorf("%d %s", tab.Status(), text)
	}
	if n.reasons("too late") != 0 {
		n.t.Errorf("the journal has %+v", n.journal())
	}
}

// reasons counts the orders that were given for a reason.
func (n *night) reasons(reason string) (count int) {
	n.t.Helper()
	for _, e := range n.journal() {
		if e.Reason == reason {
			count++
		}
	}
	return count
}

// signsInAgainWithoutLoss has the session be over where a person looks for something, chooses something, and gives an
// order.
func (n *night) signsInAgainWithoutLoss() {
	n.t.Helper()
	tab := n.signsIn(scenario.Operator, console.Base)
	tab.Forget()
	tab.Fill("Machine, alert id", "fin-lt-0147")
	tab.Click("Find")
	tab.Goes(n.Settings["CORDON_AUTHORITY_URL"])
	n.choose(tab, scenario.Operator)
	if text := tab.Text(); !strings.Contains(text, "fin-lt-0147") || !strings.HasPrefix(tab.URL(), n.at(console.Base)) {
		n.t.Errorf("what was looked for: at %s: %s", tab.URL(), text)
	}
	tab.Open(n.at(console.Base + "/waiting"))
	tab.Tick("Choose dc-01.corp.contoso.com: Possible")
	tab.Forget()
	tab.Click("Drop the chosen ones…")
	tab.Goes(n.Settings["CORDON_AUTHORITY_URL"])
	n.choose(tab, scenario.Operator)
	if text := tab.Text(); !strings.Contains(text, "Possible ransomware activity") {
		n.t.Errorf("what was chosen: at %s: %s", tab.URL(), text)
	}
	tab.Fill("Why?", "known <tool>")
	tab.Forget()
	tab.Click("Drop")
	if text := tab.Text(); tab.Status() != http.StatusUnauthorized || !strings.Contains(text, "Nothing was done yet") ||
		n.reasons("known <tool>") != 0 {
		n.t.Errorf("without a session: %d %s", tab.Status(), text)
	}
	other := tab.Another()
	other.Open(n.at(console.Base))
	n.choose(other, scenario.Operator)
	tab.Click("Drop")
	if text := tab.Text(); tab.Status() != http.StatusOK || !strings.Contains(text, "Done") ||
		n.reasons("known <tool>") != 1 {
		n.t.Errorf("with a new one: %d %s", tab.Status(), text)
	}
}

// leavesNothingBehind presses the browser's button after a sign-out.
func (n *night) leavesNothingBehind() {
	n.t.Helper()
	tab := n.signsIn(scenario.Reader, console.Base+"/machine?machine="+machineID)
	tab.Click("Sign out")
	if text := tab.Text(); !strings.Contains(text, "signed out") {
		n.t.Errorf("%d %s", tab.Status(), text)
	}
	tab.Back()
	if text := tab.Text(); strings.Contains(text, "fin-lt-0147") || strings.Contains(text, scenario.Reader+"\n") ||
		!strings.HasPrefix(tab.URL(), n.Settings["CORDON_AUTHORITY_URL"]) {
		n.t.Errorf("after the sign-out, back at %s: %s", tab.URL(), text)
	}
}
