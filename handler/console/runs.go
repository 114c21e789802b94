package console

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"cordon/handler/alert"
	"cordon/handler/console/layout"
	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
)

// runsPage is what the page of runs is given.
type runsPage struct {
	Asked      wire.RunsAsked
	Day        string // as the field has it
	Severities []choice
	Outcomes   []string // that are usual
	Found      wire.Runs
	Names      part[wire.MachineNames] // machines whose names begin as the one that was asked for, if it has no runs
	Next       string                  // address of the next page; empty: this is the last
	Filtered   bool
}

// runs lists runs, newest first.
func runs(ctx context.Context, v visit) (shown, error) {
	q := v.query
	p := runsPage{
		Asked: wire.RunsAsked{
			Alert:    text(q.Get("alert")),
			Machine:  text(q.Get("machine")),
			Rule:     text(q.Get("rule")),
			Outcome:  text(q.Get("outcome")),
			Severity: text(q.Get("severity")),
			After:    q.Get("after"),
		},
		Day:        text(q.Get("day")),
		Severities: choices(q.Get("severity"), "High", "Medium", "Low", "Informational"),
		Outcomes:   []string{"isolated", "held", "would isolate", "no match", "failed"},
	}
	for _, name := range []string{"alert", "machine", "rule", "outcome", "severity", "incident", "day"} {
		p.Filtered = p.Filtered || q.Get(name) != ""
	}
	incident := text(q.Get("incident"))
	if incident != "" {
		number, err := strconv.ParseInt(incident, 10, 64)
		if err != nil || number < 1 {
			return shown{}, wire.NewProblem(http.StatusBadRequest, "incident",
				"an incident is a number; go back and write it as one")
		}
		p.Asked.Incident = number
	}
	if p.Day != "" {
		from, err := time.ParseInLocation(time.DateOnly, p.Day, v.zone)
		if err != nil {
			return shown{}, wire.NewProblem(http.StatusBadRequest, "day",
				"a day is written as 2026-03-02; go back and write it so")
		}
		p.Asked.Since, p.Asked.Until = from, from.AddDate(0, 0, 1)
	}
	found, err := v.desk.Runs(ctx, p.Asked)
	if err != nil {
		return shown{}, err
	}
	p.Found = found
	if len(found.Runs) == 0 && p.Asked.Machine != "" && p.Asked.After == "" {
		into(&p.Names, func() (wire.MachineNames, error) { return v.desk.Machines(ctx, p.Asked.Machine) })()
	}
	if found.Next != "" {
		p.Next = layout.Link("runs", "alert", p.Asked.Alert, "machine", p.Asked.Machine, "rule", p.Asked.Rule, "outcome",
			p.Asked.Outcome, "severity", p.Asked.Severity, "incident", incident, "day", p.Day, "after", found.Next)
	}
	return shown{page: p}, nil
}

// runPage is what the page of a run is given.
type runPage struct {
	wire.Run
	As    *playbook.Plan // as it was decided; nil: it was not, or the plan is no more
	Now   *playbook.Plan // as today's playbook decides; nil: that cannot be said
	Facts string         // what it was decided on, as JSON; empty: it is not kept
	May   bool
}

func run(ctx context.Context, v visit) (shown, error) {
	which := text(v.query.Get("run"))
	if which == "" {
		return shown{}, missing("run")
	}
	is, err := v.desk.Run(ctx, which)
	if err != nil {
		return shown{}, err
	}
	p := runPage{Run: is, May: v.may()}
	p.As = planOf(is.Plan)
	if is.Today != nil {
		p.Now = planOf(is.Today.Plan)
	}
	p.Facts, err = facts(is.Decided)
	return shown{title: titleOf(is), page: p}, err
}

// planOf is a plan as the API has it in this process.
func planOf(plan any) *playbook.Plan {
	switch p := plan.(type) {
	case *playbook.Plan:
		return p
	case playbook.Plan:
		return &p
	}
	return nil
}

func titleOf(is wire.Run) string {
	for _, title := range []string{is.Title, is.AlertID} {
		if title != "" {
			return title
		}
	}
	return is.ID
}

// facts are what a run was decided on, for people who look at every detail.
func facts(is *wire.Decision) (string, error) {
	if is == nil {
		return "", nil
	}
	body, err := outgoing.Indent(is.Facts)
	return string(body), err
}

// find sends a person to the page of what was looked for.
func find(ctx context.Context, v visit) (shown, error) {
	q := text(v.query.Get("q"))
	number := regexp.MustCompile(`^[0-9]{1,18}$`)
	runID, _ := alert.SplitRunID(q)
	switch {
	case q == "":
		return shown{to: layout.Link("runs")}, nil
	case number.MatchString(q):
		return shown{to: layout.Link("runs", "incident", q)}, nil
	case runID != "":
		return shown{to: layout.Link("run", "run", q)}, nil
	case alert.CheckID(q) == nil:
		found, err := v.desk.Runs(ctx, wire.RunsAsked{Alert: q})
		if err != nil {
			return shown{}, err
		}
		if len(found.Runs) > 0 {
			return shown{to: layout.Link("run", "run", q)}, nil
		}
	}
	return shown{to: layout.Link("machine", "machine", q)}, nil
}
