package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"cordon/handler/console"
	"cordon/local/defendersim"
	"cordon/local/pagetest"
	"cordon/local/scenario"
	"cordon/local/servicebus"
	"cordon/local/world"
)

// What attackers write into every field that they reach. Each closes what it may stand in.
const (
	scripted = `<script>alert("in")</script>"'><img src=x onerror=alert(1)></textarea></pre></title>` +
		`<a href="javascript:alert(2)">x</a><svg onload=alert(3)>{{.}}${1}`
	turned = "\u202egnitset\u202c \u2066a\u2069 \u200fb\u061c \u200be\u00ad\ufeff\u0000\u001b[2J\u009b"
)

// endless is longer than anything that a page can show, and has no place to break. Of one alert there cannot be many
// such texts: an answer that is longer than any real one is not read.
const endless = 300 << 10

// hostileAlert is an alert of which every text is the same, and every list has it. An empty text is null.
func hostileAlert(id, machine, text string) defendersim.Alert {
	var a defendersim.Alert
	a.MitreTechniques = []string{text}
	a.Comments = make([]defendersim.Comment, 1)
	a.Evidence = make([]defendersim.Evidence, 2)
	fill(reflect.ValueOf(&a).Elem(), text)
	now := time.Now().UTC()
	a.ID, a.MachineID, a.Severity, a.Status = id, machine, "High", "New"
	a.Created, a.Updated = now, now
	a.Evidence[0].Kind, a.Evidence[1].Kind = "Process", "User"
	a.TenantID = world.TenantID
	return a
}

// fill sets every text of a value.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).Type() != reflect.TypeFor[time.Time]() {
				fill(v.Field(i), text)
			}
		}
	}
}

// Machines of hostile alerts.
const (
	scriptedID = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a101"
	turnedID   = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a102"
	endlessID  = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a103"
	namelessID = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a104"
)

// hostileID is the id of the alert on a machine.
func hostileID(machine string) string { return "da63899441720441553_" + machine[len(machine)-3:] }

// newHostileNight is the real binary after a night in which attackers wrote whatever they could.
func newHostileNight(t *testing.T) *night {
	t.Helper()
	n := &night{browser: pagetest.Open(t)}
	n.story = newStage(t, world.Options{Playbook: storyHuntRule}, nil)
	for id, text := range map[string]string{
		scriptedID: scripted, turnedID: turned, endlessID: strings.Repeat("W", 10<<10), namelessID: "",
	} {
		a := hostileAlert(hostileID(id), id, text)
		if id == endlessID {
			a.Title, a.Description = strings.Repeat("W", endless), strings.Repeat("W", endless)
		}
		n.Defender.AddMachine(defendersim.Machine{ID: id, Name: text, OS: "Windows11", Tags: []string{text}, Group: text})
		n.Defender.AddAlert(a, time.Now())
	}
	n.hostileLetter(scripted)
	n.hostileLetter(turned)
	n.host = n.open(nil).Host
	n.eventually("the answers", func() bool { return len(n.Runs()) == 4 })
	n.eventually("all that is isolated", func() bool {
		for _, r := range n.Runs() {
			if r.State != "closed" {
				return false
			}
		}
		return true
	})
	n.signedIn(scenario.Operator).does("pause", "--reason", scripted+strings.ReplaceAll(turned, "\x00", ""), "--yes")
	return n
}

// hostileLetter sets a message aside that is hostile as far as messages can be.
func (n *night) hostileLetter(text string) {
	n.t.Helper()
	if err := n.Bus.Send(world.AlertQueue, servicebus.Message{ID: text[:min(len(text), 100)], Body: []byte(text)}); err != nil {
		n.t.Fatal(err)
	}
	d, err := n.Bus.Receive(n.t.Context(), world.AlertQueue)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.Bus.DeadLetter(n.t.Context(), world.AlertQueue, d.LockToken, text, text); err != nil {
		n.t.Fatal(err)
	}
}

// highest is how many CSS pixels of a page people can be expected to go through on a phone.
const highest = 25_000

// TestStoryWhatAttackersWriteIsHarmlessAndReadable looks at every page on a phone after such a night. A dialog, an error
// and whatever the page's policy had to stop fail the test.
func TestStoryWhatAttackersWriteIsHarmlessAndReadable(t *testing.T) {
	t.Parallel()
	n := newHostileNight(t)
	tab := n.signsIn(scenario.Operator, console.Base)
	tab.Width(pagetest.Narrow)
	queries := map[string][]string{"/deadletter": {"?queue=alerts&number=1", "?queue=alerts&number=2"}}
	for _, id := range []string{scriptedID, turnedID, endlessID, namelessID} {
		queries["/run"] = append(queries["/run"], "?run="+hostileID(id))
		queries["/machine"] = append(queries["/machine"], "?machine="+id)
		queries["/release"] = append(queries["/release"], "?machine="+id)
		queries["/enqueue"] = append(queries["/enqueue"], "?alert="+hostileID(id))
	}
	pages, orders := console.Pages()
	for _, path := range append(pages, orders...) {
		all := queries[strings.TrimPrefix(path, console.Base)]
		if len(all) == 0 {
			all = []string{"", hostileQuery()}
		}
		for _, query := range all {
			tab.Open(n.at(path + query))
			n.readable(tab, path+query)
		}
	}
}

// hostileQuery has what no page asks for, and what all do.
func hostileQuery() string {
	q := "?did=x"
	for _, name := range []string{
		"q", "run", "machine", "alert", "rule", "outcome", "after", "state", "queue", "number", "hunt", "mail",
		"action", "back", "reason", "command", "user", "since",
	} {
		q += "&" + name + "=%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27%3E%E2%80%AE"
	}
	return q
}

// readable holds that a page runs nothing of what it shows, fits, and is no longer than people can read.
func (n *night) readable(tab *pagetest.Tab, path string) {
	n.t.Helper()
	text := tab.Text()
	if strings.ContainsAny(text, "\u202e\u202c\u2066\u2069\u200f\u061c\u200b\x00\x1b\u009b") {
		n.t.Errorf("%s turns what people read: %q", path, text)
	}
	if height := tab.Height(); height > highest {
		n.t.Errorf("%s is %d px high", path, height)
	}
	if !strings.Contains(text, scenario.Operator) {
		n.t.Errorf("%s is no page of the console: %d %s", path, tab.Status(), text)
	}
	if strings.Contains(path, hostileID(scriptedID)) && !strings.Contains(text, `<script>alert("in")</script>`) {
		n.t.Errorf("%s does not show what it is about: %s", path, text)
	}
	tab.Fits()
	if name := strings.NewReplacer("?", "-", "=", "-", "&", "-").Replace(path); len(name) < 200 {
		n.screenshot(tab, "hostile"+name, pagetest.Narrow, false)
	}
	for _, complaint := range tab.Said() {
		n.t.Errorf("%s: %s", path, complaint)
	}
}
