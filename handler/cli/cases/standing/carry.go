package standing

import (
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
func Words() []string { return []string{Asked, Joined, Released, DoneBefore, Skipped, Waits} }

// Carry carries the machine actions of a plan out that are to be done, in order, and says what each comes to.
func (s *Standing) Carry(in playbook.Input, plan playbook.Plan) []Outcome {
	run := s.run()
	run.Book = "decided"
	run.Rule = plan.Rule
	for _, step := range plan.Steps {
		if step.Kind.Acts() {
			run.Steps = append(run.Steps, runs.Step{Key: step.Key(), Latch: answer.LatchOf(step)})
		}
	}
	var all []Outcome
	for _, step := range plan.Steps {
		switch {
		case !step.Kind.Acts():
		case step.Verdict != playbook.Do:
			run.Finish(step.Key(), string(step.Verdict), step.Why, in.Now)
		case answer.LatchOf(step) == "":
			run.Finish(step.Key(), "done", "", in.Now)
		case in.Machine != nil:
			t := turn{Standing: s, in: in, step: step}
			t.spec, _ = machine.SpecOf(step.Kind.Action())
			t.latch = s.latch(in.Machine.ID, answer.LatchOf(step))
			all = append(all, t.act())
		}
	}
	if status := Changed(plan.Steps).Status; status != "" {
		run.Status = string(status)
	}
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
	run := t.run()
	switch next := t.next().(type) {
	case episode.Take:
		return t.take()
	case episode.Join:
		return t.join()
	case episode.StaysReleased:
		run.Finish(t.step.Key(), "released", next.Release.Why, t.in.Now)
		return t.comes(Released, next.Release.Why)
	case episode.Done:
		run.Finish(t.step.Key(), t.spec.Done, next.Why, t.in.Now)
		return t.comes(DoneBefore, next.Why)
	case episode.Finish:
		run.Finish(t.step.Key(), next.Outcome, next.Why, t.in.Now)
		return t.comes(Skipped, next.Why)
	default:
		return t.waits(next)
	}
}

// next asks what comes next, with every fact that it wants to know.
func (t turn) next() episode.Next {
	joiners := t.joined[t.episode()]
	view := t.view()
	view.Record = &t.record
	view.Joiners = &joiners
	if undoing, known := machine.SpecOf(t.spec.Undoing); known {
		view.Undoing = t.Standing.latch(t.latch.MachineID, undoing.Latch)
	}
	view.Lasting = t.lasting()
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

// lasting is the latch of the state that the action undoes; nil if it undoes none.
func (t turn) lasting() *latches.Latch {
	lasting, known := machine.SpecOf(t.spec.Undoes)
	if !known {
		return nil
	}
	return t.Standing.latch(t.latch.MachineID, lasting.Latch)
}

// take begins an episode: what is there is adopted, and what is not is asked for.
func (t turn) take() Outcome {
	if !t.latch.State.Open() {
		last := t.latch.ActionID
		*t.latch = latches.NextEpisode(*t.latch)
		t.latch.LastActionID = last
		t.latch.Desired = t.spec.Type
		t.latch.Scope = t.step.Scope
		t.latch.RunID = t.run().ID()
	}
	t.run().SetEpisode(t.latch.Kind, t.latch.Episode)
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
		t.latch.State, t.latch.AchievedAt = latches.Achieved, a.Completed()
	}
	episode.Own(t.latch, a, true)
	return t.join()
}

// request asks for the action; one that undoes a state claims it first.
func (t turn) request() Outcome {
	if lasting := t.lasting(); lasting != nil {
		switch next := episode.Undo(*lasting).(type) {
		case episode.End:
			t.latch.State, t.latch.EndedAt, t.latch.EndReason = latches.Ended, t.in.Now, next.Why
			t.latch.EndRun = t.run().ID()
			t.run().Finish(t.step.Key(), next.Outcome, next.Why, t.in.Now)
			return t.comes(Skipped, next.Why)
		case episode.Wait:
			return t.waits(next)
		}
		lasting.UndoneBy = t.run().ID()
	}
	t.ask(t.latch, t.in.Now, t.step.Comment)
	t.hears()
	return t.comes(Asked, "")
}

// join lets the step end with the episode.
func (t turn) join() Outcome {
	run := t.run()
	run.SetEpisode(t.latch.Kind, t.latch.Episode)
	t.hears()
	why := episode.Whose(*t.latch)
	if t.latch.State == latches.Achieved {
		run.Finish(t.step.Key(), t.spec.Done, why, t.in.Now)
	} else {
		run.Wait(t.latch.Kind, t.latch.Episode, why, t.in.Now)
	}
	return t.comes(Joined, why)
}

// hears puts the run among those that end with the episode.
func (t turn) hears() {
	joiner := latches.Joiner{AlertID: t.run().AlertID, Version: t.run().Version}
	t.joined[t.episode()] = append(t.joined[t.episode()], joiner)
}

// episode names the episode of the turn's latch.
func (t turn) episode() string {
	return fmt.Sprintf("%s:%s:%d", t.latch.MachineID, t.latch.Kind, t.latch.Episode)
}

// waits is the outcome of an action whose run comes back for it.
func (t turn) waits(next episode.Next) Outcome {
	switch next := next.(type) {
	case episode.Wait:
		return t.comes(Waits, next.Why)
	case episode.WaitForRelease:
		return t.comes(Waits, fmt.Sprintf("the opposite (%s, action %s) is still under way", next.Action.Type,
			next.Action.ID))
	}
	return t.comes(Waits, "another run has it under way")
}

func (t turn) comes(word, why string) Outcome {
	return Outcome{Step: t.step.String(), Word: word, Why: why}
}

// Tags are a machine's tags after the steps of a plan that are done.
func Tags(tags []string, steps []playbook.Step) []string {
	tags = slices.Clone(tags)
	for _, step := range steps {
		if step.Kind != playbook.Tag || step.Verdict != playbook.Do {
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
