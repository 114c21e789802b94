package operate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cordon/handler/deadletter"
	"cordon/handler/hunt"
	"cordon/handler/internal/mortal"
	"cordon/handler/internal/office"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/journal"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
)

// box is a queue with dead letters that a process may be killed at.
type box struct {
	office.Aside
	life *mortal.Life
	sent map[int64]int // how often each was sent again, or dropped
}

func (b *box) take(numbers []int64) ([]deadletter.Taken, error) {
	var all []deadletter.Taken
	for _, n := range numbers {
		err := b.life.Leave(func() {
			if b.sent[n] == 0 {
				b.sent[n]++
			}
		})
		if err != nil {
			return all, err
		}
		all = append(all, deadletter.Taken{Number: n, Done: true, Text: "done"})
	}
	return all, nil
}

func (b *box) Replay(
	_ context.Context, _ string, numbers []int64, _ func(deadletter.Letter) (deadletter.Copy, error),
) ([]deadletter.Taken, error) {
	return b.take(numbers)
}

func (b *box) Drop(_ context.Context, _ string, numbers []int64) ([]deadletter.Taken, error) {
	return b.take(numbers)
}

// TestKilledAtAnyCallTheJournalNeverSaysOtherwiseOfDeadLetters kills the process at every call of an order about two
// dead letters. They leave no trace, so that nobody may know afterwards; but the journal never says what is not so.
func TestKilledAtAnyCallTheJournalNeverSaysOtherwiseOfDeadLetters(t *testing.T) {
	t.Parallel()
	orders := map[string]func(operate.Desk, wire.DeadLetterOrder) (wire.Results, error){
		"replay": func(d operate.Desk, o wire.DeadLetterOrder) (wire.Results, error) {
			return d.Replay(context.Background(), o)
		},
		"drop": func(d operate.Desk, o wire.DeadLetterOrder) (wire.Results, error) {
			return d.Discard(context.Background(), o)
		},
	}
	for verb, give := range orders {
		for breaths := 0; killedAtLetters(t, verb, give, breaths, false); breaths++ {
			killedAtLetters(t, verb, give, breaths, true)
		}
	}
}

func killedAtLetters(
	t *testing.T,
	verb string,
	give func(operate.Desk, wire.DeadLetterOrder) (wire.Results, error),
	breaths int,
	mute bool,
) (died bool) {
	t.Helper()
	w := world.New(t)
	ledger := w.Start(-1, false).Ledger
	if err := ledger.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := w.Start(breaths, mute)
	queue := &box{life: p.Life, sent: map[int64]int{}}
	office := &operate.Office{Desk: p.AtDesk(), Letters: queue, Tenant: world.Tenant, Now: w.Clock}
	o := wire.DeadLetterOrder{
		Order:   wire.Order{Command: "12345678", Reason: "mended"},
		Numbers: []int64{17, 18},
	}
	_, _ = give(office.As(wire.Me{}, journal.Author{Name: "operator@contoso.com"}), o)
	died = p.Died()
	w.Advance(2 * time.Hour)
	d, _ := w.Desk()
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, _, err := ledger.Journal.Page(t.Context(), 10, "")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]journal.State{}
	for _, e := range entries {
		told[e.Object] = e.State
	}
	for n, sent := range map[int64]int{17: queue.sent[17], 18: queue.sent[18]} {
		said := told[fmt.Sprintf("alerts %d", n)]
		isSo := said == journal.Unknown || (said == journal.Done) == (sent == 1) && said != journal.Failed || said == ""
		if !isSo || said == "" && sent > 0 || said == journal.Begun {
			t.Errorf("%s killed after %d calls (answer lost: %v): %d was taken %d times, the journal says %q",
				verb, breaths, mute, n, sent, said)
		}
	}
	return died
}

// mute is a queue whose answers are lost.
type mute struct{ office.Aside }

func (mute) Drop(_ context.Context, _ string, numbers []int64) ([]deadletter.Taken, error) {
	return []deadletter.Taken{{Number: numbers[0], Unsure: true, Text: "kept: connection reset"}}, nil
}

// TestADeadLetterOfUnknownFateIsNotCalledUnchanged loses the answer of the queue.
func TestADeadLetterOfUnknownFateIsNotCalledUnchanged(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	if err := p.Ledger.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	office := &operate.Office{Desk: p.AtDesk(), Letters: mute{}, Tenant: world.Tenant, Now: w.Clock}
	o := wire.DeadLetterOrder{Order: wire.Order{Command: "12345678", Reason: "mended"}, Numbers: []int64{17}}
	said, err := office.As(wire.Me{}, journal.Author{Name: "operator@contoso.com"}).Discard(t.Context(), o)
	if err != nil || !said.Results[0].Unknown || said.Results[0].Done {
		t.Errorf("answered with %+v, %v", said, err)
	}
	w.Advance(2 * time.Hour)
	d, _ := w.Desk()
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, _, err := d.Journal.Page(t.Context(), 10, "")
	if err != nil || entries[0].State != journal.Unknown {
		t.Errorf("the journal says %+v, %v", entries, err)
	}
}

