package history

import (
	"cmp"
	"context"
	"slices"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/desk"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/runs"
	"cordon/handler/mailbox"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// Shown is one run with everything that the record has of it.
type Shown struct {
	Run      runs.Run
	Plan     *playbook.Plan    // as it was decided, and with what a person let go on; nil: none is kept
	Decision *decided.Decision // with the facts; nil: they are not kept (any more)
	Today    *Today            // nil: the facts are not kept, or today's playbook is not known here
	Versions []runs.Run        // all versions of the alert, newest first, this one among them
	Told     []mailbox.Told    // what people are told of it, and what became of the mails, oldest first
	Commands []journal.Entry   // what people did about the alert, and to its machine since, newest first
}

// Today is what today's playbook makes of the facts of then.
type Today struct {
	Playbook string // its digest
	Same     bool   // it is the playbook that decided
	Differs  bool   // it wants something else
	Plan     playbook.Plan
}

// commandsShown bounds how many commands are shown with a run.
const commandsShown = 100

// Show reads a run by its id, or the newest of an alert by the alert's id. An error that is a refusal says that there
// is none.
func (h *History) Show(ctx context.Context, which string) (Shown, error) {
	alertID, version := alert.SplitRunID(which)
	if alertID == "" {
		alertID = which
	}
	if err := alert.CheckID(alertID); err != nil {
		return Shown{}, desk.Refusef("run or alert id %s", err)
	}
	record, err := h.Runs.Alert(ctx, alertID)
	if err != nil {
		return Shown{}, err
	}
	run, there := record.Run(version)
	if version == 0 {
		run, there = record.Latest()
	}
	if !there {
		return Shown{}, desk.Refusef("the record has no run or alert %s: it keeps them for CORDON_RETENTION; cordon "+
			"runs lists them with their whole ids, with --machine those of a machine", which)
	}
	is := Shown{Run: run, Versions: slices.Clone(record.Runs)}
	slices.Reverse(is.Versions)
	is.Plan, err = planOf(run)
	if err == nil {
		err = h.addDecision(ctx, &is)
	}
	if err == nil {
		is.Told, err = h.Mails.Of(ctx, run.ID(), groupsOf(is, record))
	}
	if err == nil {
		is.Commands, err = h.commands(ctx, run)
	}
	return is, err
}

// planOf is the plan of a run. One that was too large is kept as its steps alone.
func planOf(run runs.Run) (*playbook.Plan, error) {
	var plan playbook.Plan
	kept, err := run.ReadPlan(&plan)
	if kept && err != nil {
		plan = playbook.Plan{Rule: run.Rule, Mode: playbook.Mode(run.Mode), Reason: run.Reason}
		_, err = run.ReadPlan(&plan.Steps)
	}
	if !kept || err != nil {
		return nil, err
	}
	return &plan, nil
}

// addDecision adds the facts, the values and texts that the plan was made with, and what today's playbook makes of the
// facts.
func (h *History) addDecision(ctx context.Context, is *Shown) error {
	d, kept, err := h.Archive.Read(ctx, is.Run)
	if err != nil || !kept {
		return err
	}
	is.Decision = &d
	if d.Facts.Alert.ID == "" {
		return nil // all of it is lost, see d.Left
	}
	whole := d.Plan()
	if is.Plan != nil {
		whole.Steps = withTexts(is.Plan.Steps, d.Steps)
	}
	is.Plan = &whole
	if h.Book == nil {
		return nil
	}
	plan := h.Book.Decide(d.Facts.Input())
	is.Today = &Today{
		Playbook: h.Book.Hash(),
		Same:     h.Book.Hash() == d.Playbook,
		Differs:  !sameSteps(plan, d.Plan()),
		Plan:     plan,
	}
	return nil
}

// withTexts are the steps of a run with the texts that were made of its alert.
func withTexts(steps, decided []playbook.Step) []playbook.Step {
	whole := slices.Clone(steps)
	for i := range whole {
		at := slices.IndexFunc(decided, func(s playbook.Step) bool {
			return s.Key() == whole[i].Key()
		})
		if at < 0 {
			continue
		}
		whole[i].Comment = decided[at].Comment
		whole[i].Text = decided[at].Text
		whole[i].Update = decided[at].Update
	}
	return whole
}

// sameSteps reports whether two plans want the same by the same rules.
func sameSteps(a, b playbook.Plan) bool {
	return a.Rule == b.Rule && slices.EqualFunc(a.Steps, b.Steps, func(x, y playbook.Step) bool {
		return x.Key() == y.Key() && x.Verdict == y.Verdict
	})
}

// groupsOf are the notice groups that may tell of a run: those of its mail steps, and where it stood still or was set
// aside the operator's.
func groupsOf(is Shown, record runs.Record) []string {
	a := alert.Alert{ID: is.Run.AlertID, IncidentID: is.Run.Incident}
	if a.IncidentID == 0 && record.Seen != nil {
		a.IncidentID = record.Seen.IncidentID // runs from before it was kept with them
	}
	groups := []string{notice.Group(a, nil)}
	if is.Plan != nil {
		for _, step := range is.Plan.Steps {
			if step.Kind == playbook.Mail {
				groups = append(groups, notice.Group(a, step.To))
			}
		}
	}
	if is.Run.State == runs.Parked || is.Run.StuckTold {
		groups = append(groups, notice.OperatorGroup)
	}
	return groups
}

// commands are what people did about the alert, and to its machine since the run was observed.
func (h *History) commands(ctx context.Context, run runs.Run) ([]journal.Entry, error) {
	all, err := h.Journal.About(ctx, run.AlertID, commandsShown)
	if err != nil || run.MachineID == "" {
		return all, err
	}
	onMachine, err := h.Journal.About(ctx, run.MachineID, commandsShown)
	if err != nil {
		return all, err
	}
	for _, e := range onMachine {
		known := slices.ContainsFunc(all, func(other journal.Entry) bool {
			return other.Command == e.Command && other.Object == e.Object
		})
		if !known && !e.At.Before(run.ObservedAt) && (e.Object == run.MachineID || e.Object == "") {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b journal.Entry) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Object, b.Object))
	})
	return all, nil
}
