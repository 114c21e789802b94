package console

import (
	"context"
	"fmt"
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
