package runs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// Step is where one acting step of a run's plan stands. The zero value but for its key is a step that is not begun.
type Step struct {
	Key     string `json:"key"`               // playbook.Step.Key
	Latch   string `json:"latch,omitempty"`   // kind of the latch that owns its machine action; empty: it has none
	Episode int    `json:"episode,omitempty"` // of that latch; 0: none begun. An isolation's is Run.Episode
	Waiting bool   `json:"waiting,omitempty"` // it joined the episode and ends with its outcome
	Leave   bool   `json:"leave,omitempty"`   // a person let it go on after a rail had held it
	Begun   bool   `json:"begun,omitempty"`   // it has no machine action, and its request may have been sent
	Before  string `json:"before,omitempty"`  // what its request changes and what was there, for whoever began it
	Asked   bool   `json:"asked,omitempty"`   // its machine action is or was under way
	Action  string `json:"action,omitempty"`  // id of the machine action that it ends with, the newest
	// Reissues counts how often its machine action failed and was asked for again. An isolation's is Run.Reissues.
	Reissues int    `json:"reissues,omitempty"`
	Outcome  string `json:"outcome,omitempty"` // a word or two, as in Run; empty: it is not over
	Reason   string `json:"reason,omitempty"`  // the sentence behind Outcome, or what it waits for
}

// maxReason bounds what is kept of a step's reason, in characters: all steps of a run go into one property of its row.
const maxReason = 1000

// Steps are the acting steps of a run's plan, in order. In a row they are a text, for a row holds no lists.
type Steps []Step

// MarshalText implements encoding.TextMarshaler.
func (s Steps) MarshalText() ([]byte, error) {
	return outgoing.Encode([]Step(s))
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Steps) UnmarshalText(text []byte) error {
	var states []Step
	if err := json.Unmarshal(text, &states); err != nil {
		return fmt.Errorf("steps of a run: %w", err)
	}
	*s = states
	return nil
}

// Plan takes over the acting steps of a plan, in order. What is known of a step that was there before is kept; so is a
// step that waits or is over, although the plan does not have it any more: it was done.
func (s Steps) Plan(steps []Step) Steps {
	planned := slices.Clone(steps)
	for i := range planned {
		if there := s.find(planned[i].Key); there != nil {
			planned[i] = *there
		}
	}
	for _, there := range s {
		if Steps(planned).find(there.Key) == nil && (there.Waiting || there.Outcome != "") {
			planned = append(planned, there)
		}
	}
	return planned
}

func (s Steps) find(key string) *Step {
	for i := range s {
		if s[i].Key == key {
			return &s[i]
		}
	}
	return nil
}

// StepOf is the state of a step; false if the run has no such step.
func (r Run) StepOf(key string) (Step, bool) {
	if there := r.Steps.find(key); there != nil {
		return *there, true
	}
	return Step{Key: key}, false
}

// ofLatch is the step that a latch belongs to. Runs that were decided before there were steps have none.
func (r *Run) ofLatch(kind string) *Step {
	for i := range r.Steps {
		if r.Steps[i].Latch == kind {
			return &r.Steps[i]
		}
	}
	return nil
}

// EpisodeOf is the episode of a latch that the run has begun or joined; 0: none.
func (r Run) EpisodeOf(kind string) int {
	if kind == latches.Isolation {
		return r.Episode
	}
	if step := r.ofLatch(kind); step != nil {
		return step.Episode
	}
	return 0
}

// ReissuesOf is how often the machine action of a latch was asked for again.
func (r Run) ReissuesOf(kind string) int {
	if kind == latches.Isolation {
		return r.Reissues
	}
	if step := r.ofLatch(kind); step != nil {
		return step.Reissues
	}
	return 0
}

// IsOver reports whether nothing is left to do for the step of a latch: it has its outcome, or the whole run has.
func (r Run) IsOver(kind string) bool {
	step := r.ofLatch(kind)
	return r.State.Final() || step != nil && step.Outcome != ""
}

// SetEpisode notes which episode of a latch the run has begun.
func (r *Run) SetEpisode(kind string, episode int) {
	if kind == latches.Isolation {
		r.Episode = episode
	}
	if step := r.ofLatch(kind); step != nil {
		step.Episode = episode
	}
}

