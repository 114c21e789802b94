package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cordon/handler/ledger/journal"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// after is a desk after an order: of the hundred things that it was about the last became something else.
type after struct {
	operate.Desk
	last string // state of the last thing
}

func (after) Pause(context.Context) (wire.Pause, error) { return wire.Pause{}, nil }

// Journal answers with as many entries as are asked for, or fifty.
func (a after) Journal(_ context.Context, q wire.JournalAsked) (is wire.Journal, err error) {
	limit := 50
	if q.Limit > 0 {
		limit = q.Limit
	}
	for i := range min(limit, 100) {
		e := wire.Entry{Verb: "drop", Object: fmt.Sprintf("da%d", i), State: string(journal.Done)}
		if i == 99 {
			e.State = a.last
		}
		is.Entries = append(is.Entries, e)
	}
	return is, nil
}

// TestWhatBecameOfAllThingsIsSaid has an order about a hundred things end in each way.
func TestWhatBecameOfAllThingsIsSaid(t *testing.T) {
	t.Parallel()
	for last, want := range map[journal.State]string{
		journal.Done:    "Done",
		journal.Begun:   "Begun, and not all of it is confirmed yet: look again in a moment",
		journal.Refused: "Not all of it was done",
		journal.Failed:  "Not all of it was done",
		journal.Unknown: "It is not known whether all of it was done",
	} {
		a := over(t, after{last: string(last)}, "ann@contoso.com").get(Base + "/journal?did=c-12345678")
		_, said, _ := strings.Cut(a.text, `aria-label="What became of it">`)
		if !strings.Contains(said, "<h2>"+want+"</h2>") || !strings.Contains(said, "da99") {
			t.Errorf("%s: %d %.200s", last, a.StatusCode, said)
		}
	}
}

// unwritten is a desk that can write down what became of the first of two alerts only.
type unwritten struct {
	hostile
	given bool
}

func (*unwritten) Held(context.Context) (wire.Held, error) {
	return wire.Held{Held: []wire.HeldEntry{{AlertID: "da1"}, {AlertID: "da2"}}}, nil
}

func (u *unwritten) Journal(context.Context, wire.JournalAsked) (is wire.Journal, err error) {
	if u.given {
		is.Entries = []wire.Entry{{Verb: "drop", Object: "da1", State: string(journal.Done)}}
	}
	return is, nil
}

func (u *unwritten) Drop(_ context.Context, o wire.HeldOrder) (wire.Results, error) {
	u.given = true
	return wire.Results{Command: o.Command, Results: []wire.Result{
		{Object: "da1", Done: true, Outcome: "dropped"},
		{Object: "da2", Outcome: "nothing was done: it could not be written down"},
	}}, nil
}

func TestWhatCouldNotBeWrittenDownIsSaidAllTheSame(t *testing.T) {
	t.Parallel()
	s := over(t, &unwritten{hostile: hostile{empty: true}}, "ann@contoso.com")
	form := s.fields(s.get(Base + "/drop?alert=da1&alert=da2"))
	form.Set("reason", "known")
	a := s.ask(http.MethodPost, Base+"/drop", form.Encode())
	for _, want := range []string{"Not all of it was done", "da1", "dropped", "da2", "could not be written down"} {
		if !strings.Contains(a.text, want) {
			t.Errorf("%d, the page lacks %q: %s", a.StatusCode, want, a.text)
		}
	}
}

// failing is a desk of which one question or order meets trouble.
type failing struct {
	unwritten
	at string
}

func (f *failing) meets(what string) error {
	if f.at == what {
		return wire.NewProblem(http.StatusServiceUnavailable, "ledger", what+" met trouble")
	}
	return nil
}

func (f *failing) Pause(context.Context) (wire.Pause, error) { return wire.Pause{}, f.meets("pause") }
func (f *failing) Held(ctx context.Context) (wire.Held, error) {
	is, _ := f.unwritten.Held(ctx)
	return is, f.meets("held")
}
func (f *failing) Journal(context.Context, wire.JournalAsked) (wire.Journal, error) {
	return wire.Journal{}, f.meets("journal")
}
func (f *failing) Drop(context.Context, wire.HeldOrder) (wire.Results, error) {
	return wire.Results{}, f.meets("drop")
}

// TestTroubleLosesNoReason has each part of an order meet trouble, and the ledger with all that stands around it.
func TestTroubleLosesNoReason(t *testing.T) {
	t.Parallel()
	for at, inDoubt := range map[string]bool{"journal": true, "held": false, "drop": true} {
		for _, around := range []bool{false, true} {
			d := &failing{}
			s := over(t, d, "ann@contoso.com")
			form := s.fields(s.get(Base + "/drop?alert=da1&alert=da2"))
			form.Set("reason", "known since Monday")
			d.at = at
			if around {
				s = over(t, paused{d}, "ann@contoso.com")
			}
			a := s.ask(http.MethodPost, Base+"/drop", form.Encode())
			again := s.fields(a)
			again.Set("reason", "known since Monday")
			if a.StatusCode != http.StatusServiceUnavailable || again.Encode() != form.Encode() ||
				!strings.Contains(a.text, "known since Monday</textarea>") ||
				strings.Contains(a.text, "It is not known whether it was done") != inDoubt {
				t.Errorf("%s, around %v: %d %v %s", at, around, a.StatusCode, again, a.text)
			}
		}
	}
}

// paused cannot say whether acting is paused.
type paused struct{ operate.Desk }

func (paused) Pause(context.Context) (wire.Pause, error) { return wire.Pause{}, trouble() }
