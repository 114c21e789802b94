package respond

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
)

// Tags and changes of the alert are done at once and have no latch: a repeat of them is safe. They come after the run's
// machine actions, and the conditions of a plan that is made anew do not see them: they must not change what the run asked
// for. What a version of the alert had done is not done again for a later one, so that nobody who took it back has to fight
// for it.

// change carries out a step that is no machine action. Facts are fresh.
func (r *Responder) change(ctx context.Context, w *work) error {
	if pause, err := r.Ledger.Pause(ctx); err != nil {
		return err
	} else if pause.Paused {
		return r.held(ctx, w, reason{text: "acting is paused: " + pause.Why()})
	}
	outcome, what := "tagged", tagChange(w.step)
	if w.step.Kind == playbook.UpdateAlert {
		outcome, what = "updated", alertChange(*w.step.Update)
	}
	before, err := r.changedBefore(ctx, w, outcome, what)
	if err != nil {
		return err
	}
	if before != "" {
		return r.finish(ctx, w, outcome, what+": done by run "+before)
	}
	state, _ := w.run.StepOf(w.step.Key())
	changed, err := r.makeChange(ctx, w)
	if err != nil {
		return r.changeFailed(ctx, w, err)
	}
	if !changed && !state.Begun {
		return r.finish(ctx, w, outcome, what+": it was so already")
	}
	e := r.event(w, notice.Done)
	e.Detail = strings.ToUpper(what[:1]) + what[1:] + "."
	if err := r.tell(ctx, w, e); err != nil {
		return err
	}
	return r.finish(ctx, w, outcome, what)
}

func tagChange(step playbook.Step) string {
	if step.Remove {
		return fmt.Sprintf("tag %q taken off", step.Tag)
	}
	return fmt.Sprintf("tag %q put on", step.Tag)
}

// alertChange says what a change changes; the comment, which may hold an attacker's text, only by its being there.
func alertChange(c alert.Change) string {
	var parts []string
	for _, part := range []struct{ name, value string }{{"status", string(c.Status)}, {"assignee", c.AssignedTo},
		{"classification", c.Classification}, {"determination", c.Determination}} {
		if part.value != "" {
			parts = append(parts, part.name+" "+part.value)
		}
	}
	if c.Comment != "" {
		parts = append(parts, "comment #"+alert.SHA256([]byte(c.Comment))[:8])
	}
	return "alert updated: " + strings.Join(parts, ", ")
}

// changedBefore names the run of an earlier version of the alert that did the same; empty: none did.
func (r *Responder) changedBefore(ctx context.Context, w *work, outcome, what string) (string, error) {
	record, err := r.Ledger.Alert(ctx, w.run.AlertID)
	if err != nil {
		return "", err
	}
	for _, run := range record.Runs {
		state, exists := run.StepOf(w.step.Key())
		if exists && run.Version < w.run.Version && state.Outcome == outcome && strings.HasPrefix(state.Reason, what) {
			return run.ID(), nil
		}
	}
	return "", nil
}

// makeChange asks for the change unless all is so already.
func (r *Responder) makeChange(ctx context.Context, w *work) (changed bool, err error) {
	if w.step.Kind == playbook.Tag {
		has := false
		for _, tag := range w.machine.Tags {
			has = has || strings.EqualFold(tag, w.step.Tag)
		}
		if has != w.step.Remove {
			return false, nil
		}
		if err := r.beginChange(ctx, w, ""); err != nil {
			return false, err
		}
		return true, r.API.Tag(ctx, w.machine.ID, w.step.Tag, w.step.Remove)
	}
	c := w.step.Update.Left(w.alert)
	if c.Comment != "" {
		comments, err := r.API.AlertComments(ctx, w.alert.ID)
		if err != nil {
			return false, err
		}
		if hasComment(comments, w.run.AlertID, c.Comment) {
			c.Comment = ""
		} else {
			c.Comment = "[cordon " + w.run.ID() + "] " + c.Comment
		}
	}
	if c.IsZero() {
		return false, nil
	}
	if err := r.beginChange(ctx, w, beforeChange(w.alert, c)); err != nil {
		return false, err
	}
	answer, err := r.API.UpdateAlert(ctx, w.alert.ID, c)
	if err != nil {
		return false, err
	}
	return true, r.noteOwnChange(ctx, w, c, answer)
}

// asksLater reports whether the run has a machine action that is neither followed nor over.
func (w *work) asksLater() bool {
	return slices.ContainsFunc(w.run.Steps, func(s ledger.StepState) bool { return s.Latch != "" && !s.Waiting && s.Outcome == "" })
}