// Wait lets the step of a latch end with its episode. Once every step that is not over does so, the run waits.
func (r *Run) Wait(kind string, episode int, reason string, at time.Time) {
	r.SetEpisode(kind, episode)
	if step := r.ofLatch(kind); step != nil {
		step.Waiting = true
		step.Reason = rows.Cut(reason, maxReason)
	}
	r.Asked(kind, at)
	r.settle(reason, at)
}

// Asked notes that the machine action of a latch is under way for the run.
func (r *Run) Asked(kind string, at time.Time) {
	if r.AskedAt.IsZero() {
		r.AskedAt = at
	}
	if step := r.ofLatch(kind); step != nil {
		step.Asked = true
	}
}

// AskedFor are the latches whose machine actions are or were under way for the run: by itself, or by the version that
// it goes on with if that is about the same machine. An earlier scan says nothing about an isolation.
func (r Record) AskedFor(run Run) []string {
	kinds := run.askedFor()
	if before, exists := r.asksBefore(run); exists && strings.EqualFold(before.MachineID, run.MachineID) {
		kinds = append(kinds, before.askedFor()...)
	}
	return kinds
}

func (r Run) askedFor() []string {
	var kinds []string
	for _, step := range r.Steps {
		if step.Asked {
			kinds = append(kinds, step.Latch)
		}
	}
	return kinds
}

// Asks finds the run, this or an earlier version's, that had a machine action under way which this one goes on with:
// its own, or that of a version that is not over or that a newer one took the place of before it could ask again.
// False: none had.
func (r Record) Asks(run Run) (Run, bool) {
	if !run.AskedAt.IsZero() {
		return run, true
	}
	return r.asksBefore(run)
}

func (r Record) asksBefore(run Run) (Run, bool) {
	decided := false
	for _, other := range slices.Backward(r.Runs) {
		if other.Version < 1 || other.Version >= run.Version {
			continue
		}
		superseded := other.State.Final() && other.Outcome == SupersededOutcome
		if !other.AskedAt.IsZero() && (!other.State.Final() || superseded && !decided) {
			return other, true
		}
		decided = decided || other.State.Final() && !superseded
	}
	return Run{}, false
}

// SupersededOutcome is the outcome of a version that a newer one is answered instead of.
const SupersededOutcome = "superseded"

// Again lets the step of a latch begin anew, without an episode and without an outcome, and the run with it.
func (r *Run) Again(kind, reason string, due time.Time) {
	r.SetEpisode(kind, 0)
	if kind == latches.Isolation {
		r.IsolatedAt = time.Time{}
	}
	if step := r.ofLatch(kind); step != nil {
		step.Waiting = false
		step.Outcome = ""
		step.Reason = ""
	}
	r.State = Started
	r.Outcome = ""
	r.Reason = reason
	r.ClosedAt = time.Time{}
	r.DueAt = due
	r.unstick()
}

// CountReissue counts that the machine action of a latch is asked for again.
func (r *Run) CountReissue(kind string) {
	if kind == latches.Isolation {
		r.Reissues++
	}
	if step := r.ofLatch(kind); step != nil {
		step.Reissues++
	}
}

// Finish gives a step its outcome. The run closes with its last one.
func (r *Run) Finish(key, outcome, reason string, at time.Time) {
	if step := r.Steps.find(key); step != nil {
		step.Outcome = outcome
		step.Reason = rows.Cut(reason, maxReason)
		step.Waiting = false
		r.settle("", at)
		return
	}
	if len(r.Steps) == 0 {
		r.end(outcome, reason, at)
	}
}

// Begin notes that the request of a step without a machine action is about to be sent, and what it changes.
func (r *Run) Begin(key, before string) {
	if step := r.Steps.find(key); step != nil {
		step.Begun, step.Before = true, before
	}
}

// Settle makes the run's state what its steps say, which is nothing new unless the plan lost the steps that were left.
func (r *Run) Settle(at time.Time) { r.settle("", at) }

