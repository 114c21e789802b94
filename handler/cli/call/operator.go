package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/ledger"
	"cordon/handler/terminal"
)

// Operator is the person at a command: who it is, why something is wanted, and whether to ask back.
type Operator struct {
	By, Reason string
	Yes        bool // do not ask
	JSON       bool // print JSON, for programs
	Getenv     func(string) string
}

// How much is kept of a reason and of a name, in characters: what fits into the comment of a machine action.
const (
	reasonShown = 500
	nameShown   = 100
)

// JSONFlag adds --json.
func (o *Operator) JSONFlag(c *cobra.Command) {
	c.Flags().BoolVar(&o.JSON, "json", false, "print JSON, for programs")
}

// WriteFlags adds the flags of a command that changes something; reason says what becomes of --reason.
func (o *Operator) WriteFlags(c *cobra.Command, reason string) {
	c.Flags().StringVar(&o.Reason, "reason", "", reason)
	c.Flags().StringVar(&o.By, "by", "", "who says so (default: the user of this computer)")
	o.YesFlag(c)
	o.JSONFlag(c)
}

// YesFlag adds --yes.
func (o *Operator) YesFlag(c *cobra.Command) {
	c.Flags().BoolVar(&o.Yes, "yes", false, "do not ask")
}

// Check completes who and why, and refuses a call that would have to ask where nobody can answer.
func (o *Operator) Check(cmd *cobra.Command, wantsReason bool) error {
	o.Reason, o.By = terminal.Plain(o.Reason, reasonShown), terminal.Plain(o.By, nameShown)
	if o.By == "" {
		o.By = thisUser()
	}
	switch {
	case wantsReason && o.Reason == "":
		return Usagef("%s wants --reason: it is recorded, and others read it", Name(cmd))
	case !o.Yes && !terminal.IsTerminal(cmd.InOrStdin()):
		return Usagef("%s changes something: it asks on a terminal, and elsewhere it wants --yes", Name(cmd))
	}
	return nil
}

func thisUser() string {
	name, host := "somebody", "a computer without a name"
	u, err := user.Current()
	if err == nil && u.Username != "" {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// Confirm asks the person at the terminal, unless --yes was given. A no is an error.
func (o *Operator) Confirm(cmd *cobra.Command, question string) error {
	if o.Yes {
		return nil
	}
	agreed, err := terminal.Confirm(
		cmd.Context(),
		cmd.InOrStdin(),
		cmd.ErrOrStderr(),
		question,
	)
	if err == nil && !agreed {
		err = errors.New("nothing was done")
	}
	return err
}

// Show prints JSON for programs, or what print writes for people.
func (o *Operator) Show(cmd *cobra.Command, v any, print func(io.Writer) error) error {
	if o.JSON {
		return terminal.JSON(cmd.OutOrStdout(), v)
	}
	return print(cmd.OutOrStdout())
}

// Ledger opens the ledger for a command, which needs some settings besides its own.
func (o *Operator) Ledger(ctx context.Context, needs ...config.Need) (config.Config, *ledger.Store, error) {
	settings, err := config.LoadFor(o.Getenv, append(needs, config.Ledger)...)
	if err != nil {
		return settings, nil, err
	}
	store, err := setup.CommandLedger(ctx, settings)
	return settings, store, err
}

// Reach opens the API and the ledger.
func (o *Operator) Reach(
	ctx context.Context, needs ...config.Need,
) (config.Config, *ledger.Store, *setup.API, error) {
	settings, store, err := o.Ledger(ctx, append(needs, config.Defender)...)
	if err != nil {
		return settings, nil, nil, err
	}
	api, err := setup.CommandAPI(settings, store.Runs)
	return settings, store, api, err
}

// Say writes a line.
func Say(out io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(out, format+"\n", args...)
	return err
}

// How much of what strangers wrote is printed, in characters.
const (
	CellShown = 100
	FactShown = 600
)

// Stamp writes a time; nothing for none.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
