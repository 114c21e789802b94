package answer

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/runs"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// Clerk tells people of runs, and writes how they go on. All of its fields are required.
type Clerk struct {
	Runs   *runs.Store
	Held   *held.Store
	Teller Teller
	Log    *slog.Logger
	Now    func() time.Time
}

// Event begins an event about the run with what is known of it.
func (c *Clerk) Event(run *Run, kind notice.Kind) notice.Event {
	e := notice.Event{
		Kind:     kind,
		At:       c.Now().UTC(),
		RunID:    run.ID(),
		AlertID:  run.Message.AlertID,
		Title:    run.Row.Title,
		Severity: run.Row.Severity,
		Incident: run.Seen.IncidentID,
		Rule:     run.Plan.Rule,
	}
	step := run.Step
	if step.Kind != "" && step.Kind != playbook.Isolate {
		e.Step = cmp.Or(LatchOf(step), step.Key())
		e.Action = step.Kind.Action()
		e.Scope = step.Scope
	}
	if run.Alert.ID != "" {
		e.Title = run.Alert.Title
		e.Severity = string(run.Alert.Severity)
		e.Incident = run.Alert.IncidentID
	}
	user := run.Alert.RelatedUser
	if run.Machine != nil {
		e.MachineID = run.Machine.ID
		e.MachineName = run.Machine.ComputerDNSName
		e.About(user.Name, user.Domain, run.Machine.RBACGroupName, run.Machine.Tags)
	} else if run.Missing != "" {
		e.MachineID = run.Alert.MachineID
		e.MachineName = run.Alert.ComputerDNSName
		e.About(user.Name, user.Domain, run.Alert.RBACGroupName, nil)
	}
	e.Unlisted = kind == notice.Held && run.Machine == nil
	return e
}

// People are told once that a step is not done, however often the alert changes. Only what they were told last counts:
// what was so, was otherwise meanwhile and is so again is news.

// Tell records an event for everybody whom the plan's mail steps name; without a mail step nobody is told.
func (c *Clerk) Tell(ctx context.Context, run *Run, e notice.Event) error {
	for _, step := range run.Plan.Steps {
		if step.Kind != playbook.Mail {
			continue
		}
		e.To, e.Note = step.To, step.Text
		err := c.Teller.Tell(ctx, notice.Group(run.Alert, step.To), e)
		if err != nil {
			return err
		}
	}
	run.note(run.news(e))
	return nil
}

// TellOnce tells that the step is not done, unless people know so from an earlier version of the alert, whatever
// incident that was in.
func (c *Clerk) TellOnce(ctx context.Context, run *Run, kind notice.Kind, why Reason) error {
	e := c.Event(run, kind)
	e.Detail, e.Cause = why.Text, why.Cause
	return c.TellNews(ctx, run, e)
}

// TellNews tells an event unless people know it from an earlier version of the alert.
func (c *Clerk) TellNews(ctx context.Context, run *Run, e notice.Event) error {
	if run.known(&e) {
		return nil
	}
	return c.Tell(ctx, run, e)
}

// known reports whether an earlier version of the alert told the same, and nothing else of it since. If it did not,
// the event gets the number that makes it news to whoever was told it before.
func (run *Run) known(e *notice.Event) bool {
	news := run.news(*e)
	known, times := run.Record.Told(run.Row, news)
	if known {
		run.note(news)
	}
	e.Times = times
	return known
}

// news stands for an event in what the run keeps of what people were told.
func (run *Run) news(e notice.Event) string {
	e.Times = 0
	said := e.Key()
	for _, step := range run.Plan.Steps {
		if step.Kind == playbook.Mail {
			said += " " + step.Key() // to others it is news
		}
	}
	return alert.SHA256([]byte(e.MachineID + ":" + e.Step))[:8] + "=" + alert.SHA256([]byte(said))[:16]
}

// note remembers what people were told; the next write of the run that ends or postpones something saves it.
func (run *Run) note(news string) {
	run.told = append(run.told, news)
}
