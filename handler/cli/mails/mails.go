// Package mails is the command of the mails that tell people: it lists those that were sent, wait or have failed, and
// has some sent at once.
package mails

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// How many mails are listed, and how many at a time the API gives.
const (
	listUsual = 50
	listMost  = 5000
	listPage  = 200
)

// states are what becomes of mails, what a person has to see first.
func states() []string { return []string{"failed", "waiting", "sent"} }

// Command makes the command of mails.
func Command(p call.Program) *cobra.Command {
	o, state, limit := &call.Operator{Program: p}, "", 0
	c := &cobra.Command{
		Use:   "mails",
		Short: "List mails that failed, wait or were sent, and send some again",
		Long: "Which mails told people of what, and what became of them. Of a mail that failed\n" +
			"it says how often it was tried, what it failed of last, and when it is tried\n" +
			"again; that is never given up. Those that failed come first, then those that\n" +
			"wait, then those that were sent, newest first. WHEN is how long ago a mail was\n" +
			"sent, or when it is sent. Changes nothing." +
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
			case state != "" && !slices.Contains(asked, state):
				return call.Usagef("--state %s is none of mails: expected failed, waiting or sent",
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
	c.Flags().StringVar(&state, "state", "", "only these: failed, waiting or sent (default: all)")
	c.Flags().IntVar(&limit, "limit", listUsual, "at most so many, 1 to 5000")
	c.AddCommand(sendCommand(p))
	return c
}

func list(cmd *cobra.Command, o *call.Operator, asked []string, limit int) error {
	desk, done, err := o.Desk(cmd, config.Ledger)
	if err != nil {
		return err
	}
	defer done()
	all, err := read(cmd.Context(), desk, asked, limit)
	if err != nil {
		return err
	}
	return o.Show(cmd, all, func(w io.Writer) error {
		return printMails(w, o.Clock(), all, asked)
	})
}

// listed are mails of several states.
type listed struct {
	Mails []wire.Mail `json:"mails"`
	More  bool        `json:"more,omitzero"` // there are more than were asked for
}

// read reads mails of some states, one after the other.
func read(ctx context.Context, desk operate.Desk, asked []string, limit int) (listed, error) {
	all := listed{Mails: []wire.Mail{}}
	known := map[string]bool{}
	for _, state := range asked {
		for after, more := "", true; more; more = after != "" {
			page, err := desk.Mails(ctx, wire.MailsAsked{
				State: state,
				Limit: min(limit+1-len(all.Mails), listPage),
				After: after,
			})
			if err != nil {
				return all, err
			}
			for _, m := range page.Mails {
				// One that was sent while the lists were read is in two of them.
				if !known[m.ID] {
					all.Mails = append(all.Mails, m)
				}
				known[m.ID] = true
			}
			if len(all.Mails) > limit {
				return listed{Mails: all.Mails[:limit], More: true}, nil
			}
			after = page.Next
		}
	}
	return all, nil
}

func printMails(w io.Writer, now call.Clock, all listed, asked []string) error {
	if len(all.Mails) == 0 {
		return call.Say(w, "no mail: %s", strings.Join(asked, ", "))
	}
	list := terminal.List{Heading: []string{"STATE", "WHEN", "MAIL"}, Cut: []int{2}}
	for _, m := range all.Mails {
		list.Rows = append(list.Rows, terminal.Entry{
			Cells: []string{m.State, when(now, m), m.ID},
			Below: below(now, m),
		})
	}
	if err := list.Write(w, call.FactShown); err != nil {
		return err
	}
	if all.More {
		return call.Say(w, "there are more; --limit shows up to %d", listMost)
	}
	return nil
}

func when(now call.Clock, m wire.Mail) string {
	switch {
	case !m.Sent.IsZero():
		return now.Age(m.Sent) + " ago"
	case m.Sending:
		return "now"
	case !m.Due.After(now.Now):
		return "soon"
	}
	return now.Age(m.Due)
}

// below is what is said of a mail: what it is about, who gets it, and what it failed of.
func below(now call.Clock, m wire.Mail) []string {
	lines := []string{m.About}
	if len(m.To) > 0 {
		lines = append(lines, "to: "+strings.Join(m.To, ", "))
	}
	if len(m.Left) > 0 {
		lines = append(lines, "still to get it: "+strings.Join(m.Left, ", "))
	}
	if m.Tries == 0 || m.State == "sent" {
		return lines
	}
	tried := fmt.Sprintf("failed %d times", m.Tries)
	if m.Tries == 1 {
		tried = "failed once"
	}
	if !m.Tried.IsZero() {
		tried += ", " + now.Age(m.Tried) + " ago"
	}
	if m.Why != "" {
		tried += ": " + m.Why
	}
	return append(lines, tried)
}
