package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/journal"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
)

// What people may do, as the journal names it.
const (
	VerbRelease  = "release"
	VerbCancel   = "cancel"
	VerbContinue = "continue"
	VerbDrop     = "drop"
	VerbPause    = "pause"
	VerbResume   = "resume"
	VerbEnqueue  = "enqueue"
	VerbReplay   = "replay"
	VerbDiscard  = "discard"
	VerbHunt     = "hunt"
	VerbErase    = "erase"
	VerbSend     = "send"
	VerbGiveUp   = "give up" // a mail
)

// Task is one thing of a command.
type Task struct {
	Object string // id of what it is about; empty: it is about no one thing
	Name   string // as people know it; empty: not known yet
	// Machine is the id of the machine that it concerns, if that is not the object; empty: none is known.
	Machine string
	// Do does it, and answers with what became of it. An error that is a refusal (Refuse, IsRefusal) changed nothing;
	// after any other it is not known, unless it is a trouble of the API that says so.
	Do func(ctx context.Context, c Command) (Did, error)
	// Made reports whether the call that does it was made already, for another task of the order: then Do only tells
	// what became of it, also when the time is over. Nil: each task makes its own.
	Made func() bool
}

// Did is what became of a task that was done.
type Did struct {
	Text   string // a sentence
	Name   string // of the object, if it was not known before
	Action string // id of the machine action
}

// Outcome is what became of one thing of a command, as the journal has it.
type Outcome struct {
	journal.Entry
	Before bool // it had ended before this call
}

// ErrOtherOrder says that the id of a command stands for another order: nothing was done.
var ErrOtherOrder = errors.New("this command id stands for another order; make a new one")

// Carry carries a command out: each task once, however often it is asked for. What a task met is in its outcome, never
// in the error: that is for what kept the whole command from being written down, and then nothing was done.
func (d *Desk) Carry(ctx context.Context, verb string, c Command, tasks []Task) ([]Outcome, error) {
	digest, err := digestOf(verb, c, tasks)
	if err != nil {
		return nil, err
	}
	order, _, other, err := d.Journal.Give(ctx, journal.Order{
		Command: c.ID,
		Digest:  digest,
		At:      d.Now(),
	})
	switch {
	case err != nil:
		return nil, err
	case other:
		return nil, ErrOtherOrder
	}
	// All are written down before the first is done: what one of them does may be done for several.
	outcomes := make([]Outcome, len(tasks))
	do := make([]bool, len(tasks))
	seen := &listing{of: d.Actions}
	for i, t := range tasks {
		outcomes[i], do[i] = d.begin(ctx, order, verb, c, t, seen)
	}
	for i, t := range tasks {
		if do[i] {
			outcomes[i].Entry = d.do(ctx, c, t, outcomes[i].Entry)
		}
	}
	return outcomes, nil
}

// inHand is how long what is begun is nobody else's to try: an order about many things takes longer.
const inHand = 10 * time.Second

// do does a task that is begun, unless the time for the order is over, or somebody else tries it by now.
func (d *Desk) do(ctx context.Context, c Command, t Task, e journal.Entry) journal.Entry {
	made := t.Made != nil && t.Made()
	switch {
	case made || ctx.Err() == nil:
	case harmless(e.Verb): // an earlier try may have done it, which leaves no trace
		return notConfirmed(e)
	default:
		return d.end(ctx, e, journal.End{
			State:  journal.Failed,
			Result: "nothing was done: the time for the order was over; give a new one for what is left",
			At:     d.Now(),
		})
	}
	if !made && d.Now().Sub(e.Since()) >= inHand {
		is, mine, err := d.Journal.Again(ctx, e, d.Now())
		switch {
		case err != nil:
			return notConfirmed(e)
		case !mine && is.State == journal.Begun:
			return notConfirmed(is)
		case !mine:
			return is
		}
		e = is
	}
	did, err := t.Do(ctx, c)
	return d.ended(ctx, e, did, err)
}

func digestOf(verb string, c Command, tasks []Task) (string, error) {
	var objects []string
	for _, t := range tasks {
		objects = append(objects, t.Object)
	}
	slices.Sort(objects)
	body, err := outgoing.Encode([]any{verb, c.Reason, c.By.Name, c.By.ID, objects})
	return alert.SHA256(body), err
}

// begin writes a task down, or finds what became of it before. do: it is to be done now.
func (d *Desk) begin(
	ctx context.Context,
	order journal.Order,
	verb string,
	c Command,
	t Task,
	seen *listing,
) (is Outcome, do bool) {
	want := journal.Entry{
		Verb:    verb,
		Object:  t.Object,
		Name:    t.Name,
		Machine: t.Machine,
		By:      c.By.Name,
		ByID:    c.By.ID,
		Client:  c.By.Client,
		Address: c.By.Address,
		Reason:  c.Reason,
	}
	e, fresh, err := d.Journal.Begin(ctx, order, want, d.Now())
	switch {
	case err != nil:
		want.Command, want.State = c.ID, journal.Failed
		want.Result = "nothing was done: it could not be written down: " + err.Error()
		return Outcome{Entry: want}, false
	case fresh:
		return Outcome{Entry: e}, true
	case e.State != journal.Begun:
		return Outcome{Entry: e, Before: true}, false
	}
	e, again := d.before(ctx, e, seen)
	return Outcome{Entry: e, Before: e.State != journal.Begun}, again
}