// FinishLatch is Finish for the step of a latch.
func (r *Run) FinishLatch(kind, outcome, reason string, at time.Time) {
	if step := r.ofLatch(kind); step != nil {
		r.Finish(step.Key, outcome, reason, at)
		return
	}
	if len(r.Steps) == 0 {
		r.end(outcome, reason, at)
	}
}

// settle makes the run's state what its steps say.
func (r *Run) settle(waitsFor string, at time.Time) {
	var outcomes, reasons, waits []string
	for _, step := range r.Steps {
		switch {
		case step.Outcome != "":
			if !slices.Contains(outcomes, step.Outcome) {
				outcomes = append(outcomes, step.Outcome)
			}
			reasons = append(reasons, r.about(step)+step.Reason)
		case step.Waiting:
			waits = append(waits, r.about(step)+step.Reason)
		default:
			return // it is still to be done
		}
	}
	if len(r.Steps) == 0 {
		waits = []string{waitsFor}
	}
	if len(waits) == 0 {
		r.end(strings.Join(outcomes, ", "), strings.Join(reasons, "; "), at)
		return
	}
	r.unstick()
	r.State = Waiting
	r.Begun = nil
	r.Trouble = ""
	r.DueAt = at
	r.Reason = strings.Join(waits, "; ")
}

// about begins what is said of a step, if the run has several.
func (r *Run) about(step Step) string {
	if len(r.Steps) == 1 {
		return ""
	}
	return step.Key + ": "
}

func (r *Run) end(outcome, reason string, at time.Time) {
	r.unstick()
	r.State = Closed
	r.ClosedAt = at
	r.Begun = nil
	r.Trouble = ""
	r.Outcome, r.Reason = outcome, reason
}

// HeldOutcome is the outcome of what a rail held for a person.
const HeldOutcome = "held"

// IsHeld reports whether a rail held something of the run for a person.
func (r Run) IsHeld() bool {
	return r.Outcome == HeldOutcome ||
		slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Outcome == HeldOutcome })
}

// Unhold opens what a rail held again, and the run with it.
func (r *Run) Unhold(due time.Time) {
	for i := range r.Steps {
		if r.Steps[i].Outcome == HeldOutcome {
			r.SetEpisode(r.Steps[i].Latch, 0)
			r.Steps[i].Outcome = ""
			r.Steps[i].Reason = ""
			r.Steps[i].Episode = 0
			r.Steps[i].Leave = true
		}
	}
	if len(r.Steps) == 0 {
		r.Episode = 0
		// all that there was before there were steps
		r.Steps = Steps{{Key: "isolate", Latch: latches.Isolation, Leave: true}}
	}
	r.State = Started
	r.Outcome = ""
	r.Reason = ""
	r.ClosedAt = time.Time{}
	r.DueAt = due
	r.Begun = nil
}

// Drop decides that what a rail held is not done.
func (r *Run) Drop(why string) {
	for i := range r.Steps {
		if r.Steps[i].Outcome == HeldOutcome {
			r.Steps[i].Outcome = "dropped"
			r.Steps[i].Reason = r.Steps[i].Reason + why
		}
	}
	if r.State.Final() {
		r.Outcome = strings.Join(r.outcomes(), ", ")
		r.Reason = r.Reason + why
	}
}

// outcomes are those of the steps, each once, in order.
func (r *Run) outcomes() []string {
	if len(r.Steps) == 0 {
		return []string{"dropped"}
	}
	var all []string
	for _, step := range r.Steps {
		if !slices.Contains(all, step.Outcome) {
			all = append(all, step.Outcome)
		}
	}
	return all
}

// WaitsFor are the latches whose episodes a waiting run ends with.
func (r Run) WaitsFor() []string {
	var kinds []string
	for _, step := range r.Steps {
		if step.Waiting {
			kinds = append(kinds, step.Latch)
		}
	}
	if len(r.Steps) == 0 {
		return []string{latches.Isolation}
	}
	return kinds
}

// Wants reports whether the run's plan asks for what a latch owns, done or not. A run from before there were steps
// wants what it joined.
func (r Run) Wants(l latches.Latch) bool {
	if len(r.Steps) == 0 {
		return r.EpisodeOf(l.Kind) == l.Episode
	}
	return r.ofLatch(l.Kind) != nil
}
