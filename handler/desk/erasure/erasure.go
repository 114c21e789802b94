// Package erasure takes out of the record what runs were decided on, where that is about a machine or names a person
// who has a right to it. That a run was, what it decided and how it ended stays.
//
// Neighbours: handler/desk carries the order out, handler/ledger/decisions has the facts.
package erasure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/ledger/decisions"
	"cordon/handler/ledger/findings"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
)

// Eraser erases. All fields are required.
type Eraser struct {
	Desk      *desk.Desk
	Decisions *decisions.Store
	Findings  *findings.Store
	Lists     *lists.Store
}

// Subject is what facts are to be about. Exactly one of the two is given.
type Subject struct {
	Machine string // id
	User    string // a name, an address, a SID: whatever text the facts may have
}

// LeastUser is how many characters of a person's name are wanted: with fewer, nearly all facts would be about them.
const LeastUser = 3

// Done is how far one order has come.
type Done struct {
	desk.Outcome
	Erased int
	Looked int    // at so many decisions, or runs of the machine
	Open   int    // facts that were left, because their runs are not over
	Next   string // the place to go on behind, with another order; empty: all was looked at
}

// enough is how long one order looks: whoever waits for it gives up later.
const enough = 40 * time.Second

// pageRows is how many rows a call reads.
const pageRows = 200

// Erase looks for facts of a subject from a place on, and erases them. It is in the journal, without the person's name:
// its digest stands there, so that a name that is known can be found again. A repeat is harmless.
func (e *Eraser) Erase(ctx context.Context, c desk.Command, s Subject, after string) (Done, error) {
	done := Done{Next: after}
	task := desk.Task{
		Object: s.object(after),
		Do: func(ctx context.Context, _ desk.Command) (desk.Did, error) {
			err := e.erase(ctx, s, &done)
			return desk.Did{Text: done.text()}, err
		},
	}
	if s.Machine != "" {
		task.Machine = s.Machine
	}
	outcomes, err := e.Desk.Carry(ctx, desk.VerbErase, c, []desk.Task{task})
	if err == nil {
		done.Outcome = outcomes[0]
	}
	return done, err
}

// object names the subject in the journal.
func (s Subject) object(after string) string {
	name := "machine " + s.Machine
	if s.Machine == "" {
		name = "person " + alert.SHA256([]byte(strings.ToLower(s.User)))[:16]
	}
	if after != "" {
		name += " from " + after
	}
	return name
}

func (d Done) text() string {
	text := fmt.Sprintf("erased the facts of %d runs, of %d that were looked at", d.Erased, d.Looked)
	if d.Open > 0 {
		text += fmt.Sprintf("; %d are not over and were left: order it again when they are", d.Open)
	}
	if d.Next != "" {
		text += "; not all were, so more is left"
	}
	return text
}

func (e *Eraser) erase(ctx context.Context, s Subject, done *Done) error {
	begun := e.Desk.Now()
	for {
		var err error
		if s.Machine != "" {
			err = e.machinePage(ctx, s, done)
		} else {
			err = e.userPage(ctx, s, done)
		}
		if err != nil || done.Next == "" || e.Desk.Now().Sub(begun) > enough || ctx.Err() != nil {
			return err
		}
	}
}

// machinePage erases the facts of runs that were about a machine.
func (e *Eraser) machinePage(ctx context.Context, s Subject, done *Done) error {
	page, next, err := e.Lists.Page(ctx, lists.Query{
		Machine: s.Machine,
		After:   done.Next,
		Limit:   pageRows,
	})
	if err != nil {
		return err
	}
	for _, run := range page {
		done.Looked++
		r, found, err := e.Decisions.Read(ctx, run.AlertID, run.Version, run.ObservedAt)
		if err == nil && (found || run.MachineName != "") {
			r.AlertID, r.Version = run.AlertID, run.Version
			err = e.forget(ctx, r, done, func(run *runs.Run) { run.MachineName = "" })
		}
		if err != nil {
			return err
		}
	}
	if next == "" {
		err = e.Lists.ForgetNames(ctx, s.Machine)
	}
	done.Next = next
	return err
}

// userPage erases the facts that have a text in which the person's name stands, wherever.
func (e *Eraser) userPage(ctx context.Context, s Subject, done *Done) error {
	page, next, err := e.Decisions.Page(ctx, decisions.Query{After: done.Next, Limit: pageRows})
	if err != nil {
		return err
	}
	for _, r := range page {
		done.Looked++
		body, err := rows.Unpack(r.Body)
		// What cannot be read may name the person too.
		if err == nil && !names(body, s.User) {
			continue
		}
		err = e.forget(ctx, r, done, func(run *runs.Run) { run.Title = "" })
		if err == nil {
			err = e.retitle(ctx, r.AlertID, s.User)
		}
		if err != nil {
			return err
		}
	}
	done.Next = next
	return nil
}

// retitle takes a person's name out of the versions of an alert that were never decided, so that there are no facts of
// them.
func (e *Eraser) retitle(ctx context.Context, alertID, user string) error {
	record, err := e.Desk.Runs.Alert(ctx, alertID)
	for _, run := range record.Runs {
		if err == nil && strings.Contains(strings.ToLower(run.Title), strings.ToLower(user)) {
			_, err = e.blank(ctx, alertID, run.Version, func(run *runs.Run) { run.Title = "" })
		}
	}
	return err
}

// names reports whether a name stands in a document, in whatever letter case and however JSON writes it.
func names(body []byte, user string) bool {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(user)
	return strings.Contains(strings.ToLower(string(body)), strings.ToLower(escaped))
}

// forget erases what a run was decided on, the row of a hunt that it answers, and what of the run itself is of the
// subject. The facts go last: as long as they are there, a repeat finds them.
func (e *Eraser) forget(
	ctx context.Context,
	r decisions.Record,
	done *Done,
	blank func(*runs.Run),
) error {
	open, err := e.blank(ctx, r.AlertID, r.Version, blank)
	if err != nil {
		return err
	}
	if open {
		done.Open++
		return nil
	}
	if alert.IsFinding(r.AlertID) {
		err := e.Findings.Forget(ctx, r.AlertID)
		if err != nil {
			return err
		}
	}
	if len(r.Body) == 0 {
		return nil // it was never decided
	}
	done.Erased++
	return e.Decisions.Remove(ctx, r)
}

// blank takes something out of a run and its lists, also out of what the run says of the lists that it was on before.
func (e *Eraser) blank(
	ctx context.Context,
	alertID string,
	version int,
	blank func(*runs.Run),
) (open bool, err error) {
	run, err := e.Desk.Runs.Update(ctx, alertID, version, func(run *runs.Run) (bool, error) {
		open = !run.State.Final()
		if open {
			return false, nil
		}
		blank(run)
		run.Relist() // an order before this one may have ended between the run and its lists
		return true, nil
	})
	if err == nil && !open {
		err = e.Desk.Runs.ForgetLists(ctx, run)
	}
	if runs.IsNotFound(err) {
		return false, nil
	}
	return open, err
}
