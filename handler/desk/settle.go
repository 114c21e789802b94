package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger/journal"
	"cordon/handler/machine"
)

// When what was begun is looked at, and when it is not looked for any more. Nobody has a task in hand that long, so what
// is older than the first was left by a process that is gone, or by an answer that was lost.
const (
	settleAfter = 3 * time.Minute
	giveUpAfter = time.Hour
)

// Settle finds out what became of commands that were begun and whose end nobody wrote down. A repeat is safe.
func (d *Desk) Settle(ctx context.Context) error {
	begun, err := d.Journal.Open(ctx)
	if err != nil {
		return err
	}
	var errs []error
	seen := &listing{of: d.Actions}
	slices.SortFunc(begun, func(a, b journal.Entry) int {
		return a.At.Compare(b.At) // the listing for the first serves the others
	})
	for _, e := range begun {
		age := d.Now().Sub(e.Since())
		if age < settleAfter {
			continue
		}
		end, found, err := d.look(ctx, e, seen)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("find out what became of command %s: %w", e.Command, err))
			continue
		case !found && age < giveUpAfter:
			continue
		case !found:
			end = d.givenUp(e)
		}
		_, err = d.Journal.End(ctx, e, end)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// givenUp is the end of what was never found.
func (d *Desk) givenUp(e journal.Entry) journal.End {
	end := journal.End{
		State:  journal.Failed,
		Result: "nothing was done: whoever took the order ended before it was carried out",
		At:     d.Now(),
	}
	switch e.Verb {
	case VerbEnqueue, VerbReplay, VerbDiscard, VerbHunt, VerbErase:
		end.State = journal.Unknown
		end.Result = "it is not known whether it was done, because it leaves no trace; to do it again is harmless"
	}
	return end
}

// listing lists machine actions once for several commands: one call for each would use up what Defender answers in an
// hour.
type listing struct {
	of    Actions
	read  bool
	from  time.Time
	found []machine.Action
}

func (l *listing) since(ctx context.Context, from time.Time) (found []machine.Action, err error) {
	if l.read && !from.Before(l.from) {
		return l.found, nil
	}
	l.from = from
	l.found, err = l.of.ActionsSince(ctx, from)
	l.read = err == nil
	return l.found, err
}

// look looks for what a command left behind.
func (d *Desk) look(
	ctx context.Context,
	e journal.Entry,
	seen *listing,
) (end journal.End, found bool, err error) {
	end = journal.End{
		State:  journal.Done,
		Result: doneBefore,
		At:     d.Now(),
	}
	switch e.Verb {
	case VerbPause, VerbResume:
		found, err = d.pausedBy(ctx, e)
		return end, found, err
	case VerbContinue, VerbDrop:
		found, err = d.markedRun(ctx, e)
		return end, found, err
	case VerbRelease:
		return lookForRelease(ctx, e, end, seen)
	case VerbCancel:
		return d.lookForCancel(ctx, e, end)
	case VerbSend, VerbGiveUp:
		found, err = d.Mails.OrderedBy(ctx, e.Object, e.Command)
		return end, found, err
	}
	return end, false, nil
}

// pausedBy reports whether the pause was changed by the command, and sees to it that this is told.
func (d *Desk) pausedBy(ctx context.Context, e journal.Entry) (bool, error) {
	pause, err := d.Switches.Pause(ctx)
	if err != nil || pause.Command != e.Command {
		return false, err
	}
	return true, d.tellPause(ctx, pause.Paused, Command{
		ID:     e.Command,
		Reason: e.Reason,
		By:     journal.Author{Name: e.By},
	}, pause.At)
}

// markedRun reports whether a run of the alert was changed by the command.
func (d *Desk) markedRun(ctx context.Context, e journal.Entry) (bool, error) {
	record, err := d.Runs.Alert(ctx, e.Object)
	if err != nil {
		return false, err
	}
	for _, run := range record.Runs {
		if run.Command == e.Command {
			return true, nil
		}
	}
	return false, nil
}

// clockSkew is how far Defender's clock may be behind ours.
const clockSkew = 5 * time.Minute

func lookForRelease(
	ctx context.Context,
	e journal.Entry,
	end journal.End,
	seen *listing,
) (journal.End, bool, error) {
	actions, err := seen.since(ctx, e.At.Add(-clockSkew))
	if err != nil {
		return end, false, err
	}
	for _, a := range actions {
		if a.MachineID == e.Object &&
			a.Type == machine.Unisolate &&
			signed(a.Comment, e.Command) {
			end.Action = a.ID
			end.Result = fmt.Sprintf("the release was asked for: action %s is %s", a.ID, a.Status)
			return end, true, nil
		}
	}
	return end, false, nil
}

func (d *Desk) lookForCancel(
	ctx context.Context,
	e journal.Entry,
	end journal.End,
) (journal.End, bool, error) {
	a, err := d.Actions.Action(ctx, e.Object)
	if err != nil {
		trouble, _ := machine.TroubleOf(err)
		if trouble == machine.NotFound {
			err = nil // what is not there was not cancelled
		}
		return end, false, err
	}
	end.Action = a.ID
	end.Result = fmt.Sprintf("action %s is %s", a.ID, a.Status)
	return end, signed(a.CancelComment, e.Command), nil
}
