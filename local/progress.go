package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cordon/local/judge"
	"cordon/local/scenario"
)

// progress shows a line for each alert when it is answered, as the tables tell it.
type progress struct {
	out    io.Writer
	colour bool
	begun  time.Time
	alerts map[string]scenario.Alert
	names  map[string]string // machine id to short name
	shown  map[string]string // run to the state that was shown
}

func newProgress(out io.Writer, colour bool, s scenario.Scenario, begun time.Time) *progress {
	p := &progress{
		out:    out,
		colour: colour,
		begun:  begun,
		alerts: map[string]scenario.Alert{},
		names:  map[string]string{},
		shown:  map[string]string{},
	}
	for _, a := range s.Alerts {
		p.alerts[a.ID] = a
		if a.AlsoOn != "" {
			p.alerts[a.ID+":"+a.AlsoOn] = a
		}
	}
	for _, m := range s.Machines {
		p.names[m.ID], _, _ = strings.Cut(m.Name, ".")
	}
	return p
}

func (p *progress) header() {
	fmt.Fprintf(p.out, "\n%7s  %-13s  %-9s  %-14s  %s\n", "second", "severity", "machine", "decision", "outcome")
}

// show prints what is new.
func (p *progress) show(runs []judge.Run) {
	slices.SortStableFunc(runs, func(a, b judge.Run) int { return a.ChangedAt.Compare(b.ChangedAt) })
	for _, r := range runs {
		if r.State != "waiting" && r.State != "closed" && r.State != "parked" {
			continue
		}
		key := fmt.Sprintf("%s:v%d", r.AlertID, r.Version)
		state := r.State + r.Outcome
		if p.shown[key] == state {
			continue
		}
		p.shown[key] = state
		p.line(r)
	}
}

func (p *progress) line(r judge.Run) {
	decision, outcome, tone := words(r)
	since := p.begun.Add(p.alerts[r.AlertID].Visible)
	if raised := p.alerts[r.AlertID].Raised; raised > 0 && r.Version > 1 {
		since = p.begun.Add(raised)
	}
	elapsed := ""
	if took := r.ChangedAt.Sub(since); took > 0 && !p.begun.IsZero() {
		elapsed = fmt.Sprintf("%.1fs", took.Seconds())
	}
	fmt.Fprintf(p.out, "%7s  %-13s  %-9s  %-14s  %s\n", elapsed, r.Severity, p.names[r.MachineID], short(decision, 40),
		p.paint(tone, short(outcome, 80)))
}

// short keeps a line readable where a playbook does several things.
func short(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// words says what was decided of a run and what became of it.
func words(r judge.Run) (decision, outcome, tone string) {
	switch {
	case r.State == "parked":
		return "parked", "a person must look", "bad"
	case r.State == "waiting":
		return "act", "requested, waiting for the machine", "wait"
	case r.Outcome == "no rule":
		return "nothing", "no rule matches", ""
	case r.Outcome == "isolated":
		return "isolate", "isolated", "good"
	case r.Outcome == "superseded":
		return "superseded", "a newer version is answered", ""
	case r.Outcome == "held":
		return "held", r.Reason, "wait"
	}
	return r.Outcome, r.Reason, "bad"
}

func (p *progress) paint(tone, text string) string {
	code := map[string]string{"good": "32", "wait": "33", "bad": "31"}[tone]
	if !p.colour || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// summary prints the verdict as a table.
func (p *progress) summary(v judge.Verdict) {
	rows := []struct {
		name string
		n    int
		note string
	}{
		{"alerts", v.Alerts, fmt.Sprintf("%d of them High", v.High)},
		{"machines to isolate", v.MachinesToIsolate, ""},
		{"machines isolated", v.MachinesIsolated, "a machine that is offline cannot be"},
		{"isolate calls", v.IsolateCalls, "one for each machine"},
		{"wrong machines", v.WrongMachines, "look-alikes are not touched"},
		{"protected touched", v.ProtectedTouched, ""},
		{"Defender calls", v.DefenderCalls, "in all"},
		{"Graph calls", v.GraphCalls, "for alerts"},
		{"pushed", v.Pushed, "by webhook, in no list"},
		{"hunts", v.Hunts, "queries that were answered"},
		{"findings", v.Findings, "machines that a hunt found, one of them protected"},
		{"mails", v.Mails, ""},
		{"untrue mails", v.UntrueMails, "held against the simulator at the time of arrival"},
		{"lost", v.Lost, "alerts, isolations or news"},
		{"unwell", v.Unwell, "the health function says that all is well"},
	}
	fmt.Fprintln(p.out)
	for _, r := range rows {
		fmt.Fprintf(p.out, "  %-20s %5d   %s\n", r.name, r.n, r.note)
	}
	fmt.Fprintln(p.out)
	if len(v.Problems) == 0 {
		fmt.Fprintf(p.out, "  %s in %.0f seconds\n", p.paint("good", "every promise held"), v.Seconds)
		return
	}
	for _, problem := range v.Problems {
		fmt.Fprintf(p.out, "  %s %s\n", p.paint("bad", "broken:"), problem)
	}
}
