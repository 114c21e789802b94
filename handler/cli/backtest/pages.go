package backtest

import (
	"context"
	"fmt"
	"io"
	"time"

	"cordon/handler/decided"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// decisions are some of those that are read, never none.
type decisions = []decided.Decision

// pages gives the record in pages.
type pages interface {
	Decisions(ctx context.Context, q wire.DecisionsAsked) (wire.Decisions, error)
}

// pageSize is how many decisions are asked for at once, the API's most.
const pageSize = 200

// read reads the decisions of a span, the newest first, and hands them to take page by page.
func read(ctx context.Context, from pages, since, until time.Time, take func(decisions)) error {
	asked := wire.DecisionsAsked{
		Since: since,
		Until: until,
		Limit: pageSize,
	}
	for {
		page, err := from.Decisions(ctx, asked)
		if err != nil {
			return err
		}
		if len(page.Decisions) > 0 {
			take(page.Decisions)
		}
		switch page.Next {
		case "":
			return nil
		case asked.After:
			return fmt.Errorf("the app names the same page as the next one again and again: %.100q", page.Next)
		}
		asked.After = page.Next
	}
}

// progress says on a terminal how far the reading is.
type progress struct {
	w     io.Writer // nil: nobody looks
	runs  int
	wrote bool
}

func newProgress(w io.Writer) *progress {
	if !terminal.IsTerminal(w) {
		w = nil
	}
	return &progress{w: w}
}

// add says that some more were read, of which the last is of a time.
func (p *progress) add(n int, at time.Time) {
	p.runs += n
	if p.w != nil {
		p.wrote = true
		fmt.Fprintf(p.w, "\r%d runs, at %s", p.runs, at.UTC().Format(time.DateOnly))
	}
}

// end leaves the line to what comes next.
func (p *progress) end() {
	if p.wrote {
		fmt.Fprintln(p.w)
	}
}
