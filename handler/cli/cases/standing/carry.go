package standing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cordon/handler/answer"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// Outcome is what a machine action of a plan comes to.
type Outcome struct {
	Step string // as people write it, such as isolate Full
	Word string // one of Words
	Why  string
}

// What an action can come to.
const (
	Asked      = "asked"       // it is asked of Defender
	Joined     = "joined"      // it is under way, or so already: nothing is asked
	Released   = "released"    // somebody released the machine, and it stays so for this alert
	DoneBefore = "done before" // it was done lately
	Skipped    = "skipped"     // there is nothing to undo
	Waits      = "waits"       // it is asked once what is under way is over
)

// Words are all that an action can come to.
func Words() []string {
	return []string{
		Asked,
		Joined,
		Released,
		DoneBefore,
		Skipped,
		Waits,
	}
}

// Carry carries the machine actions of a plan out that are to be done, in order, and says what each comes to.
func (s *Standing) Carry(in playbook.Input, plan playbook.Plan) []Outcome {
	run := s.run()
	run.Book = "decided"
	run.Rule = plan.Rule
	acting := slices.DeleteFunc(slices.Clone(plan.Steps), func(s playbook.Step) bool {
		return !s.Kind.Acts()
	})
	for _, step := range acting {
		run.Steps = append(run.Steps, runs.Step{
			Key:   step.Key(),
			Latch: answer.LatchOf(step),
		})
	}
	var all []Outcome
	for _, step := range acting {
		t := turn{
			Standing: s,
			in:       in,
			step:     step,
		}
		kind := answer.LatchOf(step)
		switch {
		case step.Verdict != playbook.Do:
			t.finish(string(step.Verdict), step.Why)
		case kind == "":
			t.finish("done", "")
		case in.Machine != nil:
			t.spec, _ = machine.SpecOf(step.Kind.Action())
			t.latch = s.latch(in.Machine.ID, kind)
			all = append(all, t.act())
		}
	}
	run.Status = cmp.Or(string(Changed(acting).Status), run.Status)
	return all
}

// turn is one machine action of a plan on its way.
type turn struct {
	*Standing
	in    playbook.Input
	step  playbook.Step
	spec  machine.Spec
	latch *latches.Latch
}

// act does what handler/act does with what comes next for the action's latch.
func (t turn) act() Outcome {
	switch next := t.next().(type) {
	case episode.Take:
		return t.take()
	case episode.Join:
		return t.join()
	case episode.StaysReleased:
		t.finish("released", next.Release.Why)
		return t.comes(Released, next.Release.Why)
	case episode.Done:
		t.finish(t.spec.Done, next.Why)
		return t.comes(DoneBefore, next.Why)
	case episode.Finish:
		t.finish(next.Outcome, next.Why)
		return t.comes(Skipped, next.Why)
	default:
		return t.waits(next)
	}
}

// finish gives the step its outcome.
func (t turn) finish(outcome, why string) {
	t.run().Finish(
		t.step.Key(),
		outcome,
		why,
		t.in.Now,
	)
}

// next asks what comes next, with every fact that it wants to know.
func (t turn) next() episode.Next {
	joiners := t.joined[t.episode()]
	view := t.view()
	view.Record = &t.record
	view.Joiners = &joiners
	view.Undoing = t.latchOf(t.spec.Undoing)
	view.Lasting = t.latchOf(t.spec.Undoes)
	return episode.Enter(view)
}

func (t turn) view() episode.View {
	return episode.View{
		Spec:   t.spec,
		Latch:  *t.latch,
		Run:    *t.run(),
		Now:    t.in.Now,
		Limits: t.limits(),
	}
}

// latchOf is the machine's latch of another action; nil for none.
func (t turn) latchOf(other machine.ActionType) *latches.Latch {
	spec, known := machine.SpecOf(other)
	if !known {
		return nil
	}
	return t.Standing.latch(t.latch.MachineID, spec.Latch)
}