// ended writes down how a task ended, as far as that is known. What is not known stays open: Settle finds out.
func (d *Desk) ended(ctx context.Context, e journal.Entry, did Did, err error) journal.Entry {
	ctx, cancel := inTime(ctx)
	defer cancel()
	end := journal.End{
		State:  journal.Done,
		Result: did.Text,
		Name:   did.Name,
		Action: did.Action,
		At:     d.Now(),
	}
	known := true
	if err != nil {
		end, known = d.afterTrouble(ctx, e, err)
	}
	if !known {
		e.Result = "it is not known whether it was done; look before asking again: " + err.Error()
		return e
	}
	return d.end(ctx, e, end)
}

// afterTrouble is the end of a task that was refused, or met trouble, if it is known. A change of the ledger may have
// been made before, by this try or by another of the same command.
func (d *Desk) afterTrouble(ctx context.Context, e journal.Entry, err error) (journal.End, bool) {
	if changesLedger(e.Verb) {
		end, found, lookErr := d.look(ctx, e, &listing{of: d.Actions})
		if found && !IsRefusal(err) {
			end.Result = "done, with trouble behind it: " + err.Error()
		}
		if found || lookErr != nil {
			return end, lookErr == nil
		}
	}
	failed := func(what string) (journal.End, bool) {
		return journal.End{State: journal.Failed, Result: what + err.Error(), At: d.Now()}, true
	}
	var api machine.APIError
	switch {
	case IsRefusal(err):
		return journal.End{State: journal.Refused, Result: err.Error(), At: d.Now()}, true
	case changesLedger(e.Verb):
		return journal.End{}, false
	case e.Verb == VerbHunt: // it changes nothing, so that no rows are all that there is to know
		return failed("it gave no rows: ")
	case errors.As(err, &api) && api.Trouble() != machine.UnknownFate:
		return failed("nothing was done: ")
	}
	return journal.End{}, false
}

// harmless reports whether a command leaves no trace, and can be done again without doing anything twice.
func harmless(verb string) bool {
	return verb == VerbEnqueue || verb == VerbErase
}

// changesLedger reports whether a command changes a row and nothing else that counts.
func changesLedger(verb string) bool {
	switch verb {
	case VerbPause, VerbResume, VerbContinue, VerbDrop, VerbSend, VerbGiveUp:
		return true
	}
	return false
}

// end writes the end down. If that fails Settle does it, which finds what was done; the answer says what is so.
func (d *Desk) end(ctx context.Context, e journal.Entry, end journal.End) journal.Entry {
	ctx, cancel := inTime(ctx)
	defer cancel()
	is, err := d.Journal.End(ctx, e, end)
	if err != nil {
		e.State = end.State
		e.Result = end.Result
		e.Action = end.Action
		return e
	}
	return is
}

// endTime is how long it may take to find out and to write down how a task ended.
const endTime = 5 * time.Second

// inTime is a context for that: it is for a person who waits, also if the time for doing it is over.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), endTime)
}

// before finds out what became of a task that was begun before. again: it was not done, and may be tried.
func (d *Desk) before(ctx context.Context, e journal.Entry, seen *listing) (is journal.Entry, again bool) {
	end, found, err := d.look(ctx, e, seen)
	switch {
	case err != nil:
		e.Result = "it was begun before, and what became of it cannot be found out now: " + err.Error()
		return e, false
	case found:
		return d.end(ctx, e, end), false
	case !d.mayTryAgain(e):
		return notConfirmed(e), false
	}
	is, again, err = d.Journal.Again(ctx, e, d.Now())
	if err != nil {
		return notConfirmed(e), false
	}
	if !again && is.State == journal.Begun {
		is = notConfirmed(is)
	}
	return is, again
}

func notConfirmed(e journal.Entry) journal.Entry {
	e.Result = fmt.Sprintf("it was begun at %s and is not confirmed yet; ask again in a few minutes",
		e.Since().Format(time.RFC3339))
	return e
}

// mayTryAgain reports whether what was not found may be asked for again: changes of the ledger at once, for they are
// conditional; what Defender was asked for only when it would be listed by now; what leaves no trace never, but for an
// alert that is enqueued, which is answered once whatever happens.
func (d *Desk) mayTryAgain(e journal.Entry) bool {
	switch e.Verb {
	case VerbRelease, VerbCancel:
		return d.Now().Sub(e.Since()) >= d.RecheckAfter
	}
	return changesLedger(e.Verb) || harmless(e.Verb)
}
