package world

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/mailbox"
	"cordon/handler/notice"
	"cordon/handler/playbook/read"
)

// Desk is where a person continues with what was held, at a process of its own.
func (w *World) Desk() (*desk.Desk, *Process) {
	p := w.Start(-1, false)
	return p.AtDesk(), p
}

// AtDesk is where a person continues with what was held, at this process.
func (p *Process) AtDesk() *desk.Desk {
	return &desk.Desk{
		API:          p,
		Actions:      p,
		Seen:         p,
		Queue:        p,
		Teller:       p,
		Runs:         p.Ledger.Runs,
		Latches:      p.Ledger.Latches,
		Held:         p.Ledger.Held,
		Findings:     p.Ledger.Findings,
		Switches:     p.Ledger.Switches,
		Journal:      p.Ledger.Journal,
		Mails:        &mailbox.Mailbox{Notices: p.Ledger.Notices, Now: p.Clock, Lock: time.Minute},
		Now:          p.Clock,
		Lift:         Lift,
		RecheckAfter: 120 * time.Second,
	}
}

// Says is a command that is not in the journal.
func Says(by, reason string) desk.Command {
	return desk.Command{Reason: reason, By: journal.Author{Name: by}}
}

// HeldOf is what is held of the first version of an alert.
func (w *World) HeldOf(id string) held.Entry {
	w.T.Helper()
	h, found, err := w.Start(-1, false).Ledger.Held.Of(context.Background(), id, 1)
	if err != nil || !found {
		w.T.Fatalf("nothing is held of %s: %v", id, err)
	}
	return h
}

// Work answers the queue until it is empty or the process is killed; the message of a killed process is given again.
func (w *World) Work(p *Process) {
	for range 50 {
		m, more := w.Take()
		if !more {
			return
		}
		err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1)
		if err != nil || p.Died() {
			w.Queue = append(w.Queue, m)
		}
		if p.Died() {
			return
		}
		if err != nil {
			w.T.Fatalf("a healthy process failed: %v", err)
		}
	}
	w.T.Fatal("the queue does not run dry")
}

// Pass lets time go by with a follow every so often.
func (w *World) Pass(p *Process, d, every time.Duration) {
	w.T.Helper()
	for end := w.Clock().Add(d); w.Clock().Before(end); {
		w.Advance(min(every, end.Sub(w.Clock())))
		w.Follow(p)
	}
}

// Take2 answers the next message alone.
func (w *World) Take2(p *Process) {
	w.T.Helper()
	m, _ := w.Take()
	if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
		w.T.Fatal(err)
	}
}

// Play answers whatever is due for some time, as if all functions ran, and counts the tries.
func (w *World) Play(p *Process, d time.Duration, polls bool) (tries int) {
	w.T.Helper()
	for end := w.Clock().Add(d); w.Clock().Before(end); {
		if polls {
			w.Polled(p)
		}
		w.Mu.Lock()
		due := len(w.Queue) > 0
		for _, m := range w.Queue {
			due = due && m.At.Before(end)
		}
		w.Mu.Unlock()
		m, more := alert.Envelope{}, false
		if due {
			m, more = w.Take()
		}
		if !more {
			w.Advance(time.Hour)
			w.Follow(p)
			continue
		}
		tries++
		if err := p.Responder.Respond(w.T.Context(), m.Message.Encode(), 1); err != nil {
			w.T.Fatal(err)
		}
	}
	return tries
}

// Polled notes that a poll succeeded just now.
func (w *World) Polled(p *Process) {
	w.T.Helper()
	mark, err := p.Ledger.Switches.Watermark(w.T.Context(), "")
	if err != nil {
		w.T.Fatal(err)
	}
	if _, err := p.Ledger.Switches.Advance(w.T.Context(), mark, w.Clock()); err != nil {
		w.T.Fatal(err)
	}
}

// Hour returns a fault that lasts for an hour from now.
func (w *World) Hour(err error) func() error {
	end := w.Clock().Add(time.Hour)
	return func() error {
		if w.Clock().Before(end) {
			return err
		}
		return nil
	}
}

// Twenty puts four High alerts on each of five machines.
func (w *World) Twenty() {
	for i := range 20 {
		w.AlertOn(fmt.Sprintf("da%02d", i), fmt.Sprintf("m%d", i%5), alert.High)
	}
}

// Answered asks for the end of all twenty: one isolation a machine and nothing told but that, and to the operator that
// it took long.
func (w *World) Answered(p *Process) {
	w.T.Helper()
	w.Drain(p, 400)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Drain(p, 400)
	for i := range 20 {
		if run := w.Run(fmt.Sprintf("da%02d", i), 1); run.State != runs.Closed || run.Outcome != "isolated" {
			w.T.Errorf("da%02d is %s (%s): %s", i, run.State, run.Outcome, run.Trouble)
		}
	}
	for i := range 5 {
		if n := w.Isolations(fmt.Sprintf("m%d", i)); n != 1 {
			w.T.Errorf("machine m%d has %d isolations", i, n)
		}
	}
	for _, e := range w.Order {
		if e.Kind != notice.Requested && e.Kind != notice.Isolated && e.Kind != notice.Stuck {
			w.T.Errorf("told %q of %s", e.Kind, e.MachineID)
		}
	}
}

// Some answers at most so many messages; a message of a process that was killed comes again.
func (w *World) Some(p *Process, limit int) {
	w.T.Helper()
	for range limit {
		m, more := w.Take()
		if !more {
			return
		}
		if err := p.Responder.Respond(w.T.Context(), m.Message.Encode(), 1); err != nil || p.Died() {
			w.Queue = append(w.Queue, m)
			return
		}
	}
}

// Settled lets all actions succeed and follows until nothing moves.
func (w *World) Settled(p *Process) {
	w.T.Helper()
	for range 3 {
		w.Drain(p, 20)
		w.FinishAll(machine.Succeeded)
		w.Follow(p)
	}
}

const Day = 24 * time.Hour

func Fault(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func NewWorldWith(t *testing.T, source string) *World {
	t.Helper()
	w := New(t)
	book, err := read.Load("test.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	w.Book = book
	return w
}

// Take removes the earliest message of the queue that is due, or moves the clock to the next one; false if there is
// none.
func (w *World) Take() (alert.Envelope, bool) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	if len(w.Queue) == 0 {
		return alert.Envelope{}, false
	}
	slices.SortStableFunc(w.Queue, func(a, b alert.Envelope) int {
		return cmp.Compare(a.At.UnixNano(), b.At.UnixNano())
	})
	next := w.Queue[0]
	w.Queue = w.Queue[1:]
	if next.At.After(w.Now) {
		w.Now = next.At
	}
	return next, true
}

// Drain works off the queue with a healthy process, following actions as it goes, until nothing is left or limit
// messages were answered.
func (w *World) Drain(p *Process, limit int) {
	w.T.Helper()
	for range limit {
		m, more := w.Take()
		if !more {
			return
		}
		if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
			w.T.Fatalf("Respond(%s): %v", m.ID, err)
		}
	}
	w.T.Fatalf("the queue does not run dry: %d messages left, next %+v", len(w.Queue), w.Queue[0])
}

func (w *World) Follow(p *Process) {
	w.T.Helper()
	if err := p.Follower.Follow(context.Background()); err != nil {
		w.T.Fatalf("Follow: %v", err)
	}
}