// take begins an episode: what is there is adopted, and what is not is asked for.
func (t turn) take() Outcome {
	l := t.latch
	if !l.State.Open() {
		last := l.ActionID
		*l = latches.NextEpisode(*l)
		l.LastActionID = last
		l.Desired = t.spec.Type
		l.Scope = t.step.Scope
		l.RunID = t.run().ID()
	}
	t.run().SetEpisode(l.Kind, l.Episode)
	switch next := episode.FirstLook(t.view(), t.actions).(type) {
	case episode.Adopt:
		return t.adopt(next.Action)
	case episode.Ask:
		return t.request()
	default:
		return t.waits(next)
	}
}

// adopt makes an action that somebody else asked for the episode's own.
func (t turn) adopt(a machine.Action) Outcome {
	t.latch.State = latches.Acting
	if a.Status == machine.Succeeded {
		t.latch.State = latches.Achieved
		t.latch.AchievedAt = a.Completed()
	}
	episode.Own(t.latch, a, true)
	return t.join()
}

// request asks for the action; one that undoes a state claims it first.
func (t turn) request() Outcome {
	lasting := t.latchOf(t.spec.Undoes)
	if lasting != nil {
		switch next := episode.Undo(*lasting).(type) {
		case episode.End:
			return t.end(next)
		case episode.Wait:
			return t.waits(next)
		}
		lasting.UndoneBy = t.run().ID()
	}
	t.ask(t.latch, t.in.Now, t.step.Comment)
	t.hears()
	return t.comes(Asked, "")
}

// end ends the episode that was taken: there is nothing to undo.
func (t turn) end(with episode.End) Outcome {
	t.latch.State = latches.Ended
	t.latch.EndedAt = t.in.Now
	t.latch.EndReason = with.Why
	t.latch.EndRun = t.run().ID()
	t.finish(with.Outcome, with.Why)
	return t.comes(Skipped, with.Why)
}

// join lets the step end with the episode.
func (t turn) join() Outcome {
	l := t.latch
	t.run().SetEpisode(l.Kind, l.Episode)
	t.hears()
	why := episode.Whose(*l)
	if l.State == latches.Achieved {
		t.finish(t.spec.Done, why)
	} else {
		t.run().Wait(
			l.Kind,
			l.Episode,
			why,
			t.in.Now,
		)
	}
	return t.comes(Joined, why)
}

// hears puts the run among those that end with the episode.
func (t turn) hears() {
	name := t.episode()
	joiner := latches.Joiner{
		AlertID: t.run().AlertID,
		Version: t.run().Version,
	}
	t.joined[name] = append(t.joined[name], joiner)
}

// episode names the episode of the turn's latch.
func (t turn) episode() string {
	l := t.latch
	return fmt.Sprintf("%s:%s:%d", l.MachineID, l.Kind, l.Episode)
}

// waits is the outcome of an action whose run comes back for it.
func (t turn) waits(next episode.Next) Outcome {
	switch next := next.(type) {
	case episode.Wait:
		return t.comes(Waits, next.Why)
	case episode.WaitForRelease:
		a := next.Action
		why := fmt.Sprintf("the opposite (%s, action %s) is still under way", a.Type, a.ID)
		return t.comes(Waits, why)
	}
	return t.comes(Waits, "another run has it under way")
}

func (t turn) comes(word, why string) Outcome {
	return Outcome{
		Step: t.step.String(),
		Word: word,
		Why:  why,
	}
}

// Tags are a machine's tags after the steps of a plan that are done.
func Tags(tags []string, steps []playbook.Step) []string {
	tags = slices.Clone(tags)
	for _, step := range steps {
		done := step.Verdict == playbook.Do
		if step.Kind != playbook.Tag || !done {
			continue
		}
		same := func(tag string) bool { return strings.EqualFold(tag, step.Tag) }
		switch {
		case step.Remove:
			tags = slices.DeleteFunc(tags, same)
		case !slices.ContainsFunc(tags, same):
			tags = append(tags, step.Tag)
		}
	}
	return tags
}