// TestAPauseThatIsKnownNotToBeDoneIsNotCalledUnknown ends the process before it pauses, and asks again when the journal
// has given the order up.
func TestAPauseThatIsKnownNotToBeDoneIsNotCalledUnknown(t *testing.T) {
	t.Parallel()
	o := wire.PauseOrder{Order: wire.Order{Command: "12345678", Reason: "x"}}
	by := journal.Author{Name: "operator@contoso.com"}
	failed := false
	for breaths := range 8 {
		w := world.New(t)
		p := w.Start(-1, false)
		if err := p.Ledger.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		dying := w.Start(breaths, false)
		office := &operate.Office{Desk: dying.AtDesk(), Now: w.Clock}
		_, _ = office.As(wire.Me{}, by).SetPause(context.Background(), true, o) // what it answers reaches nobody
		w.Advance(2 * time.Hour)
		d, _ := w.Desk()
		if err := d.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		e, _, err := d.Journal.Find(t.Context(), o.Command, "")
		if err != nil || e.State != journal.Failed {
			continue
		}
		failed = true
		office = &operate.Office{Desk: d, Now: w.Clock}
		_, err = office.As(wire.Me{}, by).SetPause(t.Context(), true, o)
		var problem *wire.Problem
		if !errors.As(err, &problem) || problem.Code != "not_done" || problem.Status != http.StatusConflict {
			t.Errorf("ended after %d calls: %v", breaths, err)
		}
	}
	if !failed {
		t.Error("it was always carried out")
	}
}

// dying is an API that ends the process while a query is under way.
type dying struct{ life *mortal.Life }

func (d dying) Hunt(context.Context, string, time.Time, time.Time) (hunt.Table, error) {
	d.life.Kill()
	return hunt.Table{}, mortal.ErrDead
}

// TestAHuntWhoseProcessEndsIsInTheJournalAsNotKnown ends the process while a query is under way.
func TestAHuntWhoseProcessEndsIsInTheJournalAsNotKnown(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	if err := p.Ledger.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	office := &operate.Office{Desk: p.AtDesk(), Hunting: dying{p.Life}, Catalogue: office.Catalogue(t), Now: w.Clock}
	o := wire.HuntOrder{Order: wire.Order{Command: "12345678", Reason: "look"}, Hunt: "tools"}
	rows, err := office.As(wire.Me{}, journal.Author{Name: "operator@contoso.com"}).RunHunt(t.Context(), o)
	if err == nil {
		t.Errorf("it answered with %d rows", len(rows.Rows))
	}
	w.Advance(2 * time.Hour)
	d, _ := w.Desk()
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, _, err := d.Journal.Page(t.Context(), 10, "")
	if err != nil || len(entries) != 1 || entries[0].State != journal.Unknown || entries[0].Object != "tools" {
		t.Errorf("the journal says %+v, %v", entries, err)
	}
}

// wide is a table of long command lines.
type wide struct{}

func (wide) Hunt(context.Context, string, time.Time, time.Time) (hunt.Table, error) {
	table := hunt.Table{Columns: []hunt.Column{{Name: "ProcessCommandLine", Type: "String"}}}
	for range 4000 {
		table.Rows = append(table.Rows, []string{strings.Repeat(`\`, 4<<10)})
	}
	return table, nil
}

// TestRowsAreNoMoreThanAClientReads has a query with few rows and many bytes.
func TestRowsAreNoMoreThanAClientReads(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	if err := p.Ledger.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	office := &operate.Office{Desk: p.AtDesk(), Hunting: wide{}, Catalogue: office.Catalogue(t), Now: w.Clock}
	o := wire.HuntOrder{Order: wire.Order{Command: "12345678", Reason: "look"}, Hunt: "tools"}
	rows, err := office.As(wire.Me{}, journal.Author{Name: "operator@contoso.com"}).RunHunt(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	const read = 8 << 20
	body, err := outgoing.Encode(rows)
	if err != nil || len(body) > read || len(rows.Rows) == 0 || !rows.Cut {
		t.Errorf("%d rows in %d bytes, cut: %v, %v", len(rows.Rows), len(body), rows.Cut, err)
	}
}

// slow is a queue whose one call for all takes longer than the order has.
type slow struct {
	office.Aside
	over func()
}

func (s slow) Drop(_ context.Context, _ string, numbers []int64) ([]deadletter.Taken, error) {
	s.over()
	all := make([]deadletter.Taken, len(numbers))
	for i, n := range numbers {
		all[i] = deadletter.Taken{Number: n, Done: true, Text: "dropped"}
	}
	return all, nil
}

// TestWhatOneCallDidForSeveralIsToldOfAllEvenIfTheTimeIsOver has the time end in the call that drops two dead letters:
// both are dropped, and the journal says so of both.
func TestWhatOneCallDidForSeveralIsToldOfAllEvenIfTheTimeIsOver(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{false, true} {
		w := world.New(t)
		p := w.Start(-1, false)
		if err := p.Ledger.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, over := context.WithCancel(t.Context())
		queue := slow{over: over}
		office := &operate.Office{Desk: p.AtDesk(), Letters: queue, Tenant: world.Tenant, Now: w.Clock}
		if early {
			left := 0
			p.Between = func() { // the last call before the queue's writes the second of them down
				if left++; left == 6 {
					over()
				}
			}
		}
		o := wire.DeadLetterOrder{
			Order:   wire.Order{Command: "12345678", Reason: "mended"},
			Numbers: []int64{17, 18},
		}
		results, err := office.As(wire.Me{}, journal.Author{Name: "operator@contoso.com"}).Discard(ctx, o)
		entries, _, pageErr := p.Ledger.Journal.Page(t.Context(), 10, "")
		if err != nil || pageErr != nil || len(entries) != 2 || len(results.Results) != 2 {
			t.Fatalf("%+v, %v; %+v, %v", results, err, entries, pageErr)
		}
		for i, e := range entries {
			if !early && (e.State != journal.Done || !results.Results[i].Done) {
				t.Errorf("it was dropped, the journal says %s of %s: %s", e.State, e.Object, e.Result)
			}
			if early && (e.State == journal.Done || results.Results[i].Done) {
				t.Errorf("nothing was dropped, the journal says %s of %s: %s", e.State, e.Object, e.Result)
			}
		}
	}
}
