package record

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// erasing is one call of erase.
type erasing struct {
	call.Operator
	machine, user string
}

// Erase makes the command that erases facts for a person's right.
func Erase(p call.Program) *cobra.Command {
	x := &erasing{Operator: call.Operator{Program: p}}
	c := &cobra.Command{
		Use:   "erase --machine MACHINE|--user TEXT --reason TEXT",
		Short: "Erase what runs were decided on, of a machine or a person",
		Long: "Takes the facts out of the record: the alert with its evidence, the machine, the\n" +
			"values that rules saw. --user takes any text that facts may have, such as a\n" +
			"name, an address or a SID, in whatever letter case, and erases the whole facts\n" +
			"of every run that has it; give one order for each. That a run was, its rule,\n" +
			"outcome and machine id stay, and so do mails, notices and the journal, for\n" +
			"CORDON_RETENTION. Runs that are not over keep their facts: the command says how\n" +
			"many, and is given again once they are. The journal keeps a digest of the text,\n" +
			"not the text. It cannot be undone. Asks first on a terminal; elsewhere it wants\n" +
			"--yes." +
			call.Exits,
		Example: "  cordon erase --user alice@contoso.com --reason 'request 17'\n" +
			"  cordon erase --machine ws-0147 --reason 'device of a person who left' --yes",
		Args: call.NoOperand("erase"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (x.machine == "") == (x.user == "") {
				return call.Usagef("erase wants either --machine or --user")
			}
			return x.run(cmd)
		},
	}
	x.WriteFlags(c, "why, such as the number of the request")
	c.Flags().StringVar(&x.machine, "machine", "", "facts of runs about this machine: its id or name")
	c.Flags().StringVar(&x.user, "user", "", "facts that have this text; 3 characters at least")
	return c
}

func (x *erasing) run(cmd *cobra.Command) error {
	if err := x.Check(cmd, true); err != nil {
		return err
	}
	desk, done, err := x.Desk(cmd, config.Ledger)
	if err != nil {
		return err
	}
	defer done()
	o := wire.EraseOrder{Order: x.Order(), User: x.user}
	about := fmt.Sprintf("that have %q", terminal.Plain(x.user, call.CellShown))
	if x.machine != "" {
		o.Machine, err = machineOf(cmd, desk, x.machine)
		if err != nil {
			return err
		}
		about = "of machine " + terminal.Plain(x.machine, call.CellShown) + " (" + o.Machine + ")"
	}
	err = x.Confirm(cmd, "Erase the facts "+about+"? It cannot be undone.")
	if err != nil {
		return err
	}
	return x.all(cmd, desk, o)
}

// all gives orders until everything was looked at, each under an id that follows from the first.
func (x *erasing) all(cmd *cobra.Command, desk operate.Desk, o wire.EraseOrder) error {
	total := wire.Erased{Command: o.Command, Done: true}
	first := o.Command
	for part := 1; ; part++ {
		if part > 1 {
			o.Command = fmt.Sprintf("%s-%d", first, part)
		}
		is, err := desk.Erase(cmd.Context(), o)
		switch {
		case err != nil:
			return fmt.Errorf("%s%w", before(total), err)
		case is.Repeated:
			continue // it ended before it could say how far it came: the next goes on at the same place
		case !is.Done:
			return fmt.Errorf("%s%s (command %s)", before(total), is.Outcome, is.Command)
		}
		total.Erased += is.Erased
		total.Looked += is.Looked
		total.Open += is.Open
		if o.After = is.Next; is.Next == "" {
			return x.tell(cmd, total)
		}
		x.Tell(cmd, fmt.Sprintf("looked at %d, erased %d; going on", total.Looked, total.Erased))
	}
}

// before is what was done before something failed.
func before(total wire.Erased) string {
	if total.Erased == 0 {
		return ""
	}
	return fmt.Sprintf("%d runs were erased, and then: ", total.Erased)
}

func (x *erasing) tell(cmd *cobra.Command, total wire.Erased) error {
	total.Outcome = fmt.Sprintf("erased the facts of %d runs, of %d that were looked at", total.Erased, total.Looked)
	return x.Show(cmd, total, func(w io.Writer) error {
		if err := call.Say(w, "%s", total.Outcome); err != nil || total.Open == 0 {
			return err
		}
		return call.Say(w, "%d are not over and keep theirs: give the order again when they are", total.Open)
	})
}

// machineOf is the id of a machine. A name is looked up in the record, where machines are that Defender forgot.
func machineOf(cmd *cobra.Command, desk operate.Desk, which string) (string, error) {
	page, err := desk.Runs(cmd.Context(), wire.RunsAsked{Machine: which, Limit: runsPage})
	if err != nil {
		return "", err
	}
	id := ""
	named := terminal.Plain(which, call.CellShown)
	for _, r := range page.Runs {
		if id != "" && r.MachineID != id {
			return "", call.Usagef("%s is the name of several machines in the record; give the id of one, as cordon runs "+
				"--machine %s --json shows them", named, named)
		}
		id = r.MachineID
	}
	if id == "" {
		return "", fmt.Errorf("the record has no run of machine %s", named)
	}
	return id, nil
}
