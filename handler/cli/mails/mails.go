// Package mails is the command of the mails that tell people: it lists those that were sent, wait or have failed, has
// some sent at once, and gives up what can never arrive.
package mails

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/terminal"
)

// How many mails are listed, and how many at a time the API gives.
const (
	listUsual = 50
	listMost  = 5000
	listPage  = 200
)

// states are what becomes of mails, what a person has to see first. Dropped ones are listed only where they are asked
// for.
func states() []string { return []string{"failed", "waiting", "sent"} }

const dropped = "dropped"

// Command makes the command of mails.
func Command(p call.Program) *cobra.Command {
	o, state, limit := &call.Operator{Program: p}, "", 0
	c := &cobra.Command{
		Use:   "mails",
		Short: "List mails that failed, wait or were sent; send some, drop some",
		Long: "Which mails told people of what, and what became of them. Of a mail that failed\n" +
			"it says how often it was tried, what it failed of last, and when it is tried\n" +
			"again; that is never given up, unless somebody drops it. Those that failed come\n" +
			"first, then those that wait, then those that were sent, newest first. WHEN is\n" +
			"how long ago a mail was sent or dropped, or when it is sent. Changes nothing." +
			call.Exits,
		Example: "  cordon mails --state failed\n" +
			"  cordon mails --limit 500 --json | jq '.mails[] | select(.tries > 3) | .id'\n" +
			"  cordon mails send incident:7:1 --reason 'the mail server is well again'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return call.Unknown(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			asked := states()
			switch {
			case state != "" && state != dropped && !slices.Contains(asked, state):
				return call.Usagef("--state %s is none of mails: expected failed, waiting, sent or dropped",
					terminal.Plain(state, 40))
			case limit < 1 || limit > listMost:
				return call.Usagef("--limit %d is out of bounds: expected 1 to %d", limit, listMost)
			case state != "":
				asked = []string{state}
			}
			return list(cmd, o, asked, limit)
		},
	}
	o.ReadFlags(c)
	c.Flags().StringVar(&state, "state", "", "only these: failed, waiting, sent or dropped (default: all but dropped)")
	c.Flags().IntVar(&limit, "limit", listUsual, "at most so many, 1 to 5000")
	c.AddCommand(sendCommand(p), dropCommand(p))
	return c
}

func list(cmd *cobra.Command, o *call.Operator, asked []string, limit int) error {
	reading := func(ctx context.Context, desk operate.Desk) (listed, error) {
		return read(ctx, desk, asked, limit)
	}
	return call.Ask(cmd, o, reading, func(w io.Writer, all listed) error {
		return printMails(w, o.Clock(), all, asked)
	}, config.Ledger)
}
