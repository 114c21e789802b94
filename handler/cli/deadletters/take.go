package deadletters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// way is what is done with dead letters that are taken.
type way struct {
	verb    string // as the question begins
	forGood string // what the question adds
	reads   bool   // only what can be read is taken
	order   func(context.Context, operate.Desk, wire.DeadLetterOrder) (wire.Results, error)
}

func replaying() way {
	return way{
		verb:  "Replay",
		reads: true,
		order: func(ctx context.Context, d operate.Desk, o wire.DeadLetterOrder) (wire.Results, error) {
			return d.Replay(ctx, o)
		},
	}
}

func dropping() way {
	return way{
		verb:    "Drop",
		forGood: " for good",
		order: func(ctx context.Context, d operate.Desk, o wire.DeadLetterOrder) (wire.Results, error) {
			return d.Discard(ctx, o)
		},
	}
}

// order asks, gives the order and says what became of each.
func (f *flags) order(cmd *cobra.Command, desk operate.Desk, numbers []int64, w way) error {
	ctx := cmd.Context()
	there, err := desk.DeadLetters(ctx, f.queue, f.limit)
	if err != nil {
		return err
	}
	if f.all {
		numbers = nil
		for _, d := range there.DeadLetters {
			numbers = append(numbers, d.Number)
		}
	}
	if len(numbers) == 0 {
		return call.Say(cmd.OutOrStdout(), "queue %s has no dead letters", f.queue)
	}
	if wanted := takeable(there.DeadLetters, numbers, w); len(wanted) > 0 {
		if err := f.Confirm(cmd, w.question(f.queue, wanted)); err != nil {
			return err
		}
	}
	results, err := call.Parts(cmd, &f.Operator, numbers, func(o wire.Order, some []int64) (wire.Results, error) {
		return w.order(ctx, desk, wire.DeadLetterOrder{
			Order:   o,
			Queue:   f.queue,
			Numbers: some,
		})
	})
	err = f.Report(cmd, results, err, func(r wire.Result) string {
		return "dead letter " + strings.TrimPrefix(r.Object, f.queue+" ")
	})
	switch {
	case !there.More || !f.all:
	case f.JSON:
		f.Tell(cmd, "there are more: run it again")
	default:
		err = errors.Join(err, call.Say(cmd.OutOrStdout(), "there are more: run it again"))
	}
	return err
}

// takeable leaves out what will be refused, for about that nobody has to be asked.
func takeable(there []wire.DeadLetter, numbers []int64, w way) (wanted []int64) {
	for _, n := range numbers {
		at := slices.IndexFunc(there, func(d wire.DeadLetter) bool {
			return d.Number == n
		})
		if at < 0 || there[at].Readable || !w.reads {
			wanted = append(wanted, n)
		}
	}
	return wanted
}

// question is what the person at the terminal is asked.
func (w way) question(queue string, chosen []int64) string {
	which := make([]string, 0, len(chosen))
	for _, n := range chosen {
		which = append(which, strconv.FormatInt(n, 10))
	}
	if len(which) > 10 {
		which = []string{which[0], "…", which[len(which)-1]}
	}
	return fmt.Sprintf("%s %d dead letter(s) of queue %s%s: %s?",
		w.verb, len(chosen), queue, w.forGood, strings.Join(which, " "))
}
