package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/console"
	"cordon/handler/operate/wire"
	"cordon/local/defendersim"
	"cordon/local/pagetest"
	"cordon/local/scenario"
	"cordon/local/servicebus"
	"cordon/local/world"
)

// Machines and alerts of the night that the console shows, besides machineID and protectedID.
const (
	secondID  = "5d2f7a90be2d35689f00d1e2a7b3c4558d6e9f13" // isolated too
	offlineID = "6e3a7a90be2d35689f00d1e2a7b3c4558d6e9f14" // never confirms an action

	alertOnFirst = "da638994417204415533_-1184209733"
	heldOne      = "da638994417204415533_11"
	heldOther    = "da638994417204415533_12"
)

// night is the real binary after a night in which all happened that the console has pages and orders for.
type night struct {
	*story
	browser *pagetest.Browser
}

func newNight(t *testing.T) *night {
	t.Helper()
	// Without a browser nothing else has to start.
	n := &night{browser: pagetest.Open(t)}
	n.story = newStage(t, world.Options{Playbook: storyHuntRule}, map[string]string{"CORDON_TIME_ZONE": "Europe/Berlin"})
	folder := filepath.Join(t.TempDir(), "hunts")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	hunt := strings.Replace(storyHunt, "*/3 * * * * *", "0 0 0 1 1 *", 1)
	if err := os.WriteFile(filepath.Join(folder, "remote-tools.kql"), []byte(hunt), 0o600); err != nil {
		t.Fatal(err)
	}
	n.Settings["CORDON_HUNTS"] = folder
	n.huntedTenant()
	n.happens()
	n.letters()
	n.host = n.open(nil).Host
	n.eventually("the mail about the first machine", func() bool { return n.told("Isolated") })
	n.eventually("what is held and what waits for a machine", func() bool {
		states := map[string]int{}
		for _, r := range n.Runs() {
			states[r.State+" "+r.Outcome]++
		}
		return states["closed isolated"] == 2 && states["closed held"] == 2 && states["waiting "] == 1
	})
	return n
}

// happens puts machines into the tenant, and alerts on them.
func (n *night) happens() {
	n.highAlert()
	for _, m := range []defendersim.Machine{
		{ID: secondID, Name: "fin-lt-0148.corp.contoso.com"},
		{ID: protectedID, Name: "dc-01.corp.contoso.com", Tags: []string{"never-isolate"}},
		{ID: offlineID, Name: "off-lt-0009.corp.contoso.com", Offline: true},
	} {
		m.OS = "Windows11"
		n.Defender.AddMachine(m)
	}
	n.alert("da638994417204415533_10", secondID, "High", "Suspicious credential dump from LSASS")
	n.alert(heldOne, protectedID, "High", "A tool used for lateral movement was observed")
	n.alert(heldOther, protectedID, "High", "Possible ransomware activity")
	n.alert("da638994417204415533_13", offlineID, "High", "Persistence through a scheduled task")
	n.alert("da638994417204415533_14", secondID, "Low", "Anomalous sign-in token replay on the device")
}

func (n *night) alert(id, machine, severity, title string) {
	now := time.Now().UTC()
	n.Defender.AddAlert(defendersim.Alert{
		ID:         id,
		IncidentID: 48213,
		Title:      title,
		Severity:   severity,
		Status:     "New",
		Category:   "Execution",
		MachineID:  machine,
		Created:    now,
		Updated:    now,
	}, now)
}

// letters sets two messages aside: one that can be read, and one that is none.
func (n *night) letters() {
	n.t.Helper()
	n.setAside("first")
	if err := n.Bus.Send(world.AlertQueue, servicebus.Message{ID: "poison", Body: []byte("no message")}); err != nil {
		n.t.Fatal(err)
	}
	d, err := n.Bus.Receive(n.t.Context(), world.AlertQueue)
	if err != nil {
		n.t.Fatal(err)
	}
	err = n.Bus.DeadLetter(n.t.Context(), world.AlertQueue, d.LockToken, "Test", "no alert is named")
	if err != nil {
		n.t.Fatal(err)
	}
}

// at is the address of a path of the app.
func (n *night) at(path string) string { return n.AppURL + path }

// signsIn goes to a page of the console, is sent to sign in, chooses, and is on that page.
func (n *night) signsIn(username, path string) *pagetest.Tab {
	n.t.Helper()
	tab := n.browser.Tab()
	tab.Open(n.at(path))
	n.choose(tab, username)
	return tab
}

