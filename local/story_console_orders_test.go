package main

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/console"
	"cordon/handler/operate/wire"
	"cordon/local/defendersim"
	"cordon/local/pagetest"
	"cordon/local/scenario"
	"cordon/local/world"
)

// thirdID is a machine of which nobody has been told.
const (
	thirdID  = "7f4b7a90be2d35689f00d1e2a7b3c4558d6e9f15"
	fourthID = "8a5b7a90be2d35689f00d1e2a7b3c4558d6e9f16"
)

// act is how a person gives an order.
type act struct {
	order  string   // its path below the console's
	from   string   // the page on which it begins
	tick   []string // boxes there
	press  string   // what leads to the order's page
	shows  []string // what that says
	button string   // what gives the order
	stays  bool     // what became of it is shown there; else on the page where it began
	gone   bool     // what that page is about is gone by then
	says   []string // what became of it
	verb   string   // in the journal
	before func()   // what happens before it begins
	ready  func()   // what happens before the order is given
	after  func()   // waits for what comes of it
}

// acts are all orders, in an order in which one leaves something for the next.
func (n *night) acts() []act {
	all := []act{
		{
			order: "pause", from: "/pauses", press: "Pause all acting…",
			shows: []string{"All acting", "goes on"}, button: "Pause",
			says: []string{"Acting is paused by " + scenario.Operator}, verb: "pause",
		},
		{
			order: "resume", from: "/pauses", press: "Resume…",
			shows: []string{"paused by " + scenario.Operator}, button: "Resume",
			says: []string{"Acting is not paused"}, verb: "resume",
		},
		{
			order: "enqueue", from: "/run?run=" + alertOnFirst, press: "Answer this alert again…",
			shows: []string{"Office application", "isolated"}, button: "Answer now",
			says: []string{"enqueue"}, verb: "enqueue",
		},
		{
			order: "huntrun", from: "/hunts", press: "Run now…",
			shows: []string{"remote-tools"}, button: "Run now", stays: true,
			says: []string{"2 rows", "anydesk.exe", "=dc-01"}, verb: "hunt",
		},
	}
	return slices.Concat(all, n.actsOnMachines(), n.actsOnMessages())
}

func (n *night) actsOnMachines() []act {
	released := func(id string) func() {
		return func() { n.eventually("the release", func() bool { return !n.Defender.Isolated(id) }) }
	}
	return []act{
		{
			order: "release", from: "", tick: []string{"Choose fin-lt-0147"}, press: "Release the chosen ones…",
			shows: []string{"1 machine", "fin-lt-0147", "isolated", "released"}, button: "Release",
			says: []string{"release fin-lt-0147"}, verb: "release", after: released(machineID),
		},
		{
			order: "release", from: "/machine?machine=" + secondID, press: "Release…",
			shows: []string{"fin-lt-0148", "isolated", "released"}, button: "Release",
			says: []string{"release fin-lt-0148"}, verb: "release", after: released(secondID),
		},
		{
			order: "cancel", from: "/machine?machine=" + offlineID, press: "Cancel…",
			shows: []string{"off-lt-0009", "Pending", "cancelled"}, button: "Cancel it",
			says: []string{"cancel"}, verb: "cancel", after: func() {
				n.eventually("the end of the action", func() bool {
					return slices.ContainsFunc(n.Defender.Actions(), func(a defendersim.Action) bool {
						return a.MachineID == offlineID && a.Status == "Cancelled"
					})
				})
			},
		},
		{
			order: "continue", from: "/waiting", tick: []string{"Choose dc-01.corp.contoso.com: A tool used"},
			press: "Continue with the chosen ones…",
			shows: []string{"1 alert", "A tool used for lateral movement", "never-isolate"}, button: "Continue",
			says: []string{"continue dc-01"}, verb: "continue", after: func() {
				n.eventually("the isolation", func() bool { return n.Defender.Isolated(protectedID) })
			},
		},
		{
			order: "drop", from: "/waiting", tick: []string{"Choose dc-01.corp.contoso.com: Possible"},
			press: "Drop the chosen ones…",
			shows: []string{"1 alert", "Possible ransomware activity", "never done"}, button: "Drop",
			says: []string{"drop dc-01", "Nothing waits for a person"}, verb: "drop",
		},
		{
			order: "erase", from: "/machine?machine=" + secondID, press: "Erase the facts of this machine…",
			shows: []string{"facts of its runs are kept", "erased"}, button: "Erase", stays: true,
			says: []string{"erased the facts of 2 runs"}, verb: "erase",
		},
	}
}

