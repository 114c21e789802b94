package deadletters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"cordon/handler/cli/call"
	"cordon/handler/queue"
	"cordon/handler/terminal"
)

// way is what is done with dead letters that are taken.
type way struct {
	verb, done string // "replay", "replayed"
	forGood    string // what the question adds
	goal       queue.Fate
	// refuse says why a dead letter is not to be taken; empty: it is.
	refuse func(*box, queue.DeadLetter) string
	act    func(context.Context, *box, []int64) ([]queue.Taken, error)
}

func replaying() way {
	return way{
		verb: "replay",
		done: "replayed",
		goal: queue.Replayed,
		refuse: func(x *box, d queue.DeadLetter) string {
			return x.read(d).Why
		},
		act: func(ctx context.Context, x *box, numbers []int64) ([]queue.Taken, error) {
			return x.bus.ReplayDeadLetters(ctx, x.name, numbers, x.again)
		},
	}
}

func dropping() way {
	return way{
		verb:    "drop",
		done:    "dropped",
		forGood: " for good",
		goal:    queue.Dropped,
		refuse:  func(*box, queue.DeadLetter) string { return "" },
		act: func(ctx context.Context, x *box, numbers []int64) ([]queue.Taken, error) {
			return x.bus.DropDeadLetters(ctx, x.name, numbers)
		},
	}
}

// again is the copy of a dead letter that can be read now. Its body is sent as it is: snapshots in it are believed for
// their digest only.
func (x *box) again(d queue.DeadLetter) (queue.Message, error) {
	r := x.read(d)
	if !r.Readable {
		return queue.Message{}, errors.New(r.Why)
	}
	return queue.Message{
		ID:          r.CopyID(),
		Body:        d.Body,
		ContentType: d.ContentType,
		Subject:     d.Subject,
	}, nil
}

// fate is one line of what replay and drop did.
type fate struct {
	Number int64      `json:"number"`
	Fate   queue.Fate `json:"fate"`
	CopyID string     `json:"copyId,omitempty"`
	Why    string     `json:"why,omitempty"`
}

// fates is the JSON of replay and drop.
type fates struct {
	Queue   string `json:"queue"`
	Results []fate `json:"results"`
	More    bool   `json:"more"` // --all left others behind the limit
}

func (x *box) take(w way, numbers []int64) error {
	ctx := x.cmd.Context()
	found, more, err := x.candidates(ctx, numbers)
	if err != nil {
		return err
	}
	if x.all {
		numbers = nil
		for _, d := range found {
			numbers = append(numbers, d.Number)
		}
	}
	said := map[int64]fate{}
	chosen := x.choose(w, numbers, found, said)
	failure := x.act(ctx, w, chosen, said)
	if len(said) < len(numbers) {
		return failure // before anything was done
	}
	list := fates{
		Queue:   x.name,
		Results: []fate{},
		More:    more && x.all,
	}
	for _, n := range numbers {
		list.Results = append(list.Results, said[n])
	}
	return errors.Join(x.report(w, list), failure)
}

// candidates are the dead letters that are asked for, by number or all.
func (x *box) candidates(ctx context.Context, numbers []int64) (found []queue.DeadLetter, more bool, err error) {
	if x.all {
		return x.bus.DeadLetters(ctx, x.name, x.limit)
	}
	there, err := x.bus.DeadLettersAt(ctx, x.name, numbers...)
	for _, d := range there {
		found = append(found, d)
	}
	return found, false, err
}

// choose says which numbers are to be taken, and notes what is said of the others.
func (x *box) choose(w way, numbers []int64, found []queue.DeadLetter, said map[int64]fate) []int64 {
	var chosen []int64
	for _, n := range numbers {
		i := slices.IndexFunc(found, func(d queue.DeadLetter) bool {
			return d.Number == n
		})
		if i < 0 {
			said[n] = fate{
				Number: n,
				Fate:   queue.Gone,
				Why:    "there is no dead letter with this number",
			}
			continue
		}
		why := w.refuse(x, found[i])
		if why != "" {
			said[n] = fate{
				Number: n,
				Fate:   queue.Refused,
				Why:    why,
			}
			continue
		}
		chosen = append(chosen, n)
	}
	return chosen
}

// act asks, then takes those that are chosen and notes what became of each: of all of them, or of none if it failed
// before.
func (x *box) act(ctx context.Context, w way, chosen []int64, said map[int64]fate) error {
	if len(chosen) == 0 {
		return nil
	}
	err := x.Confirm(x.cmd, x.question(w, chosen))
	if err != nil {
		return err
	}
	taken, err := w.act(ctx, x, chosen)
	for _, t := range taken {
		said[t.Number] = fate{t.Number, t.Fate, t.CopyID, t.Reason}
	}
	return err
}

// question is what the person at the terminal is asked.
func (x *box) question(w way, chosen []int64) string {
	which := make([]string, 0, len(chosen))
	for _, n := range chosen {
		which = append(which, strconv.FormatInt(n, 10))
	}
	if len(which) > 10 {
		which = []string{which[0], "…", which[len(which)-1]}
	}
	verb := strings.ToUpper(w.verb[:1]) + w.verb[1:]
	return fmt.Sprintf("%s %d dead letter(s) of queue %s%s: %s?",
		verb, len(chosen), x.name, w.forGood, strings.Join(which, " "))
}

// report prints what became of each. Not to have reached the goal with all is an error.
func (x *box) report(w way, list fates) error {
	missed := 0
	rows := [][]string{{"NUMBER", "RESULT", "WHY"}}
	for _, v := range list.Results {
		if v.Fate != w.goal {
			missed++
		}
		rows = append(rows, []string{strconv.FormatInt(v.Number, 10), string(v.Fate), v.Why})
	}
	err := x.print(rows, list)
	if err == nil && missed > 0 {
		err = fmt.Errorf("%d of %d dead letter(s) were not %s", missed, len(list.Results), w.done)
	}
	return err
}

func (x *box) print(rows [][]string, list fates) error {
	return x.Show(x.cmd, list, func(out io.Writer) error {
		if len(list.Results) == 0 {
			return call.Say(out, "queue %s has no dead letters", x.name)
		}
		err := terminal.Table(out, call.FactShown, rows...)
		if err != nil {
			return err
		}
		if list.More {
			return call.Say(out, "there are more: run it again")
		}
		return nil
	})
}
