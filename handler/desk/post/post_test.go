package post_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/desk"
	"cordon/handler/desk/post"
	"cordon/handler/internal/postal"
	"cordon/handler/ledger/journal"
	"cordon/handler/mailbox"
	"cordon/handler/notice"
)

// office is where orders are carried out, at a process.
func office(p *postal.Process) *post.Office {
	return &post.Office{
		Queue: p,
		Desk: &desk.Desk{
			Runs:     p.Ledger.Runs,
			Switches: p.Ledger.Switches,
			Journal:  p.Ledger.Journal,
			Mails:    p.Box,
			Now:      p.Clock,
		},
	}
}

func command(id string) desk.Command {
	return desk.Command{
		ID:     id,
		Reason: "the server is well again",
		By:     journal.Author{Name: "operator@contoso.com"},
	}
}

// failed has mails of some incidents refused by the mail server.
func failed(p *postal.Process, incidents int64) (ids []string) {
	for i := range incidents {
		p.Tell(i+1, notice.Event{
			Kind:        notice.Isolated,
			RunID:       "da1:v1",
			MachineID:   strings.Repeat("ab", 20),
			MachineName: fmt.Sprintf("m%d", i+1),
			Episode:     1,
		})
		ids = append(ids, fmt.Sprintf("incident:%d:1", i+1))
	}
	p.Refuse(errors.New("554 the mailbox is full"))
	p.Advance(time.Minute)
	p.Deliver()
	p.Advance(5 * time.Second)
	return ids
}

// said are the states and results of outcomes.
func said(all []desk.Outcome) string {
	var lines []string
	for _, o := range all {
		lines = append(lines, fmt.Sprintf("%s %s: %s", o.Object, o.State, o.Result))
	}
	return strings.Join(lines, "\n")
}