// choose presses the button with the person's name, on the page of the stand-in of Entra.
func (n *night) choose(tab *pagetest.Tab, username string) {
	n.t.Helper()
	people := scenario.People()
	at := slices.IndexFunc(people, func(p scenario.Person) bool { return p.Username == username })
	tab.Click(people[at].Name + " <" + username + ">")
}

// look is one page as people look at it: the query that it wants, and what it has to say.
type look struct {
	query string
	says  []string
}

// looks are the pages of the console. One that is missing here fails the test.
func (n *night) looks() map[string]look {
	return map[string]look{
		"":         {"", []string{"fin-lt-0147", "fin-lt-0148"}},
		"/waiting": {"", []string{"dc-01", "Possible ransomware activity", "never-isolate"}},
		"/runs":    {"", []string{"fin-lt-0147", "high-alerts", "isolated", "held"}},
		"/run": {"?run=" + alertOnFirst, []string{
			"Office application started an encoded script host", "isolated", "high-alerts: matched", "not protected",
		}},
		"/machine":     {"?machine=" + machineID, []string{"fin-lt-0147", "isolated", "Office application"}},
		"/rules":       {"", []string{"high-alerts", "remote-tools", "never-isolate"}},
		"/hunts":       {"", []string{"remote-tools"}},
		"/mails":       {"", []string{"Office application", "soc@example.org"}},
		"/deadletters": {"", []string{"set aside by hand"}},
		"/deadletter":  {"?queue=alerts&number=2", []string{"no message"}},
		"/pauses":      {"", []string{"not paused"}},
		"/journal":     {"", []string{"by hand"}},
		"/health":      {"", []string{"PollAlerts"}},
		"/doctor":      {"", []string{"tables"}},
		"/find":        {"?q=fin-lt-0147", []string{"fin-lt-0147", "isolated"}},
	}
}

// pagePaths are the pages of the console below its base, each with how the story looks at it.
func (n *night) pagePaths() []string {
	n.t.Helper()
	pages, _ := console.Pages()
	var paths []string
	for _, path := range pages {
		paths = append(paths, strings.TrimPrefix(path, console.Base))
	}
	if driven := slices.Sorted(maps.Keys(n.looks())); !slices.Equal(driven, slices.Sorted(slices.Values(paths))) {
		n.t.Fatalf("the story looks at %q, the console has %q", driven, paths)
	}
	return paths
}

// TestStoryEveryPageIsReadByWhoMayAndByNobodyElse has each person of the scenario look at every page.
func TestStoryEveryPageIsReadByWhoMayAndByNobodyElse(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	_, orders := console.Pages()
	for _, username := range []string{scenario.Reader, scenario.Operator, scenario.Approver} {
		tab := n.signsIn(username, console.Base)
		for _, path := range n.pagePaths() {
			page := n.looks()[path]
			tab.Open(n.at(console.Base + path + page.query))
			text := tab.Text()
			for _, want := range append(page.says, username) {
				if tab.Status() != http.StatusOK || !strings.Contains(text, want) {
					t.Errorf("%s sees of %q: %d, and not %q: %s", username, path, tab.Status(), want, text)
				}
			}
			n.guarded(tab, path)
			given := slices.ContainsFunc(orders, func(order string) bool { return tab.Leads(order) })
			if given && username != scenario.Operator {
				t.Errorf("%s can give an order on %q: %s", username, path, text)
			}
		}
		if username != scenario.Operator {
			n.refusesOrders(tab, username)
		}
		tab.Close()
	}
	n.strangers()
	n.leadAsks()
}

// guarded holds what every page promises of caches, frames and scripts.
func (n *night) guarded(tab *pagetest.Tab, path string) {
	n.t.Helper()
	policy := tab.Header("Content-Security-Policy")
	if tab.Header("Cache-Control") != "no-store" || tab.Header("X-Content-Type-Options") != "nosniff" ||
		!strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") ||
		strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		n.t.Errorf("%q: cache %q, policy %q", path, tab.Header("Cache-Control"), policy)
	}
}

