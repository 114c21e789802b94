package call

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/session"
	"cordon/handler/config"
	"cordon/handler/ledger"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// Program is what commands know of the program that runs.
type Program struct {
	Version string
	Getenv  func(string) string
	Now     func() time.Time // nil: that of this computer
}

// Operator is the person at a command: at which app, who it is, why something is wanted, and whether to ask back.
type Operator struct {
	Program
	App        string // name or address; empty: the default one
	Direct     bool   // round the app
	By, Reason string
	Command    string // id of what is ordered
	Yes        bool   // do not ask
	JSON       bool   // print JSON, for programs
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

// AppFlag adds --app.
func (o *Operator) AppFlag(c *cobra.Command) {
	c.Flags().StringVar(&o.App, "app", "",
		"which app: its name or address (default: CORDON_APP, or the one that was signed in at first)")
}

// ReadFlags adds the flags of a command that shows something of an app.
func (o *Operator) ReadFlags(c *cobra.Command) {
	o.AppFlag(c)
	o.DirectFlags(c)
}

// DirectFlags adds the flags of a command that only goes round the app.
func (o *Operator) DirectFlags(c *cobra.Command) {
	c.Flags().BoolVar(&o.Direct, "direct", false, "go round the app, with its settings in the environment")
	o.JSONFlag(c)
}

// WriteFlags adds the flags of a command that changes something; reason says what becomes of --reason.
func (o *Operator) WriteFlags(c *cobra.Command, reason string) {
	o.ReadFlags(c)
	c.Flags().StringVar(&o.Reason, "reason", "", reason)
	c.Flags().StringVar(&o.By, "by", "", "with --direct: who says so (default: the user of this computer)")
	c.Flags().StringVar(&o.Command, "command-id", "",
		"the id of an order whose answer got lost: given again, it is done once")
	o.YesFlag(c)
}

// YesFlag adds --yes.
func (o *Operator) YesFlag(c *cobra.Command) {
	c.Flags().BoolVar(&o.Yes, "yes", false, "do not ask")
}

// Check completes who, why and the id of the order, and refuses a call that would have to ask where nobody can answer.
func (o *Operator) Check(cmd *cobra.Command, wantsReason bool) error {
	o.Reason, o.By = terminal.Plain(o.Reason, reasonShown), terminal.Plain(o.By, nameShown)
	if o.Command == "" {
		o.Command = strings.ToLower(rand.Text()[:16])
	}
	switch {
	case wantsReason && o.Reason == "":
		return Usagef("%s wants --reason: it is recorded, and others read it", Name(cmd))
	case o.By != "" && !o.Direct:
		return Usagef("--by goes with --direct: through the app the sign-in says who you are")
	case !regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`).MatchString(o.Command):
		return Usagef("--command-id %s is none: expected 8 to 64 letters, digits and dashes",
			terminal.Plain(o.Command, 80))
	case !o.Yes && !terminal.IsTerminal(cmd.InOrStdin()):
		return Usagef("%s changes something: it asks on a terminal, and elsewhere it wants --yes", Name(cmd))
	}
	if o.By == "" {
		o.By = thisUser()
	}
	if o.Reason == "" {
		o.Reason = "no reason was given"
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

// Order is the beginning of what is ordered.
func (o *Operator) Order() wire.Order {
	return wire.Order{
		Command: o.Command,
		Reason:  o.Reason,
	}
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

// Desk is what a command asks: the app, or with --direct what the app has behind it, for which it needs some settings.
// close ends it.
func (o *Operator) Desk(cmd *cobra.Command, needs ...config.Need) (desk operate.Desk, done func(), err error) {
	if o.Direct {
		return o.direct(cmd.Context(), needs)
	}
	keeper, err := o.Keeper(cmd)
	if err != nil {
		return nil, nil, err
	}
	at, err := keeper.Open(o.App)
	if err != nil {
		return nil, nil, err
	}
	return at.Client, func() {}, nil
}

// Keeper has the sign-ins of the person.
func (o *Operator) Keeper(cmd *cobra.Command) (*session.Keeper, error) {
	return session.New(session.Options{
		Getenv:  o.Getenv,
		Version: o.Version,
		Tell:    func(text string) { o.Tell(cmd, text) },
	})
}

// Tell says something to the person that is no answer.
func (o *Operator) Tell(cmd *cobra.Command, text string) {
	fmt.Fprintln(cmd.ErrOrStderr(), text)
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
