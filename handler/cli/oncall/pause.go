package oncall

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/ledger/switches"
)

// pauseView is the JSON of pause and resume.
type pauseView struct {
	Paused  bool      `json:"paused"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at"`
	Changed bool      `json:"changed,omitempty"` // false: it was so before
}

// Pause makes the command that stops all acting.
func Pause(getenv func(string) string) *cobra.Command {
	o := &call.Operator{Getenv: getenv}
	c := &cobra.Command{
		Use:   "pause --reason TEXT",
		Short: "Stop all acting, at once and on every instance",
		Long: "From the next step on nothing is done to a machine or an alert: what a rule\n" +
			"wants is held, told and listed by cordon held list. What is under way goes on\n" +
			"and is followed, alerts are still answered and mails sent. It stays so until\n" +
			"cordon resume. What a person asks for by cordon release is done all the same.\n" +
			"Needs the settings of the ledger: AzureWebJobsStorage (or its account) and\n" +
			"CORDON_TENANT_ID. Asks first on a terminal; elsewhere it wants --yes." +
			call.UsualExits(),
		Example: "  cordon pause --reason 'the CMDB import is wrong'\n" +
			"  cordon pause --reason maintenance --by alice --yes --json",
		Args: call.NoOperand("pause"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return setPause(cmd, o, true)
		},
	}
	o.WriteFlags(c, "why; it is recorded, shown in Health and told with everything that is held")
	return c
}

// Resume makes the command that ends a pause.
func Resume(getenv func(string) string) *cobra.Command {
	o := &call.Operator{Getenv: getenv}
	c := &cobra.Command{
		Use:   "resume [--reason TEXT]",
		Short: "Let acting go on after a pause",
		Long: "What was held meanwhile stays held: see cordon held list, and continue with what\n" +
			"is still wanted. Asks first on a terminal; elsewhere it wants --yes." +
			call.UsualExits(),
		Example: "  cordon resume\n" +
			"  cordon resume --reason 'the import is mended' --yes",
		Args: call.NoOperand("resume"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return setPause(cmd, o, false)
		},
	}
	o.WriteFlags(c, "why; it is recorded")
	return c
}

func setPause(cmd *cobra.Command, o *call.Operator, pause bool) error {
	if err := o.Check(cmd, pause); err != nil {
		return err
	}
	ctx := cmd.Context()
	_, store, err := o.Ledger(ctx)
	if err != nil {
		return err
	}
	is, err := store.Switches.Pause(ctx)
	if err != nil {
		return err
	}
	if is.Paused == pause {
		return showPause(cmd, o, is, false)
	}
	question := "Pause all acting?"
	if !pause {
		question = fmt.Sprintf("Acting is paused: %s. Resume?", is.Why())
	}
	if err := o.Confirm(cmd, question); err != nil {
		return err
	}
	_, err = store.Switches.SetPause(ctx, switches.Turn{
		Paused: pause,
		By:     o.By,
		Reason: o.Reason,
		At:     time.Now(),
	})
	if err != nil {
		return err
	}
	is, err = store.Switches.Pause(ctx)
	if err != nil {
		return err
	}
	return showPause(cmd, o, is, true)
}

func showPause(cmd *cobra.Command, o *call.Operator, p switches.Pause, changed bool) error {
	view := pauseView{
		Paused:  p.Paused,
		By:      p.By,
		Reason:  p.Reason,
		At:      p.At,
		Changed: changed,
	}
	text := "acting is not paused"
	switch {
	case p.Paused && changed:
		text = "acting is paused: " + p.Why()
	case p.Paused:
		text = "acting was paused before: " + p.Why()
	case changed:
		text = "acting goes on; see cordon held list for what was held"
	}
	return o.Show(cmd, view, func(w io.Writer) error {
		return call.Say(w, "%s", text)
	})
}