func (n *night) actsOnMessages() []act {
	letters := func(left int) func() {
		return func() {
			n.eventually("the dead letter", func() bool {
				return n.Bus.Counts(world.AlertQueue).DeadLettered == left
			})
		}
	}
	return []act{
		{
			order: "replay", from: "/deadletters", tick: []string{"Choose 1"}, press: "Send the chosen ones again…",
			shows: []string{"set aside", "sent again"}, button: "Send again",
			says: []string{"replay"}, verb: "replay", after: letters(1),
		},
		{
			order: "discard", from: "/deadletter?queue=alerts&number=2", press: "Drop…",
			shows: []string{"set aside", "dropped for good"}, button: "Drop",
			says: []string{"Done", "discard", "has no dead letter 2"}, gone: true,
			verb: "discard", after: letters(0),
		},
		{
			order: "send", from: "/mails?state=failed", tick: []string{"Choose "},
			press: "Send the chosen ones now…",
			shows: []string{"failed", "sent"}, button: "Send now",
			says: []string{"send"}, verb: "send",
			before: n.mailFails(thirdID, "fin-lt-0149", "da638994417204415533_15"),
			ready:  func() { n.Mail.FailNext(0, 0) },
			after: func() {
				n.eventually("the mail", func() bool { return n.mailed("fin-lt-0149") })
			},
		},
		{
			order: "giveup", from: "/mails?state=failed", tick: []string{"Choose "},
			press: "Drop the chosen ones…",
			shows: []string{"1 mail", "failed", "dropped for good"}, button: "Drop",
			says: []string{"give up"}, verb: "give up",
			before: n.mailFails(fourthID, "fin-lt-0150", "da638994417204415533_16"),
			after: func() {
				n.Mail.FailNext(0, 0)
				if gone := n.mails("dropped"); len(gone) != 1 || gone[0].Tries < 3 {
					n.t.Errorf("dropped are %+v", gone)
				}
			},
		},
	}
}

// mailFails has an alert whose mail the server refuses so often that some time passes until it is tried again.
func (n *night) mailFails(id, name, alert string) func() {
	return func() {
		n.Mail.FailNext(1000, http.StatusServiceUnavailable)
		n.Defender.AddMachine(defendersim.Machine{ID: id, Name: name + ".corp.contoso.com", OS: "Windows11"})
		n.alert(alert, id, "High", "Suspicious use of a remote tool")
		n.eventually("the failed mail", func() bool {
			failed := n.mails("failed")
			return len(failed) > 0 && failed[0].Tries >= 3 && !failed[0].Sending &&
				time.Until(failed[0].Due) > 10*time.Second
		})
	}
}

// mails are those of a state.
func (n *night) mails(state string) []wire.Mail {
	var found wire.Mails
	n.signedIn(scenario.Reader).reads(&found, "mails", "--state", state)
	return found.Mails
}

func (n *night) mailed(text string) bool {
	for _, m := range n.Mail.Mails() {
		if strings.Contains(m.Text, text) {
			return true
		}
	}
	return false
}

// TestStoryAnOperatorGivesEveryOrder gives each order that the console has as a person does: with a page that says what
// would happen, a reason, and a page that says what became of it; the journal has it. It needs no JavaScript.
func TestStoryAnOperatorGivesEveryOrder(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with JavaScript": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNight(t)
			_, orders := console.Pages()
			given := map[string]bool{}
			for _, a := range n.acts() {
				given[console.Base+"/"+a.order] = true
			}
			if driven := slices.Sorted(maps.Keys(given)); !slices.Equal(driven, slices.Sorted(slices.Values(orders))) {
				t.Fatalf("the story gives %q, the console has %q", driven, orders)
			}
			tab := n.signsIn(scenario.Operator, console.Base)
			tab.Scripts(scripts)
			for i, a := range n.acts() {
				if a.before != nil {
					a.before()
				}
				n.give(tab, a, a.order+" for <b>reason</b> "+string(rune('A'+i)))
				if a.after != nil {
					a.after()
				}
			}
		})
	}
}

// give has a person give one order.
func (n *night) give(tab *pagetest.Tab, a act, reason string) {
	n.t.Helper()
	from := n.at(console.Base + a.from)
	tab.Open(from)
	for _, label := range a.tick {
		tab.Tick(label)
	}
	tab.Click(a.press)
	if text := tab.Text(); tab.Status() != http.StatusOK || missing(text, a.shows) != "" {
		n.t.Errorf("%s: before: %d, not %q: %s", a.order, tab.Status(), missing(text, a.shows), text)
	}
	tab.Fill("Why?", reason)
	if a.ready != nil {
		a.ready()
	}
	tab.Click(a.button)
	text, want := tab.Text(), http.StatusOK
	if a.gone {
		want = http.StatusNotFound
	}
	if tab.Status() != want || missing(text, a.says) != "" {
		n.t.Errorf("%s: after: %d, not %q: %s", a.order, tab.Status(), missing(text, a.says), text)
	}
	if !a.stays && withoutDid(n.t, tab.URL()) != withoutDid(n.t, from) {
		n.t.Errorf("%s: began on %s and ended on %s", a.order, from, tab.URL())
	}
	n.inJournal(tab, a, reason)
}

// inJournal holds that the journal has an order once, with who gave it and why.
func (n *night) inJournal(tab *pagetest.Tab, a act, reason string) {
	n.t.Helper()
	var found []wire.Entry
	for _, e := range n.journal() {
		if e.Reason == reason {
			found = append(found, e)
		}
	}
	if len(found) != 1 || found[0].Verb != a.verb || found[0].State != "done" ||
		found[0].By != scenario.Operator || found[0].Client != "console" {
		n.t.Errorf("%s: the journal has %+v", a.order, found)
	}
	tab.Open(n.at(console.Base + "/journal"))
	if text := tab.Text(); !strings.Contains(text, reason) {
		n.t.Errorf("%s: the page of the journal does not have %q: %s", a.order, reason, text)
	}
}

// withoutDid is an address but for the order that was given last.
func withoutDid(t *testing.T, address string) string {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query()
	query.Del("did")
	at.RawQuery = query.Encode()
	return at.String()
}

// missing is the first of some texts that is not in a text.
func missing(text string, wants []string) string {
	for _, want := range wants {
		if !strings.Contains(text, want) {
			return want
		}
	}
	return ""
}
