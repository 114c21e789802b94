package console

import (
	"context"
	"strconv"

	"cordon/handler/console/layout"
	"cordon/handler/operate/wire"
)

// journalPage is what the page of the journal is given.
type journalPage struct {
	wire.Journal
	Next string // address of the next page; empty: this is the last
	May  bool
}

func journalOf(ctx context.Context, v visit) (shown, error) {
	found, err := v.desk.Journal(ctx, wire.JournalAsked{After: v.query.Get("after")})
	p := journalPage{Journal: found, May: v.may()}
	if found.Next != "" {
		p.Next = layout.Link("journal", "after", found.Next)
	}
	return shown{page: p}, err
}

// mailsPage is what the page of mails is given.
type mailsPage struct {
	wire.Mails
	States []tab
	State  string
	Next   string // address of the next page; empty: this is the last
	May    bool
}

// tab is one of several lists that a page can show.
type tab struct {
	Title, Link string
	Here        bool
}

func tabs(page, name, here string, all ...string) (found []tab) {
	for _, one := range all {
		found = append(found, tab{
			Title: one,
			Link:  layout.Link(page, name, one),
			Here:  one == here,
		})
	}
	return found
}

func mails(ctx context.Context, v visit) (shown, error) {
	state := v.query.Get("state")
	if state == "" {
		state = "sent"
	}
	found, err := v.desk.Mails(ctx, wire.MailsAsked{State: state, After: v.query.Get("after")})
	p := mailsPage{
		Mails:  found,
		States: tabs("mails", "state", state, "sent", "waiting", "failed", "dropped"),
		State:  state,
		May:    v.may() && (state == "waiting" || state == "failed"),
	}
	if found.Next != "" {
		p.Next = layout.Link("mails", "state", state, "after", found.Next)
	}
	return shown{page: p}, err
}

// lettersPage is what the page of dead letters is given.
type lettersPage struct {
	wire.DeadLetters
	Queues []tab
	All    string // address of a longer list; empty: this is all
	May    bool
}

// lettersMost is how many dead letters the longer list shows.
const lettersMost = 500

func deadLetters(ctx context.Context, v visit) (shown, error) {
	queue := queueOf(v)
	limit, _ := strconv.Atoi(v.query.Get("limit")) // what is no number is left out
	found, err := v.desk.DeadLetters(ctx, queue, limit)
	p := lettersPage{
		DeadLetters: found,
		Queues:      tabs("deadletters", "queue", queue, "alerts", "notices"),
		May:         v.may(),
	}
	if found.More && limit < lettersMost {
		p.All = layout.Link("deadletters", "queue", queue, "limit", lettersMost)
	}
	return shown{page: p}, err
}

func queueOf(v visit) string {
	if queue := v.query.Get("queue"); queue != "" {
		return queue
	}
	return "alerts"
}

// letterPage is what the page of a dead letter is given.
type letterPage struct {
	wire.DeadLetter
	Queue string
	May   bool
}

func deadLetter(ctx context.Context, v visit) (shown, error) {
	number, err := strconv.ParseInt(v.query.Get("number"), 10, 64)
	if err != nil {
		return shown{}, missing("dead letter")
	}
	queue := queueOf(v)
	found, err := v.desk.DeadLetter(ctx, queue, number)
	return shown{page: letterPage{
		DeadLetter: found,
		Queue:      queue,
		May:        v.may(),
	}}, err
}

// huntsPage is what the page of hunts is given.
type huntsPage struct {
	wire.Hunts
	May bool
}

func hunts(ctx context.Context, v visit) (shown, error) {
	found, err := v.desk.Hunts(ctx)
	return shown{page: huntsPage{Hunts: found, May: v.may()}}, err
}
