package orders

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// lettersMost is how many dead letters are looked through.
const lettersMost = 500

// aside is an order about dead letters.
func aside(
	c chosen,
	then string,
	do func(operate.Desk, context.Context, wire.DeadLetterOrder) (wire.Results, error),
) Order {
	c.unit = "message"
	c.key = "number"
	c.kept = []string{"queue"}
	return c.with(
		func(ctx context.Context, desk operate.Desk, ids []string, asked url.Values) (things []Thing, err error) {
			numbers, err := numbersOf(ids)
			if err != nil {
				return nil, err
			}
			found, err := desk.DeadLetters(ctx, asked.Get("queue"), lettersMost)
			if err != nil {
				return nil, err
			}
			for _, n := range numbers {
				things = append(things, letter(n, found, then))
			}
			return things, nil
		},
		func(
			ctx context.Context, desk operate.Desk, by wire.Order, ids []string, asked url.Values,
		) (wire.Results, error) {
			numbers, err := numbersOf(ids)
			if err != nil {
				return wire.Results{}, err
			}
			return do(desk, ctx, wire.DeadLetterOrder{
				Order:   by,
				Queue:   asked.Get("queue"),
				Numbers: numbers,
			})
		},
	)
}

func letter(n int64, found wire.DeadLetters, then string) Thing {
	id := strconv.FormatInt(n, 10)
	for _, l := range found.DeadLetters {
		if l.Number != n {
			continue
		}
		what := l.What
		if what == "" {
			what = "message " + l.ID
		}
		return Thing{
			ID:   id,
			Name: what,
			Link: "/api/console/deadletter?queue=" + url.QueryEscape(found.Queue) + "&number=" + id,
			Is:   "set aside: " + l.Reason,
			Why:  l.Why,
			Then: then,
		}
	}
	return gone(id, "it is not among the newest "+strconv.Itoa(lettersMost)+" that were set aside")
}

func numbersOf(ids []string) (numbers []int64, err error) {
	for _, one := range ids {
		n, err := strconv.ParseInt(one, 10, 64)
		if err != nil {
			return nil, wire.NewProblem(http.StatusBadRequest, "number", "a dead letter has a number; go back and choose")
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// enqueueMost is how many alerts are looked up, one by one, before they are answered again.
const enqueueMost = 20

func enqueue() Order {
	c := chosen{
		Order: Order{
			Name:   "enqueue",
			Title:  "Answer alerts now",
			Button: "Answer now",
		},
		says: "Cordon reads the alert anew and answers it if it has changed. What was done for it is not done twice.",
		unit: "alert",
		key:  "alert",
		most: enqueueMost,
	}
	return c.with(
		func(ctx context.Context, desk operate.Desk, ids []string, _ url.Values) (things []Thing, err error) {
			for _, id := range ids {
				known, err := desk.Runs(ctx, wire.RunsAsked{Alert: id})
				if err != nil {
					return nil, err
				}
				things = append(things, answered(id, known.Runs))
			}
			return things, nil
		},
		func(
			ctx context.Context, desk operate.Desk, by wire.Order, ids []string, _ url.Values,
		) (wire.Results, error) {
			return desk.Enqueue(ctx, wire.EnqueueOrder{Order: by, Alerts: ids})
		},
	)
}

func answered(id string, known []wire.RunLine) Thing {
	t := Thing{
		ID:   id,
		Link: "/api/console/run?run=" + url.QueryEscape(id),
		Is:   "not in the record",
		Then: "read and answered",
	}
	if len(known) > 0 {
		newest := known[0]
		t.Name = newest.Title
		t.Is = newest.State
		if newest.Outcome != "" {
			t.Is = newest.Outcome
		}
	}
	return t
}

// mailsMost is how many mails that wait, and how many that failed, are looked through.
const mailsMost = 200

// mailing is an order about mails in some states.
func mailing(
	c chosen,
	then string,
	do func(operate.Desk, context.Context, wire.MailOrder) (wire.Results, error),
	states ...string,
) Order {
	c.unit = "mail"
	c.key = "mail"
	return c.with(
		func(ctx context.Context, desk operate.Desk, ids []string, _ url.Values) (things []Thing, err error) {
			var all []wire.Mail
			for _, state := range states {
				found, err := desk.Mails(ctx, wire.MailsAsked{State: state, Limit: mailsMost})
				if err != nil {
					return nil, err
				}
				all = append(all, found.Mails...)
			}
			for _, id := range ids {
				t := mail(id, all, states)
				if t.Not == "" {
					t.Then = then
				}
				things = append(things, t)
			}
			return things, nil
		},
		func(
			ctx context.Context, desk operate.Desk, by wire.Order, ids []string, _ url.Values,
		) (wire.Results, error) {
			return do(desk, ctx, wire.MailOrder{Order: by, Mails: ids})
		},
	)
}

func mail(id string, all []wire.Mail, states []string) Thing {
	listed := strings.Join(states, " or ")
	for _, m := range all {
		if m.ID != id {
			continue
		}
		t := Thing{
			ID:   id,
			Name: m.About,
			Is:   m.State,
			Why:  m.Why,
		}
		if !slices.Contains(states, m.State) { // a list may have one that has just been sent
			t.Not = "it is not " + listed + " any more"
		}
		return t
	}
	return gone(id, fmt.Sprintf("it is not among the first %d mails that are %s", mailsMost, listed))
}
