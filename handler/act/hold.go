package act

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"cordon/handler/answer"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/notice"
)

// hold ends a step that a rail holds.
func (r *Actor) hold(ctx context.Context, run *answer.Run, why answer.Reason) (answer.Outcome, error) {
	why = run.HeldAgain(why)
	err := r.Clerk.KeepHeld(ctx, run, why.Text)
	if err != nil {
		return answer.Outcome{}, err
	}
	return r.notDone(ctx, run, notice.Held, "held", why)
}

// notDone ends a step that is not carried out. It must not be told as "not isolated" about a machine that is isolated
// or being isolated all the same. If this alert itself asked for that, its recipients hear of the outcome anyway. If
// another alert did, they are told of the step and of what stands.
func (r *Actor) notDone(
	ctx context.Context, run *answer.Run, kind notice.Kind, outcome string, why answer.Reason,
) (o answer.Outcome, err error) {
	latch := answer.LatchOf(run.Step)
	if latch == "" || run.Machine == nil {
		return r.Clerk.Conclude(ctx, run, kind, outcome, why)
	}
	l, o, err := r.latch(ctx, run.Machine.ID, latch, run.ID())
	if err != nil || o.Ends() {
		return o, err
	}
	if l.State != latches.Intended && l.State != latches.Acting && l.State != latches.Achieved {
		return r.Clerk.Conclude(ctx, run, kind, outcome, why)
	}
	joiners, err := r.Latches.Joiners(ctx, l)
	if err != nil {
		return o, err
	}
	hears := func(j latches.Joiner) bool { return j.AlertID == run.Row.AlertID && j.Groups != "" }
	if slices.ContainsFunc(joiners, hears) {
		reason := fmt.Sprintf("%s; %s that was asked for before is still under way", why.Text,
			episode.Article(episode.Noun(l)))
		return r.Clerk.Finish(ctx, run, outcome, reason)
	}
	e := r.Clerk.Event(run, kind)
	standsAllTheSame(&e, l, run, why)
	if err := r.Clerk.TellNews(ctx, run, e); err != nil {
		return o, err
	}
	return r.Clerk.Finish(ctx, run, outcome, e.Detail)
}

// standsAllTheSame says in an event about a step that is not carried out what stands all the same.
func standsAllTheSame(e *notice.Event, l latches.Latch, run *answer.Run, why answer.Reason) {
	whom := "for another alert (run " + l.RunID + ")"
	if l.RunID == "" || strings.HasPrefix(l.RunID, run.Row.AlertID+":") {
		whom = "before"
	}
	e.Cause = cmp.Or(why.Cause, why.Text)
	e.Stands = notice.UnderWay
	e.Episode = l.Episode
	e.ActionID = l.ActionID
	noun := episode.Article(episode.Noun(l))
	e.Detail = fmt.Sprintf("%s; %s that was asked for %s is still under way", why.Text, noun, whom)
	if l.State == latches.Achieved {
		e.Stands = notice.InForce
		e.Detail = fmt.Sprintf("%s; the machine is %s, as was asked for %s", why.Text, episode.DoneWord(l), whom)
	}
	if l.Adopted {
		e.Detail += ". " + episode.Whose(l)
	}
}
