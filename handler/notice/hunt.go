package notice

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/notices"
	"cordon/handler/notice/clock"
	"cordon/handler/notice/oneline"
	"cordon/handler/notice/table"
)

// How much of a turn's rows a mail shows; the file that goes with it has all of them.
const (
	shownRows    = 50
	shownColumns = 12
	shownCell    = 300 // characters
)

// rowsPage is a mail about the rows of a turn.
type rowsPage struct {
	Subject, Headline string
	Hunt, Detail      string
	Turn              time.Time
	Looked            string // how far back
	Count             int    // rows in the file
	Findings          int    // of them, answered by rules
	More, Cut         bool
	Rows              [][]cell
	Columns           int // that are not shown of each row
	File, Portal      string
	Clock             clock.Clock
}

type cell struct{ Name, Value string }

// composeRows writes the mail of a turn from its record; one whose record is no longer kept says only that.
func (o *Outbox) composeRows(
	ctx context.Context,
	n notices.Notice,
	e Event,
	to []string,
) (Mail, error) {
	turn, result, found, err := o.Hunts.Turn(ctx, e.Hunt, e.Turn)
	if err != nil {
		return Mail{}, err
	}
	if !found {
		e.Detail = "A turn found new rows, which are no longer kept. Run the hunt by hand to see what there is now."
		p := summarize([]Event{e}, n.Seq)
		p.Clock, p.Portal = o.Clock, o.Portal
		plain, rich, err := render(p)
		return Mail{
			ID:      o.messageID(n.Group, n.Seq),
			To:      to,
			Subject: p.Subject,
			Text:    plain,
			HTML:    rich,
		}, err
	}
	p := pageOfRows(e, turn, result)
	p.Portal = o.Portal.Hunting()
	p.Clock = o.Clock
	plain, rich, err := renderRows(p)
	if err != nil {
		return Mail{}, err
	}
	file, err := table.CSV(result.Columns, result.Mailed())
	if err != nil {
		return Mail{}, err
	}
	return Mail{
		ID:      o.messageID(n.Group, n.Seq),
		To:      to,
		Subject: p.Subject,
		Text:    plain,
		HTML:    rich,
		File: &File{
			Name: p.File,
			Type: "text/csv",
			Body: file,
		},
	}, nil
}

func pageOfRows(e Event, turn hunts.Turn, result hunts.Result) rowsPage {
	rows := result.Mailed()
	p := rowsPage{
		Hunt:    e.Hunt,
		Detail:  e.Detail,
		Turn:    turn.At,
		Count:   len(rows),
		More:    turn.More,
		Cut:     turn.Cut,
		Looked:  turn.At.Sub(turn.Since).Round(time.Second).String(),
		Columns: max(len(result.Columns)-shownColumns, 0),
		File:    fmt.Sprintf("%s-%s.csv", e.Hunt, turn.Due.UTC().Format("20060102T150405Z")),
	}
	if result.Mail {
		p.Findings = len(slices.DeleteFunc(slices.Clone(result.Machines), func(m string) bool {
			return m == ""
		}))
	}
	for _, row := range rows[:min(len(rows), shownRows)] {
		var cells []cell
		for i, name := range result.Columns[:min(len(result.Columns), shownColumns)] {
			cells = append(cells, cell{oneline.Seen(name, 60), oneline.Seen(row[i], shownCell)})
		}
		p.Rows = append(p.Rows, cells)
	}
	p.Headline = fmt.Sprintf("Hunt %s: %d new rows", e.Hunt, p.Count)
	if p.Count == 1 {
		p.Headline = fmt.Sprintf("Hunt %s: 1 new row", e.Hunt)
	}
	p.Subject = "[Cordon] " + p.Headline
	return p
}

// renderRows writes the page as plain text and as HTML. Every cell may be an attacker's.
func renderRows(p rowsPage) (plain, rich string, err error) {
	funcs := map[string]any{
		"line":  func(s string) string { return oneline.Of(s, 500) },
		"clock": p.Clock.At,
		"next":  func(i int) int { return i + 1 },
	}
	return write("hunt", funcs, p)
}
