package operate

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"cordon/handler/deadletter"
	"cordon/handler/desk"
	"cordon/handler/operate/wire"
)

// Bounds of what is shown of dead letters.
const (
	lettersPage = 50
	lettersMost = 500
	bodyMost    = 16 << 10 // bytes
	askLedger   = 10 * time.Second
)

// DeadLetters implements Desk.
func (p *person) DeadLetters(ctx context.Context, queue string, limit int) (wire.DeadLetters, error) {
	queue, err := p.queue(queue)
	if err != nil {
		return wire.DeadLetters{}, err
	}
	limit = cmp.Or(limit, lettersPage)
	if limit < 1 || limit > lettersMost {
		return wire.DeadLetters{},
			wire.NewProblem(http.StatusBadRequest, "limit", "limit is out of bounds: expected 1 to 500")
	}
	found, more, err := p.office.Letters.Letters(ctx, queue, limit)
	all := wire.DeadLetters{
		Queue:       queue,
		DeadLetters: []wire.DeadLetter{},
		More:        more,
	}
	for _, l := range found {
		all.DeadLetters = append(all.DeadLetters, p.letter(queue, l))
	}
	return all, problem(err)
}

// DeadLetter implements Desk.
func (p *person) DeadLetter(
	ctx context.Context,
	queue string,
	number int64,
) (wire.DeadLetter, error) {
	queue, err := p.queue(queue)
	if err != nil {
		return wire.DeadLetter{}, err
	}
	found, err := p.office.Letters.LettersAt(ctx, queue, number)
	if err != nil {
		return wire.DeadLetter{}, problem(err)
	}
	l, there := found[number]
	if !there {
		return wire.DeadLetter{}, wire.NewProblem(http.StatusNotFound, "gone",
			fmt.Sprintf("the queue of %s has no dead letter %d; cordon deadletter list shows those it has", queue,
				number))
	}
	d := p.letter(queue, l)
	d.Known = p.known(ctx, deadletter.Read(p.office.Tenant, queue, l))
	body := l.Body[:min(len(l.Body), bodyMost)]
	d.BodyCut = len(body) < len(l.Body)
	if utf8.Valid(body) {
		d.Body = string(body)
	} else {
		d.BodyBase64 = base64.StdEncoding.EncodeToString(body)
	}
	return d, nil
}

// queue checks which queue is meant.
func (p *person) queue(name string) (string, error) {
	name = cmp.Or(name, deadletter.Alerts)
	switch {
	case name != deadletter.Alerts && name != deadletter.Notices:
		return "", wire.NewProblem(http.StatusBadRequest, "queue",
			fmt.Sprintf("there is no queue %.40q: expected alerts or notices", name))
	case p.office.Letters == nil:
		return "", notHere("dead letters")
	}
	return name, nil
}

func (p *person) letter(queue string, l deadletter.Letter) wire.DeadLetter {
	r := deadletter.Read(p.office.Tenant, queue, l)
	return wire.DeadLetter{
		Number:      l.Number,
		ID:          l.ID,
		SentAt:      l.SentAt,
		Deliveries:  l.Deliveries,
		Bytes:       len(l.Body),
		ContentType: l.ContentType,
		Reason:      l.Reason,
		Description: l.Description,
		Deferred:    l.Deferred,
		Readable:    r.Readable,
		What:        r.What,
		Why:         r.Why,
		AlertID:     r.AlertID,
	}
}

// known is what the ledger knows of it, in a sentence. That it cannot be asked is an answer too.
func (p *person) known(ctx context.Context, r deadletter.Reading) string {
	if !r.Readable || p.office.Notices == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, askLedger)
	defer cancel()
	k, err := deadletter.Ask(ctx, p.office.Desk.Runs, p.office.Notices, r)
	if err != nil {
		return "the ledger cannot be read: " + shown(err)
	}
	said := cmp.Or(k.State, "no run")
	if k.RunID != "" {
		said = "run " + k.RunID + " is " + k.State
	}
	if k.Outcome != "" {
		said += ": " + k.Outcome
	}
	if k.Reason != "" {
		said += " (" + k.Reason + ")"
	}
	return said + "; " + k.Replay
}

// Replay implements Desk.
func (p *person) Replay(ctx context.Context, o wire.DeadLetterOrder) (wire.Results, error) {
	return p.take(ctx, desk.VerbReplay, o,
		func(ctx context.Context, queue string, numbers []int64) ([]deadletter.Taken, error) {
			return p.office.Letters.Replay(ctx, queue, numbers, func(l deadletter.Letter) (deadletter.Copy, error) {
				return deadletter.Again(p.office.Tenant, queue, l)
			})
		})
}

// Discard implements Desk.
func (p *person) Discard(ctx context.Context, o wire.DeadLetterOrder) (wire.Results, error) {
	return p.take(ctx, desk.VerbDiscard, o,
		func(ctx context.Context, queue string, numbers []int64) ([]deadletter.Taken, error) {
			return p.office.Letters.Drop(ctx, queue, numbers)
		})
}

// take takes dead letters, all of an order with one call: the broker hands them out in their order only.
func (p *person) take(
	ctx context.Context,
	verb string,
	o wire.DeadLetterOrder,
	take func(ctx context.Context, queue string, numbers []int64) ([]deadletter.Taken, error),
) (wire.Results, error) {
	c, err := p.command(o.Order)
	if err != nil {
		return nothing(err)
	}
	queue, err := p.queue(o.Queue)
	if err != nil {
		return nothing(err)
	}
	numbers := slices.Compact(slices.Sorted(slices.Values(o.Numbers)))
	if len(numbers) == 0 || len(numbers) > objectsMost {
		return nothing(wrong("objects",
			fmt.Sprintf("an order is about 1 to %d dead letters, not %d", objectsMost, len(numbers))))
	}
	t := taking{}
	tasks := make([]desk.Task, len(numbers))
	for i, number := range numbers {
		tasks[i] = desk.Task{
			Object: queue + " " + strconv.FormatInt(number, 10),
			Made:   func() bool { return t.done },
			Do: func(ctx context.Context, _ desk.Command) (desk.Did, error) {
				return t.of(number, func() ([]deadletter.Taken, error) {
					return take(ctx, queue, numbers)
				})
			},
		}
	}
	outcomes, err := p.office.Desk.Carry(ctx, verb, c, tasks)
	return results(c, outcomes), problem(err)
}

// taking is one call about several dead letters, made by the first of them that is done.
type taking struct {
	done  bool
	taken []deadletter.Taken
	err   error
}

func (t *taking) of(number int64, take func() ([]deadletter.Taken, error)) (desk.Did, error) {
	if !t.done {
		t.taken, t.err = take()
		t.done = true
	}
	at := slices.IndexFunc(t.taken, func(one deadletter.Taken) bool {
		return one.Number == number
	})
	switch {
	case at < 0 && t.err != nil:
		return desk.Did{}, t.err
	case at < 0:
		return desk.Did{}, desk.Refusef("there is no dead letter with this number")
	case t.taken[at].Unsure:
		return desk.Did{}, errors.New(t.taken[at].Text)
	case !t.taken[at].Done:
		return desk.Did{}, desk.Refusef("%s", t.taken[at].Text)
	}
	return desk.Did{Text: t.taken[at].Text}, nil
}
