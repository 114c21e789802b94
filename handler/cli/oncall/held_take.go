package oncall

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/desk"
	"cordon/handler/ledger"
	"cordon/handler/terminal"
)

// heldWay is what is done with what is held.
type heldWay struct {
	verb      string // as the question begins
	continues bool   // what is held goes on; else it is dropped
}

func continuing() heldWay {
	return heldWay{verb: "Continue with", continues: true}
}

func droppingHeld() heldWay { return heldWay{verb: "Drop"} }

// heldResult is one line of what run and drop did.
type heldResult struct {
	AlertID string `json:"alertId"`
	Done    bool   `json:"done"`
	Why     string `json:"why,omitempty"`
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
	d, done, err := openDesk(ctx, o, w)
	if err != nil {
		return err
	}
	defer done(ctx)
	states, err := d.List(ctx)
	if err != nil {
		return err
	}
	chosen, results := chooseHeld(states, ids, all, w)
	if len(chosen) > 0 {
		err := o.Confirm(cmd, fmt.Sprintf("%s\n%s %d?", shownOf(chosen), w.verb, len(chosen)))
		if err != nil {
			return err
		}
	}
	act := d.Drop
	if w.continues {
		act = d.Continue
	}
	for _, s := range chosen {
		r := heldResult{AlertID: s.AlertID, Done: true}
		err := act(ctx, s.Entry, desk.Says(o.By, o.Reason))
		if err != nil {
			r.Done, r.Why = false, err.Error()
		}
		results = append(results, r)
	}
	return reportHeld(cmd, o, results)
}

// openDesk opens what a command needs: the ledger, and for what is continued the API and the queue.
func openDesk(
	ctx context.Context,
	o *call.Operator,
	w heldWay,
) (*desk.Desk, func(context.Context), error) {
	if !w.continues {
		_, store, err := o.Ledger(ctx)
		if err != nil {
			return nil, nil, err
		}
		return deskOver(store), func(context.Context) {}, nil
	}
	settings, store, api, err := o.Reach(ctx, config.Queues)
	if err != nil {
		return nil, nil, err
	}
	to, done, err := setup.CommandBroker(settings)
	d := deskOver(store)
	d.API, d.Queue = api, to
	return d, done, err
}

// deskOver is the desk over a ledger, without API and queue.
func deskOver(store *ledger.Store) *desk.Desk {
	return &desk.Desk{
		Runs:     store.Runs,
		Latches:  store.Latches,
		Held:     store.Held,
		Findings: store.Findings,
		Switches: store.Switches,
		Now:      time.Now,
	}
}

// chooseHeld finds what is asked for. Of an alert with several versions the newest counts; of all, what can be
// continued.
func chooseHeld(
	states []desk.HeldState,
	ids []string,
	all bool,
	w heldWay,
) (chosen []desk.HeldState, missing []heldResult) {
	if all {
		for _, s := range states {
			if s.Over == "" || !w.continues {
				chosen = append(chosen, s)
			}
		}
		return chosen, []heldResult{}
	}
	missing = []heldResult{}
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		best := -1
		for j, s := range states {
			if s.AlertID == id && (best < 0 || s.Version > states[best].Version) {
				best = j
			}
		}
		if best < 0 {
			missing = append(missing,
				heldResult{AlertID: id, Why: "nothing is held of this alert; see cordon held list"})
			continue
		}
		chosen = append(chosen, states[best])
	}
	return chosen, missing
}

// shownOf says what is asked about, a line a machine.
func shownOf(states []desk.HeldState) string {
	var lines []string
	for _, s := range states[:min(len(states), 10)] {
		var steps []string
		for _, step := range s.Wanted() {
			steps = append(steps, step.Step)
		}
		lines = append(lines,
			terminal.Plain("  "+strings.Join(steps, ", ")+" on "+cmp.Or(s.MachineName, s.MachineID), call.FactShown))
	}
	if len(states) > len(lines) {
		lines = append(lines, fmt.Sprintf("  and %d more", len(states)-len(lines)))
	}
	return strings.Join(lines, "\n")
}

// reportHeld prints what became of each. Not to have done all is an error.
func reportHeld(cmd *cobra.Command, o *call.Operator, results []heldResult) error {
	missed := 0
	rows := [][]string{{"ALERT", "RESULT", "WHY"}}
	for _, r := range results {
		said := "done"
		if !r.Done {
			said = "not done"
			missed++
		}
		rows = append(rows, []string{r.AlertID, said, r.Why})
	}
	err := o.Show(cmd, map[string]any{"results": results}, func(w io.Writer) error {
		if len(results) == 0 {
			return call.Say(w, "nothing is held that could be taken")
		}
		return terminal.Table(w, call.FactShown, rows...)
	})
	if err == nil && missed > 0 {
		err = fmt.Errorf("%d of %d were not done", missed, len(results))
	}
	return err
}
