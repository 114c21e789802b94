package main

import (
	"strings"

	"cordon/handler/console"
	"cordon/local/pagetest"
	"cordon/local/scenario"
)

// question is what the lead of a SOC asks in the morning.
type question struct {
	asked  string
	looked string   // for what, in the field for it; empty: for nothing
	clicks []string // from the overview; two at most, with the search
	opened string   // what is opened on the page then; empty: nothing
	answer []string
}

// questions are those that the console has to answer in two clicks.
func questions() []question {
	return []question{
		{
			asked:  "What is isolated now, and why?",
			answer: []string{"Isolated now", "fin-lt-0147", "Office application started", "rule high-alerts"},
		},
		{
			asked:  "By which condition was it?",
			clicks: []string{"Office application started"},
			opened: "high-alerts: matched",
			answer: []string{"isolated", `alert.severity == "High"`, `alert.severity = "High"`, "not protected"},
		},
		{
			asked:  "What waits for me?",
			clicks: []string{"Waiting"},
			answer: []string{"dc-01", "A tool used for lateral movement", "Possible ransomware activity", "never-isolate"},
		},
		{
			asked:  "What did it do last night?",
			clicks: []string{"Runs"},
			answer: []string{"fin-lt-0147", "fin-lt-0148", "dc-01", "off-lt-0009", "isolated", "held", "waiting"},
		},
		{
			asked:  "Did the rule remote-tools ever fire?",
			clicks: []string{"Rules"},
			answer: []string{"remote-tools", "none was counted in 30 days"},
		},
		{
			asked:  "What did the rule high-alerts do?",
			clicks: []string{"Rules", "Runs"},
			answer: []string{"fin-lt-0147", "high-alerts"},
		},
		{
			asked:  "Who released fin-lt-0148?",
			looked: "fin-lt-0148",
			clicks: []string{"Find"},
			answer: []string{"released", scenario.Operator, "reimaged in the night"},
		},
		{
			asked:  "Is it healthy?",
			clicks: []string{"Health"},
			answer: []string{"Not well", "2 dead letters"},
		},
	}
}

// leadAsks has somebody who may only look find the answers, in two clicks from the overview.
func (n *night) leadAsks() {
	n.t.Helper()
	n.signedIn(scenario.Operator).does("release", secondID, "--reason", "reimaged in the night", "--yes")
	n.eventually("the release", func() bool { return !n.Defender.Isolated(secondID) })
	tab := n.signsIn(scenario.Reader, console.Base)
	for _, q := range questions() {
		tab.Open(n.at(console.Base))
		n.asks(tab, q)
	}
}

func (n *night) asks(tab *pagetest.Tab, q question) {
	n.t.Helper()
	if q.looked != "" {
		tab.Fill("Machine, alert id", q.looked)
	}
	for _, press := range q.clicks {
		tab.Click(press)
	}
	if q.opened != "" {
		tab.Toggle(q.opened)
	}
	if len(q.clicks) > 2 {
		n.t.Errorf("%s takes %d clicks", q.asked, len(q.clicks))
	}
	if text := tab.Text(); missing(text, q.answer) != "" {
		n.t.Errorf("%s %s does not say %q: %s", q.asked, strings.TrimPrefix(tab.URL(), n.AppURL), missing(text, q.answer), text)
	}
}
