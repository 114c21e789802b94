package author

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/alert"
	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/cli/facts"
	"cordon/handler/config"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/respond"
	"cordon/handler/terminal"
)

// observing is one call of run.
type observing struct {
	call.Operator
	alert   string
	observe bool
}

// Run makes the command that decides about an alert and does nothing.
func Run(p call.Program) *cobra.Command {
	x := &observing{Operator: call.Operator{Program: p}}
	c := &cobra.Command{
		Use:   "run --alert ID --observe [playbook]",
		Short: "Decide about an alert as the handler would now, and do nothing",
		Long: "Reads the alert, its machine and what the playbook's rules ask for besides from\n" +
			"the API, and from the ledger whether acting is paused, which other alerts there\n" +
			"are, how the alert was answered before and what is under way on the machine. It\n" +
			"shows the plan as observe mode makes it. Nothing is asked of Defender, recorded\n" +
			"or mailed. Whether a cap has room is only known when a step is carried out.\n\n" +
			"--observe is required: this command never acts. cordon enqueue has an alert\n" +
			"answered. Needs the settings of the ledger and of the app registration or\n" +
			"managed identity." +
			call.Exits,
		Example: "  cordon run --alert da638994417204415533_-1184209733 --observe\n" +
			"  cordon run --alert da638994417204415533_-1184209733 --observe --json " +
			"playbooks/graduated.yaml | jq .underWay",
		Args: call.AtMostOne("run takes one playbook"),
		RunE: x.run,
	}
	c.Flags().StringVar(&x.alert, "alert", "", "id of the alert")
	c.Flags().BoolVar(&x.observe, "observe", false, "decide and show; there is no other way to run here")
	x.JSONFlag(c)
	return c
}

// observed is the JSON of run.
type observed struct {
	explained
	Paused   string     `json:"paused,omitempty"` // who and why; empty: acting is not paused
	Before   []answered `json:"before,omitempty"` // how the versions of the alert were answered, oldest first
	UnderWay []owned    `json:"underWay,omitempty"`
}

// answered is a run of the alert.
type answered struct {
	Run     string `json:"run"`
	State   string `json:"state"`
	Outcome string `json:"outcome,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// owned is a latch that a wanted step would meet.
type owned struct {
	Step   string    `json:"step"`
	State  string    `json:"state"`
	Action string    `json:"action,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Run    string    `json:"run,omitempty"`
}

func (x *observing) run(cmd *cobra.Command, args []string) error {
	switch {
	case !x.observe:
		return call.Usagef("run wants --observe: it decides and shows, and never acts; " +
			"cordon enqueue has an alert answered")
	case alert.CheckID(x.alert) != nil:
		return call.Usagef("run wants --alert with the id of an alert, not %q", x.alert)
	}
	path := playbookPath(x.Getenv, args)
	book, err := setup.Book(path)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	settings, store, api, err := x.Reach(ctx, config.Deciding)
	if err != nil {
		return err
	}
	in := playbook.Input{
		Now:        time.Now(),
		Ceiling:    playbook.Observe,
		StaleAfter: settings.StaleAfter,
	}
	err = facts.FromAPI(ctx, &in, api, x.alert, book.Needs(), settings.IsolationLift)
	if err != nil {
		return err
	}
	found := observed{explained: explained{
		Playbook: path,
		AlertID:  in.Alert.ID,
		Machine:  in.Alert.MachineID,
	}}
	err = found.read(ctx, store, book, &in)
	if err != nil {
		return err
	}
	return x.Show(cmd, found, func(out io.Writer) error {
		return found.print(out)
	})
}

// read decides with what the ledger knows.
func (f *observed) read(
	ctx context.Context,
	store *ledger.Store,
	book *playbook.Book,
	in *playbook.Input,
) error {
	pause, err := store.Switches.Pause(ctx)
	if err != nil {
		return err
	}
	if pause.Paused {
		f.Paused = pause.Why()
		in.Paused = true
		in.PauseReason = pause.Why()
	}
	err = respond.CountNeighbours(ctx, store.Neighbours, book, in)
	if err != nil {
		return err
	}
	record, err := store.Runs.Alert(ctx, in.Alert.ID)
	if err != nil {
		return err
	}
	for _, run := range record.Runs {
		f.Before = append(f.Before, answered{
			Run:     run.ID(),
			State:   string(run.State),
			Outcome: run.Outcome,
			Reason:  run.Reason,
		})
	}
	f.Plan = book.Decide(*in)
	for _, step := range f.Plan.Steps {
		spec, isAction := machine.SpecOf(step.Kind.Action())
		if !isAction || in.Machine == nil {
			continue
		}
		l, err := store.Latches.Of(ctx, in.Machine.ID, spec.LatchOf(step.Scope))
		if err != nil {
			return err
		}
		if l.State.Open() {
			f.UnderWay = append(f.UnderWay, owned{
				Step:   step.String(),
				State:  string(l.State),
				Action: l.ActionID,
				Since:  l.ActionAt,
				Run:    l.RunID,
			})
		}
	}
	return nil
}

func (f *observed) print(out io.Writer) error {
	plain := func(s string) string {
		return terminal.Plain(s, call.CellShown)
	}
	paused := "acting is not paused"
	if f.Paused != "" {
		paused = "acting is paused: " + f.Paused
	}
	fmt.Fprintf(out, "alert %s\n%s\nledger:\n  %s\n",
		plain(f.AlertID),
		explain.Plan(f.Plan),
		plain(paused))
	for _, run := range f.Before {
		fmt.Fprintf(out, "  run %s: %s\n",
			plain(run.Run),
			plain(cmp.Or(run.Outcome, run.State)+": "+run.Reason))
	}
	if len(f.Before) == 0 {
		fmt.Fprintln(out, "  the alert was never answered")
	}
	for _, o := range f.UnderWay {
		fmt.Fprintf(out, "  %s is %s: action %s, run %s\n", o.Step, o.State,
			plain(o.Action),
			plain(o.Run))
	}
	_, err := fmt.Fprintln(out, "\nNothing was done, recorded or mailed.")
	return err
}
