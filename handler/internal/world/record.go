package world

import (
	"context"
	"slices"
	"time"

	"cordon/handler/backtest"
	"cordon/handler/desk/erasure"
	"cordon/handler/history"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/runs"
	"cordon/handler/mailbox"
)

// History is the record as people read it, with the world's playbook as today's.
func (w *World) History(p *Process) *history.History {
	return &history.History{
		Runs:    p.Ledger.Runs,
		Lists:   p.Ledger.Lists,
		Tallies: p.Ledger.Tallies,
		Journal: p.Ledger.Journal,
		Archive: p.Options.Archive,
		Mails:   &mailbox.Mailbox{Notices: p.Ledger.Notices, Now: w.Clock, Lock: time.Minute},
		Book:    w.Book,
		Now:     w.Clock,
	}
}

// Eraser erases facts of the record.
func (w *World) Eraser(p *Process) *erasure.Eraser {
	return &erasure.Eraser{
		Desk:      p.AtDesk(),
		Decisions: p.Ledger.Decisions,
		Findings:  p.Ledger.Findings,
		Lists:     p.Ledger.Lists,
	}
}

// CheckRecord holds what is said of some runs in lists, and what is kept of how they were decided, against the runs,
// after the index of open runs was gone through as the polls do.
func (w *World) CheckRecord(alertIDs ...string) {
	w.T.Helper()
	p := w.Start(-1, false)
	ctx := context.Background()
	err := p.Ledger.Runs.EachOpen(ctx, func(e runs.OpenEntry) error {
		_, _, err := p.Ledger.Runs.ReadOpen(ctx, e, w.Clock().Add(25*time.Hour))
		return err
	})
	if err != nil {
		w.T.Fatal(err)
	}
	for _, id := range alertIDs {
		record, err := p.Ledger.Runs.Alert(ctx, id)
		if err != nil {
			w.T.Fatal(err)
		}
		for _, run := range record.Runs {
			w.checkListed(p, run)
			w.checkDecision(p, run)
		}
	}
}

// checkListed asks for the run on each list that it could be on.
func (w *World) checkListed(p *Process, run runs.Run) {
	w.T.Helper()
	e := run.InShort()
	questions := []lists.Query{{}, {Machine: e.MachineID}, {Severity: e.Severity}}
	for _, outcome := range []string{runs.HeldOutcome, runs.SupersededOutcome, e.Outcome} {
		questions = append(questions, lists.Query{Outcome: outcome})
		for _, rule := range lists.Each(e.Rule) {
			questions = append(questions, lists.Query{Rule: rule, Outcome: outcome})
		}
	}
	for _, q := range questions {
		q.Limit = 900
		found, _, err := p.Ledger.Lists.Page(context.Background(), q)
		if err != nil {
			w.T.Fatal(err)
		}
		on := slices.IndexFunc(found, func(f lists.Entry) bool { return f.ID() == e.ID() })
		wanted := q.Outcome == "" || slices.Contains(lists.Each(e.Outcome), q.Outcome)
		switch {
		case (on >= 0) != wanted:
			w.T.Errorf("run %s, whose outcome is %q: on the list of %+v: %v", e.ID(), e.Outcome, q, on >= 0)
		case on >= 0 && run.State.Final() && (found[on].Outcome != e.Outcome ||
			found[on].Rule != e.Rule || !found[on].IsolatedAt.Equal(e.IsolatedAt)):
			w.T.Errorf("run %s, whose outcome is %q, is listed as %+v", e.ID(), e.Outcome, found[on])
		}
	}
	w.checkNamed(p, e)
}

// checkNamed looks for the machine of a run by its id and its name.
func (w *World) checkNamed(p *Process, e lists.Entry) {
	w.T.Helper()
	for _, prefix := range []string{e.MachineID, e.MachineName} {
		if prefix == "" {
			continue
		}
		found, _, err := p.Ledger.Lists.Named(context.Background(), prefix, 900)
		if err != nil {
			w.T.Fatal(err)
		}
		if !slices.ContainsFunc(found, func(n lists.Named) bool {
			return n.MachineID == e.MachineID && (n.MachineName == e.MachineName || e.MachineName == "")
		}) {
			w.T.Errorf("run %s: its machine is not among those of %q: %+v", e.ID(), prefix, found)
		}
	}
}

// checkDecision holds what is kept of how a run was decided against the run.
func (w *World) checkDecision(p *Process, run runs.Run) {
	w.T.Helper()
	d, kept, err := p.Options.Archive.Read(context.Background(), run)
	switch {
	case err != nil:
		w.T.Fatal(err)
	case kept != (len(run.Plan) > 0):
		w.T.Errorf("run %s has a plan of %d bytes, and it is kept what it was decided on: %v", run.ID(), len(run.Plan), kept)
	case kept && (d.Rule != run.Rule || d.Playbook != run.Book || d.Facts.Alert.ID != run.AlertID):
		w.T.Errorf("run %s (rule %q) was decided so: %+v", run.ID(), run.Rule, d)
	case kept:
		trial := backtest.New(backtest.Options{Book: p.Options.Book})
		trial.Add(d)
		if again := trial.Report(); again.Same != 1 {
			w.T.Errorf("run %s, decided once more by the same playbook: %+v, %+v", run.ID(), again.Changes, again.Unknown)
		}
	}
}
