// Package change makes the changes of a plan that are no machine actions: tags, and updates of the alert.
//
// They are done at once and have no latch: a repeat of them is safe. They come after the run's machine actions, and
// the conditions of a plan that is made anew do not see them: they must not change what the run asked for. What a
// version of the alert had done is not done again for a later one, so that nobody who took it back has to fight for
// it.
package change

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// API is what a change asks of Defender. Errors are machine.APIError where the API answered.
type API interface {
	// Tag puts a tag on a machine or takes it off. A repeat is safe.
	Tag(ctx context.Context, machineID, tag string, remove bool) error
	// UpdateAlert changes an alert and answers with it. A repeat adds the comment again.
	UpdateAlert(ctx context.Context, id string, change alert.Change) (alert.Alert, error)
	// AlertComments are the comments of an alert, in any order.
	AlertComments(ctx context.Context, id string) ([]string, error)
}

// Changer makes changes. All of its fields are required.
type Changer struct {
	API   API
	Runs  *runs.Store
	Clerk *answer.Clerk
	Log   *slog.Logger
}

// Make carries the run's step out. Its facts are fresh, and acting is not paused.
func (c *Changer) Make(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	outcome, what := "tagged", tagChange(run.Step)
	if run.Step.Kind == playbook.UpdateAlert {
		outcome, what = "updated", alertChange(*run.Step.Update)
	}
	before, err := c.changedBefore(ctx, run, outcome, what)
	if err != nil {
		return o, err
	}
	if before != "" {
		return c.Clerk.Finish(ctx, run, outcome, what+": done by run "+before)
	}
	state, _ := run.Row.StepOf(run.Step.Key())
	changed, o, err := c.makeChange(ctx, run)
	switch {
	case err != nil:
		return c.changeFailed(ctx, run, err)
	case o.Ends():
		return o, nil
	case !changed && !state.Begun:
		return c.Clerk.Finish(ctx, run, outcome, what+": it was so already")
	}
	e := c.Clerk.Event(run, notice.Done)
	e.Detail = strings.ToUpper(what[:1]) + what[1:] + "."
	if err := c.Clerk.Tell(ctx, run, e); err != nil {
		return o, err
	}
	return c.Clerk.Finish(ctx, run, outcome, what)
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
	for _, part := range []struct{ name, value string }{
		{"status", string(c.Status)},
		{"assignee", c.AssignedTo},
		{"classification", c.Classification},
		{"determination", c.Determination},
	} {
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
func (c *Changer) changedBefore(
	ctx context.Context,
	run *answer.Run,
	outcome, what string,
) (string, error) {
	record, err := c.Runs.Alert(ctx, run.Row.AlertID)
	if err != nil {
		return "", err
	}
	for _, earlier := range record.Runs {
		state, exists := earlier.StepOf(run.Step.Key())
		same := state.Outcome == outcome && strings.HasPrefix(state.Reason, what)
		if exists && same && earlier.Version < run.Row.Version {
			return earlier.ID(), nil
		}
	}
	return "", nil
}

// makeChange asks for the change unless all is so already.
func (c *Changer) makeChange(ctx context.Context, run *answer.Run) (changed bool, o answer.Outcome, err error) {
	if run.Step.Kind == playbook.UpdateAlert {
		return c.updateAlert(ctx, run)
	}
	has := slices.ContainsFunc(run.Machine.Tags, func(tag string) bool {
		return strings.EqualFold(tag, run.Step.Tag)
	})
	if has != run.Step.Remove {
		return false, o, nil
	}
	if o, err := c.beginChange(ctx, run, ""); err != nil || o.Ends() {
		return false, o, err
	}
	return true, o, c.API.Tag(ctx, run.Machine.ID, run.Step.Tag, run.Step.Remove)
}

// updateAlert asks for what the alert is not yet.
func (c *Changer) updateAlert(ctx context.Context, run *answer.Run) (changed bool, o answer.Outcome, err error) {
	asked := run.Step.Update.Left(run.Alert)
	if asked.Comment != "" {
		comments, err := c.API.AlertComments(ctx, run.Alert.ID)
		if err != nil {
			return false, o, err
		}
		if hasComment(comments, run.Row.AlertID, asked.Comment) {
			asked.Comment = ""
		} else {
			asked.Comment = "[cordon " + run.ID() + "] " + asked.Comment
		}
	}
	if asked.IsZero() {
		return false, o, nil
	}
	if o, err := c.beginChange(ctx, run, answer.BeforeChange(run.Alert, asked)); err != nil || o.Ends() {
		return false, o, err
	}
	is, err := c.API.UpdateAlert(ctx, run.Alert.ID, asked)
	if err != nil {
		return false, o, err
	}
	return true, o, c.noteOwnChange(ctx, run, asked, is)
}

// beginChange writes down that a change may have been made before it is asked for. What was written first stays.
func (c *Changer) beginChange(
	ctx context.Context,
	run *answer.Run,
	before string,
) (answer.Outcome, error) {
	key := run.Step.Key()
	return c.Clerk.Write(ctx, run, func(row *runs.Run) (bool, error) {
		state, _ := row.StepOf(key)
		if state.Begun {
			return false, nil
		}
		row.Begin(key, before)
		return true, nil
	})
}

// hasComment reports whether a comment of the same words was written for any version of the alert, and any machine of
// it.
func hasComment(comments []string, alertID, text string) bool {
	for _, comment := range comments {
		mark, rest, _ := strings.Cut(comment, "] ")
		if strings.HasPrefix(mark, "[cordon "+alert.APIID(alertID)+":") && rest == text {
			return true
		}
	}
	return false
}

// noteOwnChange keeps Cordon's own change from being answered like somebody else's: if the alert is as it was but for
// what was asked for, the ledger takes it for seen. Anything else is a version of its own, which the next poll finds.
func (c *Changer) noteOwnChange(
	ctx context.Context,
	run *answer.Run,
	asked alert.Change,
	is alert.Alert,
) error {
	expected := run.Alert
	expected.Status = cmp.Or(asked.Status, expected.Status)
	expected.Classification = cmp.Or(asked.Classification, expected.Classification)
	expected.Determination = cmp.Or(asked.Determination, expected.Determination)
	if len(is.Evidence) == 0 {
		is.Evidence = expected.Evidence // an update is answered without it
	}
	if !same(expected, is) {
		c.Log.InfoContext(ctx,
			"the alert has changed besides what was asked for; the change is answered as a version of its own")
		return nil
	}
	own := looks.Own{
		Version: run.Row.Version,
		Was:     run.Alert,
		Is:      expected,
		Updated: is.Updated,
	}
	run.Alert.Updated = is.Updated
	run.Alert.Status = expected.Status
	run.Alert.Classification = expected.Classification
	run.Alert.Determination = expected.Determination
	return c.Runs.NoteOwnChange(ctx, run.Row.AlertID, own)
}

// same reports whether two views of an alert say the same, as far as they can be compared: those of two sources only in
// what both write in the same words.
func same(a, b alert.Alert) bool {
	if a.Source == b.Source {
		return alert.DecisionHash(a) == alert.DecisionHash(b)
	}
	return alert.SharedHash(a) == alert.SharedHash(b)
}

// changeFailed sorts the error of a change. What is not known to have failed is compared again by the next try.
func (c *Changer) changeFailed(
	ctx context.Context,
	run *answer.Run,
	err error,
) (o answer.Outcome, _ error) {
	switch trouble, _ := machine.TroubleOf(err); trouble {
	case machine.NotFound:
		machineID := run.Alert.MachineID
		if run.Step.Kind == playbook.UpdateAlert {
			machineID = ""
		}
		return c.Clerk.Missed(ctx, run, machineID, err, c.Clerk.Finish)
	case machine.Unsupported:
		return c.Clerk.Conclude(ctx, run, notice.Skipped, "skipped", answer.Failure("not supported: ", err))
	case machine.Refused:
		return c.Clerk.Conclude(ctx, run, notice.Refused, "refused", answer.Failure("", err))
	case machine.Denied:
		if err := c.Clerk.TellOnce(ctx, run, notice.Denied, answer.Failure("", err)); err != nil {
			return o, err
		}
	}
	return o, err
}
