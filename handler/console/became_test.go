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
