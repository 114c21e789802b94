package oncall

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// Pause makes the command that stops all acting.
func Pause(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "pause --reason TEXT",
		Short: "Stop all acting, at once and on every instance",
		Long: "From the next step on nothing is done to a machine or an alert: what a rule\n" +
			"wants is held, told and listed by cordon held list. What is under way goes on\n" +
			"and is followed, alerts are still answered and mails sent. It stays so until\n" +
			"cordon resume. What a person asks for by cordon release is done all the same.\n" +
			"The operators are told. Asks first on a terminal; elsewhere it wants --yes." +
			call.Exits,
		Example: "  cordon pause --reason 'the CMDB import is wrong'\n" +
			"  cordon pause --reason maintenance --yes --json",
		Args: call.NoOperand("pause"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return setPause(cmd, o, true)
		},
	}
	o.WriteFlags(c, "why; it is recorded, shown in Health and told with everything that is held")
	return c
}

// Resume makes the command that ends a pause.
func Resume(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "resume [--reason TEXT]",
		Short: "Let acting go on after a pause",
		Long: "What was held meanwhile stays held: see cordon held list, and continue with what\n" +
			"is still wanted. The operators are told. Asks first on a terminal; elsewhere it\n" +
			"wants --yes." +
			call.Exits,
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
	desk, done, err := o.Desk(cmd, config.Ledger)
	if err != nil {
		return err
	}
	defer done()
	is, err := desk.Pause(cmd.Context())
	if err != nil {
		return err
	}
	if is.Paused == pause {
		return showPause(cmd, o, paused{PauseResult: wire.PauseResult{Pause: is}})
	}
	question := "Pause all acting?"
	if !pause {
		question = fmt.Sprintf("Acting is paused: %s. Resume?", why(o.Clock(), is))
	}
	if err := o.Confirm(cmd, question); err != nil {
		return err
	}
	result, err := desk.SetPause(
		cmd.Context(),
		pause,
		wire.PauseOrder{Order: o.Order()},
	)
	if err != nil {
		return err
	}
	return showPause(cmd, o, paused{
		PauseResult: result,
		Command:     o.Command,
	})
}

// paused is the JSON of pause and resume.
type paused struct {
	wire.PauseResult
	Command string `json:"command,omitempty"` // empty: nothing was ordered
}

// why says who paused acting and why.
func why(now call.Clock, p wire.Pause) string {
	return terminal.Plain(fmt.Sprintf("%s, by %s since %s", p.Reason, p.By, now.Stamp(p.At)), call.FactShown)
}

func showPause(cmd *cobra.Command, o *call.Operator, is paused) error {
	text := "acting is not paused"
	switch {
	case is.Paused && is.Changed:
		text = "acting is paused: " + why(o.Clock(), is.Pause)
	case is.Paused:
		text = "acting was paused before: " + why(o.Clock(), is.Pause)
	case is.Changed:
		text = "acting goes on; see cordon held list for what was held"
	}
	return o.Show(cmd, is, func(w io.Writer) error {
		return call.Say(w, "%s", text)
	})
}

// sayPause says above a list that acting is paused; nothing if it is not.
func sayPause(w io.Writer, now call.Clock, p wire.Pause) error {
	if !p.Paused {
		return nil
	}
	return terminal.Lines(w, call.FactShown,
		"acting is paused: "+p.Reason+", by "+p.By+" since "+now.Stamp(p.At)+"; see cordon resume")
}
