package operate

import (
	"cmp"
	"context"
	"net/http"

	"cordon/handler/alert"
	"cordon/handler/history"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/mailbox"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook/explain"
)

// Run implements Desk.
func (p *person) Run(ctx context.Context, which string) (wire.Run, error) {
	is, err := p.office.History.Show(ctx, which)
	if err != nil {
		return wire.Run{}, problem(err)
	}
	r := recorded(is.Run)
	r.Commands = entries(is.Commands)
	r.Versions = versions(is)
	if is.Plan != nil {
		r.Decision = explain.Plan(*is.Plan)
		r.Plan = is.Plan
	}
	r.Decided = is.Decision
	r.Told = told(is.Told)
	if is.Today != nil {
		r.Today = &wire.Today{
			Playbook: is.Today.Playbook,
			Same:     is.Today.Same,
			Differs:  is.Today.Differs,
			Decision: explain.Plan(is.Today.Plan),
			Plan:     is.Today.Plan,
		}
	}
	if p.office.Links != nil {
		r.Links = p.office.Links(is.Run.AlertID, is.Run.Incident, is.Run.MachineID)
	}
	return r, nil
}

func recorded(run runs.Run) wire.Run {
	r := wire.Run{
		ID:          run.ID(),
		AlertID:     run.AlertID,
		Version:     run.Version,
		State:       string(run.State),
		Outcome:     run.Outcome,
		Reason:      run.Reason,
		Trouble:     run.Trouble,
		MachineID:   run.MachineID,
		MachineName: run.MachineName,
		Incident:    run.Incident,
		Title:       run.Title,
		Severity:    run.Severity,
		Status:      run.Status,
		Rule:        run.Rule,
		Mode:        run.Mode,
		Playbook:    run.Book,
		Observed:    run.ObservedAt,
		Started:     run.StartedAt,
		Closed:      run.ClosedAt,
		Due:         run.DueAt,
		Steps:       []wire.RunStep{},
		ContinuedBy: run.Leave,
		ContinuedAt: run.LeaveAt,
	}
	for _, step := range run.Steps {
		r.Steps = append(r.Steps, wire.RunStep{
			Step:    step.Key,
			Outcome: step.Outcome,
			Reason:  step.Reason,
			Waiting: step.Waiting,
			Action:  step.Action,
			Again:   step.Reissues,
		})
	}
	return r
}

func told(all []mailbox.Told) []wire.RunTold {
	is := []wire.RunTold{}
	for _, t := range all {
		is = append(is, wire.RunTold{
			What:    string(t.Kind),
			At:      t.At,
			Machine: t.Machine,
			Step:    t.Step,
			Detail:  t.Detail,
			Mail:    t.Mail.ID,
			State:   string(t.Mail.State),
			To:      append([]string{}, t.Mail.To...),
			Sent:    t.Mail.Sent,
			Tries:   t.Mail.Tries,
			Why:     t.Mail.Why,
		})
	}
	return is
}

func versions(is history.Shown) []wire.RunVersion {
	all := make([]wire.RunVersion, len(is.Versions))
	for i, run := range is.Versions {
		all[i] = wire.RunVersion{
			Run:      run.ID(),
			State:    string(run.State),
			Outcome:  run.Outcome,
			Severity: run.Severity,
			Observed: run.ObservedAt,
		}
	}
	return all
}

// How many runs a page has.
const (
	runsPage = 50
	runsMost = 200
)

// Runs implements Desk.
func (p *person) Runs(ctx context.Context, q wire.RunsAsked) (wire.Runs, error) {
	all := wire.Runs{Runs: []wire.RunLine{}}
	if q.Alert != "" {
		if err := alert.CheckID(q.Alert); err != nil {
			return all, wrong("objects", "alert id "+shown(err))
		}
		found, err := p.office.History.Versions(ctx, q.Alert)
		all.Runs = lines(found)
		return all, problem(err)
	}
	limit := cmp.Or(q.Limit, runsPage)
	if limit < 1 || limit > runsMost {
		return all, wire.NewProblem(http.StatusBadRequest, "limit", "limit is out of bounds: expected 1 to 200")
	}
	query := lists.Query{
		Name:     q.Machine,
		Rule:     q.Rule,
		Outcome:  q.Outcome,
		Severity: q.Severity,
		Incident: q.Incident,
		Since:    q.Since,
		Until:    q.Until,
		After:    q.After,
		Limit:    limit,
	}
	if machineForm.MatchString(q.Machine) {
		query.Machine, query.Name = machine.ID(q.Machine), ""
	}
	found, next, err := p.office.History.List(ctx, query)
	if err != nil {
		return all, problem(err)
	}
	all.Runs, all.Next = lines(found), next
	return all, nil
}

func lines(found []history.Line) []wire.RunLine {
	all := []wire.RunLine{}
	for _, l := range found {
		all = append(all, wire.RunLine{
			Run:         l.ID(),
			AlertID:     l.AlertID,
			Version:     l.Version,
			State:       string(l.State),
			Outcome:     l.Outcome,
			Rule:        l.Rule,
			Mode:        l.Mode,
			Severity:    l.Severity,
			Title:       l.Title,
			MachineID:   l.MachineID,
			MachineName: l.MachineName,
			Incident:    l.Incident,
			Observed:    l.ObservedAt,
			Closed:      l.ClosedAt,
		})
	}
	return all
}

// machinesMost is how many machines are answered.
const machinesMost = 50

// Machines implements Desk.
func (p *person) Machines(ctx context.Context, prefix string) (wire.MachineNames, error) {
	found, more, err := p.office.History.Lists.Named(ctx, prefix, machinesMost)
	all := wire.MachineNames{Machines: []wire.MachineName{}, More: more}
	for _, n := range found {
		all.Machines = append(all.Machines, wire.MachineName{
			ID:   n.MachineID,
			Name: n.MachineName,
			Seen: n.SeenAt,
		})
	}
	return all, problem(err)
}

// How many days are counted.
const (
	daysUsual = 30
	daysMost  = 400
)

// Counts implements Desk.
func (p *person) Counts(ctx context.Context, days int) (wire.Counts, error) {
	all := wire.Counts{Days: []wire.DayCount{}, Counts: []wire.Count{}}
	days = cmp.Or(days, daysUsual)
	if days < 1 || days > daysMost {
		return all, wire.NewProblem(http.StatusBadRequest, "limit", "days is out of bounds: expected 1 to 400")
	}
	found, err := p.office.History.Count(ctx, days)
	if err != nil {
		return all, problem(err)
	}
	all.Runs, all.Counted = found.Runs, found.MadeAt()
	for _, d := range found.Days {
		all.Days = append(all.Days, wire.DayCount{
			Day:     d.Day,
			Runs:    d.Runs,
			Counted: d.MadeAt,
		})
	}
	for _, c := range found.Counts {
		all.Counts = append(all.Counts, wire.Count(c))
	}
	return all, nil
}
