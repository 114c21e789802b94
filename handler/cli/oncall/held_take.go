package oncall

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// heldWay is what is done with what is held.
type heldWay struct {
	verb      string // as the question begins
	continues bool   // what is held goes on; else it is dropped
	needs     []config.Need
	order     func(context.Context, operate.Desk, wire.HeldOrder) (wire.Results, error)
}

func continuing() heldWay {
	return heldWay{
		verb:      "Continue with",
		continues: true,
		needs:     []config.Need{config.Ledger, config.Defender, config.Queues},
		order: func(ctx context.Context, d operate.Desk, o wire.HeldOrder) (wire.Results, error) {
			return d.Continue(ctx, o)
		},
	}
}

func droppingHeld() heldWay {
	return heldWay{
		verb:  "Drop",
		needs: []config.Need{config.Ledger},
		order: func(ctx context.Context, d operate.Desk, o wire.HeldOrder) (wire.Results, error) {
			return d.Drop(ctx, o)
		},
	}
}

// takeHeld does something with each that is asked for, and says what became of each.
func takeHeld(
	cmd *cobra.Command,
	o *call.Operator,
	ids []string,
	all bool,
	w heldWay,
) error {
	if err := o.Check(cmd, true); err != nil {
		return err
	}
	ctx := cmd.Context()
	desk, done, err := o.Desk(cmd, w.needs...)
	if err != nil {
		return err
	}
	defer done()
	held, err := desk.Held(ctx)
	if err != nil {
		return err
	}
	chosen, err := chooseHeld(held.Held, ids, all, w)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		return o.Show(cmd, wire.Results{Results: []wire.Result{}}, func(w io.Writer) error {
			return call.Say(w, "nothing is held that could be taken")
		})
	}
	err = o.Confirm(cmd,
		fmt.Sprintf("%s\n%s %d?", shownOf(held.Held, chosen), w.verb, len(chosen)))
	if err != nil {
		return err
	}
	results, err := call.Parts(cmd, o, chosen, func(order wire.Order, some []string) (wire.Results, error) {
		return w.order(ctx, desk, wire.HeldOrder{Order: order, Alerts: some})
	})
	return o.Report(cmd, results, err, call.Named(results.Results))
}

// chooseHeld finds the alerts that are asked for, by id or the beginning of one that is listed; of all, what can be
// continued.
func chooseHeld(
	held []wire.HeldEntry,
	ids []string,
	all bool,
	w heldWay,
) (chosen []string, err error) {
	if all {
		for _, h := range held {
			if h.Over == "" || !w.continues {
				chosen = append(chosen, h.AlertID)
			}
		}
	}
	for _, typed := range ids {
		id, found, err := call.Meant(typed, alertIDs(held))
		if err != nil {
			return nil, err
		}
		if !found {
			id = typed // the answer says that nothing is held of it
		}
		chosen = append(chosen, id)
	}
	slices.Sort(chosen)
	return slices.Compact(chosen), nil
}

// shownOf says what is asked about, a line a machine.
func shownOf(held []wire.HeldEntry, chosen []string) string {
	var lines []string
	for _, id := range chosen[:min(len(chosen), 10)] {
		// Of an alert with several versions the newest counts, which the list has first.
		at := slices.IndexFunc(held, func(h wire.HeldEntry) bool {
			return h.AlertID == id
		})
		if at < 0 {
			lines = append(lines, terminal.Plain("  nothing that is held of "+id, call.FactShown))
			continue
		}
		var steps []string
		for _, step := range held[at].Steps {
			steps = append(steps, step.Step)
		}
		// Whoever agrees has to see what is passed over.
		lines = append(lines, terminal.Plain("  "+strings.Join(steps, ", ")+" on "+
			cmp.Or(held[at].MachineName, held[at].MachineID)+"; held because: "+held[at].Reason, call.FactShown))
	}
	if len(chosen) > len(lines) {
		lines = append(lines, fmt.Sprintf("  and %d more", len(chosen)-len(lines)))
	}
	return strings.Join(lines, "\n")
}

func alertIDs(all []wire.HeldEntry) (ids []string) {
	for _, h := range all {
		ids = append(ids, h.AlertID)
	}
	return ids
}