// beginChange writes down that a change may have been made before it is asked for. What was written first stays.
func (r *Responder) beginChange(ctx context.Context, w *work, before string) error {
	run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		if run.State.Final() {
			return errDone
		}
		if state, _ := run.StepOf(w.step.Key()); state.Begun {
			return ledger.ErrUnchanged
		}
		run.Begin(w.step.Key(), before)
		return nil
	})
	if err == nil {
		w.run = run
	}
	return err
}

// ownChange is what a change of the alert sets, and what was there before.
type ownChange struct {
	Was alert.Change `json:"was"`
	Set alert.Change `json:"set"`
}

func beforeChange(a alert.Alert, c alert.Change) string {
	c.Comment, c.AssignedTo = "", "" // no rule reads them
	text, err := outgoing.Encode(ownChange{alert.Change{Status: a.Status, Classification: a.Classification, Determination: a.Determination}, c})
	if err != nil {
		return ""
	}
	return string(text)
}

// withoutOwn gives the decision alert and machine as they would be without what the run itself changed of them. The rails see
// every tag that is there: what protects a machine protects it whoever put it on.
func withoutOwn(run ledger.Run, in *playbook.Input) {
	for _, state := range run.Steps {
		if !state.Begun {
			continue
		}
		kind, tag, _ := strings.Cut(strings.TrimPrefix(state.Key, "tag:"), ":")
		switch {
		case in.Machine != nil && strings.HasPrefix(state.Key, "tag:"):
			m := *in.Machine
			own := func(there string) bool { return strings.EqualFold(there, tag) }
			if slices.ContainsFunc(m.Tags, own) {
				in.OwnTags = append(in.OwnTags, tag)
			}
			m.Tags = slices.DeleteFunc(slices.Clone(m.Tags), own)
			if kind == "remove" && m.Tags != nil {
				m.Tags = append(m.Tags, tag)
			}
			in.Machine = &m
		case state.Before != "":
			var own ownChange
			if json.Unmarshal([]byte(state.Before), &own) != nil {
				continue
			}
			takeBack(&in.Alert.Status, own.Was.Status, own.Set.Status)
			takeBack(&in.Alert.Classification, own.Was.Classification, own.Set.Classification)
			takeBack(&in.Alert.Determination, own.Was.Determination, own.Set.Determination)
		}
	}
}

// takeBack makes a field what it was if it is what was set.
func takeBack[T ~string](field *T, was, set T) {
	if set != "" && strings.EqualFold(string(*field), string(set)) {
		*field = was
	}
}

// hasComment reports whether a comment of the same words was written for any version of the alert.
func hasComment(comments []string, alertID, text string) bool {
	for _, comment := range comments {
		mark, rest, _ := strings.Cut(comment, "] ")
		if strings.HasPrefix(mark, "[cordon "+alertID+":") && rest == text {
			return true
		}
	}
	return false
}

// noteOwnChange keeps Cordon's own change from being answered like somebody else's: if the alert is as it was but for what
// was asked for, the ledger takes it for seen. Anything else is a version of its own, which the next poll finds.
func (r *Responder) noteOwnChange(ctx context.Context, w *work, c alert.Change, answer alert.Alert) error {
	expected := w.alert
	expected.Status = cmp.Or(c.Status, expected.Status)
	expected.Classification = cmp.Or(c.Classification, expected.Classification)
	expected.Determination = cmp.Or(c.Determination, expected.Determination)
	if len(answer.Evidence) == 0 {
		answer.Evidence = expected.Evidence // an update is answered without it
	}
	was, is := alert.DecisionHash(w.alert), alert.DecisionHash(expected)
	if is != alert.DecisionHash(answer) {
		r.Log.InfoContext(ctx, "the alert has changed besides what was asked for; the change is answered as a version of its own")
		return nil
	}
	w.alert.Updated = answer.Updated
	w.alert.Status, w.alert.Classification, w.alert.Determination = expected.Status, expected.Classification, expected.Determination
	return r.Ledger.NoteOwnChange(ctx, w.run.AlertID, ledger.OwnChange{Version: w.run.Version, Was: was, Is: is, Updated: answer.Updated})
}

// changeFailed sorts the error of a change. What is not known to have failed is compared again by the next try.
func (r *Responder) changeFailed(ctx context.Context, w *work, err error) error {
	switch trouble, _ := machine.TroubleOf(err); trouble {
	case machine.NotFound:
		what := "machine " + w.alert.MachineID
		if w.step.Kind == playbook.UpdateAlert {
			what = "alert"
		}
		return r.missedByStep(ctx, w, what, err)
	case machine.Unsupported:
		return r.conclude(ctx, w, notice.Skipped, "skipped", failure("not supported: ", err))
	case machine.Refused:
		return r.conclude(ctx, w, notice.Refused, "refused", failure("", err))
	case machine.Denied:
		if err := r.tellOnce(ctx, w, notice.Denied, failure("", err)); err != nil {
			return err
		}
	}
	return err
}