// refusesOrders has somebody without the role ask for the form of every order, and send one all the same.
func (n *night) refusesOrders(tab *pagetest.Tab, username string) {
	n.t.Helper()
	_, orders := console.Pages()
	for _, path := range orders {
		tab.Open(n.at(path + "?machine=" + machineID + "&alert=" + heldOne))
		if text := tab.Text(); tab.Status() != http.StatusForbidden || !strings.Contains(text, "Cordon.Operator") ||
			tab.Has("Sign in") {
			n.t.Errorf("%s asks for %s: %d %s", username, path, tab.Status(), text)
		}
		tab.Post(path, url.Values{
			"machine": {machineID}, "alert": {heldOne}, "command": {"made-up-by-hand"}, "reason": {"no role"},
		})
		if text := tab.Text(); tab.Status() != http.StatusForbidden || !strings.Contains(text, "Cordon.Operator") {
			n.t.Errorf("%s sends %s: %d %s", username, path, tab.Status(), text)
		}
	}
	if entries := n.journal(); len(entries) != 0 {
		n.t.Errorf("the journal has %+v", entries)
	}
}

// strangers are sent to sign in, and told what role they lack.
func (n *night) strangers() {
	n.t.Helper()
	tab := n.browser.Tab()
	pages, orders := console.Pages()
	authority := n.Settings["CORDON_AUTHORITY_URL"]
	for _, path := range slices.Concat(pages, orders) {
		tab.Open(n.at(path))
		if !strings.HasPrefix(tab.URL(), authority) {
			n.t.Errorf("whoever goes to %s is at %s", path, tab.URL())
		}
	}
	n.choose(tab, scenario.Guest)
	if text := tab.Text(); !strings.Contains(text, "AADSTS50105") {
		n.t.Errorf("a guest: %s", text)
	}
}

// journal is what people did by hand, as the command line shows it.
func (n *night) journal() []wire.Entry {
	n.t.Helper()
	var journal wire.Journal
	n.signedIn(scenario.Reader).reads(&journal, "journal")
	return journal.Entries
}

// TestStoryEveryPageIsFitForEverybody looks at each page as wide as a phone, a tablet and a laptop, by day and by night,
// with the keyboard alone, and without JavaScript. CORDON_SCREENSHOTS names a folder for what it sees.
func TestStoryEveryPageIsFitForEverybody(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	tab := n.signsIn(scenario.Operator, console.Base)
	for _, path := range n.pagePaths() {
		n.inEveryLight(tab, path, console.Base+path+n.looks()[path].query)
	}
	for name, path := range n.forms() {
		n.inEveryLight(tab, name, path)
	}
}

// forms are the pages on which orders are given, with what they are about.
func (n *night) forms() map[string]string {
	n.t.Helper()
	_, orders := console.Pages()
	all := map[string]string{}
	for _, path := range orders {
		all["/"+strings.TrimPrefix(path, console.Base+"/")] = path + "?machine=" + machineID + "&alert=" + heldOne +
			"&queue=alerts&number=1&hunt=remote-tools&mail=none&action=none"
	}
	return all
}

// tablet is the width of one, on which nothing is that is not on a phone or a laptop.
const tablet = 768

// widths are those of a phone, a tablet and a laptop.
func widths() []int { return []int{pagetest.Narrow, tablet, pagetest.Wide} }

// inEveryLight looks at one page.
func (n *night) inEveryLight(tab *pagetest.Tab, name, path string) {
	n.t.Helper()
	tab.Width(pagetest.Wide)
	tab.Scripts(false)
	tab.Open(n.at(path))
	plain := tab.Text()
	tab.Scripts(true)
	tab.Open(n.at(path))
	if text := tab.Text(); tab.Status() != http.StatusOK || len(plain) < len(text)/2 {
		n.t.Errorf("%q without JavaScript: %d %s", name, tab.Status(), plain)
	}
	tab.Keyboard()
	for _, width := range widths() {
		tab.Width(width)
		for _, dark := range []bool{false, true} {
			tab.Dark(dark)
			tab.Fits()
			if width != tablet {
				tab.Accessible()
			}
			n.screenshot(tab, name, width, dark)
		}
	}
	tab.Dark(false)
	tab.Quiet()
}

// screenshot writes what is seen into the folder that people ask for.
func (n *night) screenshot(tab *pagetest.Tab, name string, width int, dark bool) {
	n.t.Helper()
	folder := os.Getenv("CORDON_SCREENSHOTS")
	if folder == "" {
		return
	}
	light := "light"
	if dark {
		light = "dark"
	}
	name = strings.Trim(strings.ReplaceAll(name, "/", "-"), "-")
	if name == "" {
		name = "overview"
	}
	tab.Screenshot(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", name, width, light)))
}