// TestWhatFailedIsSentAtOnceAndOnce goes from a server that refuses to one that takes mail again.
func TestWhatFailedIsSentAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	id := failed(p, 1)[0]
	page, _, err := p.Box.Page(t.Context(), mailbox.Failed, 10, "")
	if err != nil || len(page) != 1 || page[0].Why != "554 the mailbox is full" {
		t.Fatalf("%+v, %v", page, err)
	}
	o := office(p)
	send := func(command desk.Command, ids ...string) string {
		t.Helper()
		all, err := o.Send(t.Context(), command, ids)
		if err != nil {
			t.Fatal(err)
		}
		return said(all)
	}
	w.Refuse(nil)
	const due = "it is due now, and is sent within a minute; cordon mails says what became of it"
	for range 2 {
		if got := send(command("first-order"), id); got != id+" done: "+due {
			t.Errorf("%s", got)
		}
	}
	p.Deliver()
	if got := w.Taken(); len(got) != 1 || got["[Cordon] m1: Isolated"] != 1 {
		t.Errorf("arrived %v", got)
	}
	sent := w.Clock().Format(time.RFC3339)
	if got := send(command("second-order"), id, "incident:99:1"); got != id+" refused: it was sent already, at "+sent+
		"\nincident:99:1 refused: there is no mail incident:99:1; cordon mails lists those that there are" {
		t.Errorf("%s", got)
	}
	if got := send(command("first-order"), id); got != id+" done: "+due {
		t.Errorf("the first order given again: %s", got)
	}
	for range 10 {
		w.Advance(10 * time.Minute)
		p.Deliver()
		if err := p.Outbox.Resend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.Taken(); got["[Cordon] m1: Isolated"] != 1 {
		t.Errorf("arrived %v", got)
	}
	page, _, err = p.Box.Page(t.Context(), mailbox.Sent, 10, "")
	if err != nil || len(page) != 1 || page[0].Tries != 1 {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestWhatIsBeingSentIsLeftAlone orders a mail that a process has in hand.
func TestWhatIsBeingSentIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	id := failed(p, 1)[0]
	w.Advance(time.Minute)
	claim, err := p.Ledger.Notices.Claim(t.Context(), "incident:1", 1, w.Clock(), postal.Lock)
	if err != nil || claim.Nothing != "" {
		t.Fatalf("%+v, %v", claim, err)
	}
	all, err := office(p).Send(t.Context(), command("first-order"), []string{id})
	if err != nil || all[0].State != journal.Refused || !strings.Contains(all[0].Result, "being sent now") {
		t.Errorf("%s, %v", said(all), err)
	}
}

// TestWithoutAQueueTheOrderStandsAllTheSame has the broker down.
func TestWithoutAQueueTheOrderStandsAllTheSame(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	id := failed(p, 1)[0]
	w.Refuse(nil)
	o := office(p)
	down := w.Start(1, false)
	down.Kill()
	o.Queue = down
	all, err := o.Send(t.Context(), command("first-order"), []string{id})
	if err != nil || all[0].State != journal.Done || !strings.Contains(all[0].Result, "finds it overdue") {
		t.Errorf("%s, %v", said(all), err)
	}
	w.Advance(90 * time.Second)
	if err := p.Outbox.Resend(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Deliver()
	if got := w.Taken(); got["[Cordon] m1: Isolated"] != 1 {
		t.Errorf("arrived %v", got)
	}
}

// TestKilledAtAnyCallOfAnOrderEachMailIsSentOnce kills whoever carries an order about two mails out at every call; the
// journal says what is so, and the same order or another may follow before that is settled.
func TestKilledAtAnyCallOfAnOrderEachMailIsSentOnce(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"", "first-order", "second-order"} {
		for breaths := 0; killedAtOrder(t, breaths, false, next); breaths++ {
			killedAtOrder(t, breaths, true, next)
		}
	}
}

func killedAtOrder(t *testing.T, breaths int, mute bool, next string) (died bool) {
	t.Helper()
	w := postal.New(t)
	alive := w.Start(-1, false)
	ids := failed(alive, 2)
	p := w.Start(breaths, mute)
	_, _ = office(p).Send(t.Context(), command("first-order"), ids)
	died = p.Died()
	what := fmt.Sprintf("killed after %d calls (answer lost: %v, then %q)", breaths, mute, next)
	ordered := map[string]bool{}
	for _, id := range ids {
		is, err := alive.Box.OrderedBy(t.Context(), id, "first-order")
		if err != nil {
			t.Fatal(err)
		}
		ordered[id] = is
	}
	if next != "" {
		if _, err := office(alive).Send(t.Context(), command(next), ids); err != nil {
			t.Fatal(err)
		}
	}
	w.Refuse(nil)
	for range 20 {
		alive.Deliver()
		w.Advance(6 * time.Minute)
		if err := alive.Outbox.Resend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	alive.Deliver()
	for subject, n := range w.Taken() {
		if n != 1 {
			t.Errorf("%s: %s arrived %d times", what, subject, n)
		}
	}
	page, _, err := alive.Box.Page(t.Context(), mailbox.Sent, 10, "")
	if err != nil || len(page) != 2 || len(w.Taken()) != 2 {
		t.Errorf("%s: listed are %+v, arrived %v, %v", what, page, w.Taken(), err)
	}
	if err := office(alive).Desk.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, _, err := alive.Ledger.Journal.Page(t.Context(), 10, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		want := journal.Done
		if e.Command != next && !ordered[e.Object] {
			want = journal.Failed
		}
		if e.State != want || e.Verb != desk.VerbSend {
			t.Errorf("%s: %s of %s is %s (%s), not %s", what, e.Command, e.Object, e.State, e.Result, want)
		}
	}
	return died
}

// TestWhatIsDroppedIsNotTriedAnyMore drops one of two mails that the server refuses, in every order with sending.
func TestWhatIsDroppedIsNotTriedAnyMore(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	ids := failed(p, 2)
	o := office(p)
	type order = func(context.Context, desk.Command, []string) ([]desk.Outcome, error)
	does := func(do order, id, want string, on string) {
		t.Helper()
		all, err := do(t.Context(), command(id), []string{on})
		if got := said(all); err != nil || got != want {
			t.Errorf("%s: %s, want %s, %v", id, got, want, err)
		}
	}
	at := w.Clock().Format(time.RFC3339)
	const gone = " done: dropped: it is not tried any more"
	does(o.Drop, "first-order", ids[0]+gone, ids[0])
	does(o.Drop, "first-order", ids[0]+gone, ids[0])
	does(o.Drop, "second-order", ids[0]+" refused: it was dropped, at "+at, ids[0])
	does(o.Send, "third-order", ids[0]+" refused: it was dropped, at "+at, ids[0])
	const none = "incident:9:1 refused: there is no mail incident:9:1; cordon mails lists those that there are"
	does(o.Drop, "fourth-order", none, "incident:9:1")
	w.Refuse(nil)
	for range 20 {
		w.Advance(6 * time.Minute)
		if err := p.Outbox.Resend(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.Deliver()
	}
	if got := w.Taken(); len(got) != 1 || got["[Cordon] m2: Isolated"] != 1 {
		t.Errorf("arrived %v", got)
	}
	page, _, err := p.Box.Page(t.Context(), mailbox.Dropped, 10, "")
	if err != nil || len(page) != 1 || page[0].ID != ids[0] || page[0].Dropped.IsZero() || page[0].Tries != 1 ||
		page[0].Why != "554 the mailbox is full" {
		t.Errorf("%+v, %v", page, err)
	}
	p.Tell(9, notice.Event{Kind: notice.Isolated, RunID: "da9:v1", MachineID: strings.Repeat("cd", 20), Episode: 1})
	all, err := o.Drop(t.Context(), command("fifth-order"), []string{"incident:9:1"})
	if err != nil || all[0].State != journal.Refused || !strings.Contains(all[0].Result, "it has not failed") {
		t.Errorf("%s, %v", said(all), err)
	}
}

// TestKilledAtAnyCallOfADropTheJournalSaysWhatIsSo kills whoever drops two mails at every call.
func TestKilledAtAnyCallOfADropTheJournalSaysWhatIsSo(t *testing.T) {
	t.Parallel()
	for breaths := 0; killedAtDrop(t, breaths, false); breaths++ {
		killedAtDrop(t, breaths, true)
	}
}

func killedAtDrop(t *testing.T, breaths int, mute bool) (died bool) {
	t.Helper()
	w := postal.New(t)
	alive := w.Start(-1, false)
	ids := failed(alive, 2)
	p := w.Start(breaths, mute)
	_, _ = office(p).Drop(t.Context(), command("first-order"), ids)
	died = p.Died()
	what := fmt.Sprintf("killed after %d calls (answer lost: %v)", breaths, mute)
	dropped := map[string]bool{}
	for _, id := range ids {
		is, err := alive.Box.OrderedBy(t.Context(), id, "first-order")
		if err != nil {
			t.Fatal(err)
		}
		dropped[id] = is
	}
	w.Refuse(nil)
	for range 20 {
		w.Advance(6 * time.Minute)
		if err := alive.Outbox.Resend(t.Context()); err != nil {
			t.Fatal(err)
		}
		alive.Deliver()
	}
	if err := office(alive).Desk.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	arrived := len(w.Taken())
	gone, _, err := alive.Box.Page(t.Context(), mailbox.Dropped, 10, "")
	unsent, unsentErr := alive.Ledger.Notices.Unsent(t.Context())
	if err := errors.Join(err, unsentErr); err != nil || len(unsent) != 0 || len(gone)+arrived != 2 {
		t.Errorf("%s: dropped %+v, arrived %v, left %+v, %v", what, gone, w.Taken(), unsent, err)
	}
	entries, _, err := alive.Ledger.Journal.Page(t.Context(), 10, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		want := journal.Failed
		if dropped[e.Object] {
			want = journal.Done
		}
		if e.State != want || e.Verb != desk.VerbGiveUp {
			t.Errorf("%s: %s is %s (%s), not %s", what, e.Object, e.State, e.Result, want)
		}
	}
	return died
}
