package call

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// partMost is how many things one order is about.
const partMost = 100

// Parts gives an order about many things in parts, each under an id of its own that follows from the first.
func Parts[T any](
	cmd *cobra.Command,
	o *Operator,
	things []T,
	give func(order wire.Order, some []T) (wire.Results, error),
) (all wire.Results, err error) {
	all = wire.Results{
		Command:  o.Command,
		Results:  []wire.Result{},
		Repeated: true,
	}
	for begin := 0; begin < len(things); begin += partMost {
		some := things[begin:min(begin+partMost, len(things))]
		order := o.Order()
		if begin > 0 {
			order.Command += fmt.Sprintf("-%d", begin/partMost+1)
		}
		if len(things) > partMost {
			o.Tell(cmd,
				fmt.Sprintf("%d to %d of %d (command %s)", begin+1, begin+len(some), len(things), order.Command))
		}
		results, err := give(order, some)
		if err != nil {
			return all, err
		}
		all.Results = append(all.Results, results.Results...)
		all.Repeated = all.Repeated && results.Repeated
	}
	return all, nil
}

// Report says what became of each thing that was ordered, named as who says, and how the order ended otherwise. Not to
// have done all is an error.
func (o *Operator) Report(
	cmd *cobra.Command,
	all wire.Results,
	ended error,
	who func(wire.Result) string,
) error {
	if ended != nil && len(all.Results) == 0 {
		return ended
	}
	err := o.Show(cmd, all, func(w io.Writer) error {
		if all.Repeated {
			if err := Say(w, "command %s was given before; this is what became of it", all.Command); err != nil {
				return err
			}
		}
		lines := make([]string, len(all.Results))
		for i, r := range all.Results {
			lines[i] = sentence(who(r), r)
		}
		return terminal.Lines(w, FactShown, lines...)
	})
	if missed := all.Missed(); err == nil && missed > 0 {
		err = fmt.Errorf("%d of %d were not done (command %s)", missed, len(all.Results), all.Command)
	}
	return cmp.Or(ended, err)
}

// sentence says what became of one thing.
func sentence(who string, r wire.Result) string {
	state := ""
	switch {
	case r.Unknown:
		state = "NOT KNOWN, "
	case !r.Done:
		state = "NOT DONE, "
	}
	return fmt.Sprintf("%s: %s%s", who, state, cmp.Or(r.Outcome, "done"))
}

// Named names things as people know them, with ids as short as they can be told apart.
func Named(results []wire.Result) func(wire.Result) string {
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.Object
	}
	short := Short(ids)
	return func(r wire.Result) string {
		if r.Name == "" || r.Name == r.Object {
			return r.Object
		}
		return fmt.Sprintf("%s (%s)", r.Name, short(r.Object))
	}
}
