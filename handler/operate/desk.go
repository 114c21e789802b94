// Package operate is the operator API: what people may do and see, whether they ask over HTTP or, with the ledger's own
// credentials, in process. It decides nothing itself: handler/desk does what is asked for, handler/operate/wire says how
// it is written.
//
// Neighbours: handler/operate/web answers HTTP, handler/cli asks.
package operate

import (
	"context"

	"cordon/handler/operate/wire"
)

// Desk is the operator API for one person. Its methods are the routes of package wire, one to one. An error is a
// *wire.Problem if the API refused or could not; every other error is trouble on the way to it.
type Desk interface {
	Me(ctx context.Context) (wire.Me, error)
	// Overview counts the last 24 hours, and lists what is under way.
	Overview(ctx context.Context) (wire.Overview, error)
	Isolated(ctx context.Context) (wire.Isolated, error)
	// Machine finds a machine by its id or its name.
	Machine(ctx context.Context, which string) (wire.Machine, error)
	// Machines finds machines of the record by how their name or id begins.
	Machines(ctx context.Context, prefix string) (wire.MachineNames, error)
	// Run finds a run by its id, or the newest of an alert by the alert's id.
	Run(ctx context.Context, which string) (wire.Run, error)
	// Runs reads a page of runs, newest first.
	Runs(ctx context.Context, q wire.RunsAsked) (wire.Runs, error)
	// Counts says how many runs ended how, over the last days; 0: the default.
	Counts(ctx context.Context, days int) (wire.Counts, error)
	// Decision finds how a run was decided, and on what, as Run finds the run.
	Decision(ctx context.Context, which string) (wire.Decision, error)
	// Decisions reads a page of how runs were decided, and on what, newest run first.
	Decisions(ctx context.Context, q wire.DecisionsAsked) (wire.Decisions, error)
	Held(ctx context.Context) (wire.Held, error)
	Pause(ctx context.Context) (wire.Pause, error)
	// Playbook is the playbook that decides.
	Playbook(ctx context.Context) (wire.Playbook, error)
	Hunts(ctx context.Context) (wire.Hunts, error)
	Health(ctx context.Context) (wire.Health, error)
	Doctor(ctx context.Context) (wire.Doctor, error)
	// DeadLetters lists those of a queue, alerts or notices; limit 0: the default.
	DeadLetters(ctx context.Context, queue string, limit int) (wire.DeadLetters, error)
	DeadLetter(ctx context.Context, queue string, number int64) (wire.DeadLetter, error)
	// Mails reads a page of mails by what became of them.
	Mails(ctx context.Context, q wire.MailsAsked) (wire.Mails, error)
	// Journal reads a page of what people did by hand, newest first, or of what became of one command.
	Journal(ctx context.Context, q wire.JournalAsked) (wire.Journal, error)

	Release(ctx context.Context, o wire.ReleaseOrder) (wire.Results, error)
	Cancel(ctx context.Context, o wire.CancelOrder) (wire.Results, error)
	Continue(ctx context.Context, o wire.HeldOrder) (wire.Results, error)
	Drop(ctx context.Context, o wire.HeldOrder) (wire.Results, error)
	// SetPause stops all acting, or lets it go on.
	SetPause(ctx context.Context, paused bool, o wire.PauseOrder) (wire.PauseResult, error)
	Enqueue(ctx context.Context, o wire.EnqueueOrder) (wire.Results, error)
	Replay(ctx context.Context, o wire.DeadLetterOrder) (wire.Results, error)
	// Discard drops dead letters for good.
	Discard(ctx context.Context, o wire.DeadLetterOrder) (wire.Results, error)
	// Erase erases what runs were decided on, as far as there is time; Next says where another order goes on.
	Erase(ctx context.Context, o wire.EraseOrder) (wire.Erased, error)
	// SendMails has mails sent at once that wait or have failed.
	SendMails(ctx context.Context, o wire.MailOrder) (wire.Results, error)
	// DropMails gives mails up that failed: nobody tries them any more.
	DropMails(ctx context.Context, o wire.MailOrder) (wire.Results, error)
	RunHunt(ctx context.Context, o wire.HuntOrder) (wire.HuntRows, error)
}
