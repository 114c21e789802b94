package record

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"cordon/handler/cli/call"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// PrintRun prints a run for people.
func PrintRun(w io.Writer, now call.Clock, r wire.Run) error {
	p := &paper{
		w:    w,
		now:  now,
		said: map[string]bool{},
	}
	p.head(r)
	p.steps(r)
	p.told(r)
	p.lines("decided:", r.Decision)
	if r.Decided != nil {
		p.facts(*r.Decided)
	} else if r.Decision != "" {
		p.say("\nfacts: they are not kept (any more), and neither are the values that clauses saw")
	}
	p.today(r.Today)
	p.pairs("versions of the alert:", versionsOf(r))
	p.pairs("in the portal:", [][]string{
		{"alert", r.Links.Alert},
		{"incident", r.Links.Incident},
		{"machine", r.Links.Machine},
	})
	if p.err != nil || len(r.Commands) == 0 {
		return p.err
	}
	p.say("\nby hand:")
	p.do(func() error { return PrintJournal(w, now, r.Commands) })
	return p.err
}

func (p *paper) head(r wire.Run) {
	incident := ""
	if r.Incident != 0 {
		incident = fmt.Sprint(r.Incident)
	}
	p.pairs("", [][]string{
		{"run", r.ID},
		{"alert", strings.TrimSpace(r.Severity + " " + r.Title)},
		{"machine", strings.TrimSpace(r.MachineName + " " + r.MachineID)},
		{"incident", incident},
		{"state", r.State},
		{"outcome", r.Outcome},
		{"reason", p.once(r.Reason)},
		{"trouble", r.Trouble},
		{"rule", r.Rule},
		{"mode", r.Mode},
		{"playbook", r.Playbook},
		{"observed", p.now.Stamp(r.Observed)},
		{"started", p.now.Stamp(r.Started)},
		{"closed", p.now.Stamp(r.Closed)},
		{"continued", r.ContinuedBy},
	})
}

func (p *paper) steps(r wire.Run) {
	var rows [][]string
	for _, step := range r.Steps {
		state := step.Outcome
		switch {
		case state != "":
		case step.Waiting:
			state = "waiting"
		default:
			state = "not over"
		}
		action, again := "", ""
		if step.Action != "" {
			action = "machine action " + step.Action
		}
		if step.Again > 0 {
			again = fmt.Sprintf("asked for again %d times", step.Again)
		}
		rows = append(rows, []string{step.Step, joined(state, action, again, p.once(step.Reason))})
	}
	p.pairs("what was done:", rows)
}

func (p *paper) told(r wire.Run) {
	var rows [][]string
	for _, t := range r.Told {
		rows = append(rows, []string{t.What, p.mail(t)})
	}
	if len(rows) == 0 {
		p.say("\ntold by mail: nothing about this run")
		return
	}
	p.pairs("told by mail:", rows)
}

// mail is what became of the mail that tells something.
func (p *paper) mail(t wire.RunTold) string {
	if t.Mail == "" {
		return joined("goes with the next mail", t.Step, p.once(t.Detail))
	}
	state := t.State
	switch {
	case !t.Sent.IsZero():
		state += " " + p.now.Stamp(t.Sent)
	case t.Tries > 0:
		tried := fmt.Sprintf("failed %d times: %s", t.Tries, t.Why)
		if state != "failed" {
			tried = state + ", " + tried
		}
		state = tried
	}
	if len(t.To) > 0 {
		state += " to " + strings.Join(t.To, ", ")
	}
	return joined(state, "mail "+t.Mail, t.Step, p.once(t.Detail))
}

func versionsOf(r wire.Run) (rows [][]string) {
	for _, v := range r.Versions {
		this := ""
		if v.Run == r.ID {
			this = " (this one)"
		}
		rows = append(rows, []string{v.Run, v.Severity + " " + cmp.Or(v.Outcome, v.State) + this})
	}
	if len(rows) < 2 {
		return nil
	}
	return rows
}

// today prints what today's playbook makes of the facts of then.
func (p *paper) today(t *wire.Today) {
	if t == nil {
		return
	}
	book := "today: the playbook is the same"
	if !t.Same {
		book = "today: the playbook is another (" + terminal.Plain(t.Playbook, 12) + ")"
	}
	if t.Differs {
		p.lines(book+", and decides otherwise:", t.Decision)
		return
	}
	p.say("\n" + book + ", and decides the same")
}
