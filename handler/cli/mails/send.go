package mails

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// sentMost is how many mails one command has sent.
const sentMost = 500

func sendCommand(p call.Program) *cobra.Command {
	o, all := &call.Operator{Program: p}, false
	c := &cobra.Command{
		Use:   "send MAIL...|--all",
		Short: "Have mails sent at once that failed or wait",
		Long: "The app sends them within a minute instead of when they are due; cordon mails\n" +
			"says what became of them. What was sent, or is being sent, is refused: nothing\n" +
			"is sent twice. Asks first on a terminal; elsewhere it wants --yes. With --direct\n" +
			"it needs the settings of the ledger and of the queues." +
			call.Exits,
		Example: "  cordon mails send incident:7:1 --reason 'the mail server is well again'\n" +
			"  cordon mails send --all --yes --reason 'the certificate is renewed'",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case all && len(args) > 0:
				return call.Usagef("either mails or --all, not both")
			case !all && len(args) == 0:
				return call.Usagef("mails send wants the mails that cordon mails lists, or --all")
			case len(args) > sentMost:
				return call.Usagef("%d mails are too many at once: at most %d", len(args), sentMost)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return send(cmd, o, args, all)
		},
	}
	o.WriteFlags(c, "why; it is recorded")
	c.Flags().BoolVar(&all, "all", false, "all that failed, up to 500")
	return c
}

func send(cmd *cobra.Command, o *call.Operator, ids []string, all bool) error {
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
	if err := o.Confirm(cmd, question(ids)); err != nil {
		return err
	}
	results, err := call.Parts(cmd, o, ids, func(order wire.Order, some []string) (wire.Results, error) {
		return desk.SendMails(ctx, wire.MailOrder{Order: order, Mails: some})
	})
	return o.Report(cmd, results, err, func(r wire.Result) string {
		return r.Object
	})
}

// failed are the ids of what has failed.
func failed(cmd *cobra.Command, desk operate.Desk) (ids []string, err error) {
	found, err := read(cmd.Context(), desk, []string{"failed"}, sentMost)
	for _, m := range found.Mails {
		ids = append(ids, m.ID)
	}
	return ids, err
}

// question is what the person at the terminal is asked.
func question(ids []string) string {
	const named = 10
	which := strings.Join(ids[:min(len(ids), named)], " ")
	if len(ids) > named {
		which += fmt.Sprintf(" and %d more", len(ids)-named)
	}
	return fmt.Sprintf("Send %d mail(s) at once: %s?", len(ids), which)
}
