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

// paper is where a run is printed, part by part, until something fails.
type paper struct {
	w   io.Writer
	now call.Clock
	err error
	// said are sentences that stand above already: what ended a run ended a step too, and was told.
	said map[string]bool
}

// once is a sentence, or nothing if it stands above already.
func (p *paper) once(text string) string {
	if p.said[text] {
		return ""
	}
	p.said[text] = true
	return text
}

// joined puts what is said of one thing together.
func joined(parts ...string) string {
	text := ""
	for _, part := range parts {
		switch {
		case part == "":
		case text == "":
			text = part
		case strings.HasSuffix(text, "."):
			text += " " + part
		default:
			text += "; " + part
		}
	}
	return text
}

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

func (p *paper) do(print func() error) {
	if p.err == nil {
		p.err = print()
	}
}

func (p *paper) say(text string) {
	p.do(func() error { return call.Say(p.w, "%s", text) })
}

// lines prints a text of several lines below a heading; nothing of none.
func (p *paper) lines(heading, text string) {
	if text == "" {
		return
	}
	p.say("\n" + heading)
	for line := range strings.Lines(text) {
		p.do(func() error {
			return terminal.Lines(p.w, call.FactShown, "  "+strings.TrimRight(line, "\n"))
		})
	}
}

// pairs prints names and values below a heading; nothing of those that have no value.
func (p *paper) pairs(heading string, all [][]string) {
	var rows [][]string
	for _, row := range all {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return
	}
	if heading != "" {
		p.say("\n" + heading)
		for i := range rows {
			rows[i] = []string{"  " + rows[i][0], rows[i][1]}
		}
	}
	p.do(func() error { return terminal.Pairs(p.w, call.FactShown, rows...) })
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
	p.pairs("steps:", rows)
}

func (p *paper) told(r wire.Run) {
	var rows [][]string
	for _, t := range r.Told {
		rows = append(rows, []string{t.What, p.mail(t)})
	}
	p.pairs("told by mail:", rows)
}

// mail is what became of the mail that tells something.
func (p *paper) mail(t wire.RunTold) string {
	state := t.State
	switch {
	case !t.Sent.IsZero():
		state += " " + p.now.Stamp(t.Sent)
	case t.Tries > 0:
		state += fmt.Sprintf(" %d times: %s", t.Tries, t.Why)
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
