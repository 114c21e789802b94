package mails

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// most is how many mails one command is about.
const most = 500

// taking is what is done with mails that have not arrived.
type taking struct {
	verb string // as the command is named
	asks string // begins the question at a terminal, before how many they are
	do   func(ctx context.Context, desk operate.Desk, o wire.MailOrder) (wire.Results, error)
}

func sendCommand(p call.Program) *cobra.Command {
	return command(p, &cobra.Command{
		Use:   "send MAIL...|--all",
		Short: "Have mails sent at once that failed or wait",
		Long: "The app sends them within a minute instead of when they are due; cordon mails\n" +
			"says what became of them. What was sent, or is being sent, is refused: nothing\n" +
			"is sent twice. Asks first on a terminal; elsewhere it wants --yes. With --direct\n" +
			"it needs the settings of the ledger and of the queues." +
			call.Exits,
		Example: "  cordon mails send incident:7:1 --reason 'the mail server is well again'\n" +
			"  cordon mails send --all --yes --reason 'the certificate is renewed'",
	}, taking{
		verb: "send",
		asks: "Send at once",
		do: func(ctx context.Context, desk operate.Desk, o wire.MailOrder) (wire.Results, error) {
			return desk.SendMails(ctx, o)
		},
	})
}

func dropCommand(p call.Program) *cobra.Command {
	return command(p, &cobra.Command{
		Use:   "drop MAIL...|--all",
		Short: "Give mails up that failed: they are not tried any more",
		Long: "For what can never arrive, such as a mail to an address that does not exist any\n" +
			"more. cordon mails --state dropped lists it; it cannot be undone. What was sent,\n" +
			"is being sent, or was not tried yet is refused. Asks first on a terminal;\n" +
			"elsewhere it wants --yes. With --direct it needs the settings of the ledger and\n" +
			"of the queues." +
			call.Exits,
		Example: "  cordon mails drop incident:7:1 --reason 'the address is gone'\n" +
			"  cordon mails drop --all --yes --reason 'told by phone'",
	}, taking{
		verb: "drop",
		asks: "Drop for good",
		do: func(ctx context.Context, desk operate.Desk, o wire.MailOrder) (wire.Results, error) {
			return desk.DropMails(ctx, o)
		},
	})
}

// command completes a command about mails that have not arrived.
func command(p call.Program, c *cobra.Command, t taking) *cobra.Command {
	o, all := &call.Operator{Program: p}, false
	c.Args = func(_ *cobra.Command, args []string) error {
		switch {
		case all && len(args) > 0:
			return call.Usagef("either mails or --all, not both")
		case !all && len(args) == 0:
			return call.Usagef("mails %s wants the mails that cordon mails lists, or --all", t.verb)
		case len(args) > most:
			return call.Usagef("%d mails are too many at once: at most %d", len(args), most)
		}
		return nil
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return take(cmd, o, args, all, t)
	}
	o.WriteFlags(c, "why; it is recorded")
	c.Flags().BoolVar(&all, "all", false, "all that failed, up to 500")
	return c
}

func take(cmd *cobra.Command, o *call.Operator, ids []string, all bool, t taking) error {
	if err := o.Check(cmd, true); err != nil {
		return err
	}
	ctx := cmd.Context()
	desk, done, err := o.Desk(cmd, config.Ledger, config.Queues)
	if err != nil {
		return err
	}
	defer done()
	if all {
		ids, err = failed(cmd, desk)
		if err != nil {
			return err
		}
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if len(ids) == 0 {
		return call.Say(cmd.OutOrStdout(), "no mail has failed")
	}
	if err := o.Confirm(cmd, question(t.asks, ids)); err != nil {
		return err
	}
	results, err := call.Parts(cmd, o, ids, func(order wire.Order, some []string) (wire.Results, error) {
		return t.do(ctx, desk, wire.MailOrder{Order: order, Mails: some})
	})
	return o.Report(cmd, results, err, func(r wire.Result) string {
		return r.Object
	})
}

// failed are the ids of what has failed.
func failed(cmd *cobra.Command, desk operate.Desk) (ids []string, err error) {
	found, err := read(cmd.Context(), desk, []string{"failed"}, most)
	for _, m := range found.Mails {
		ids = append(ids, m.ID)
	}
	return ids, err
}

// question is what the person at the terminal is asked.
func question(asks string, ids []string) string {
	const named = 10
	which := strings.Join(ids[:min(len(ids), named)], " ")
	if len(ids) > named {
		which += fmt.Sprintf(" and %d more", len(ids)-named)
	}
	return fmt.Sprintf("%s %d mail(s): %s?", asks, len(ids), which)
}
