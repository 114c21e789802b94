// Package record has the commands that read the record: how an alert was answered, and what people did by hand.
//
// Neighbours: handler/cli/oncall changes what it tells of.
package record

import (
	"cmp"
	"context"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// How many entries of the journal are shown, and how many at a time the API gives.
const (
	journalUsual = 50
	journalMost  = 5000
	journalPage  = 200
)

// Journal makes the command that lists what people did.
func Journal(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	var asked wire.JournalAsked
	c := &cobra.Command{
		Use:   "journal",
		Short: "List what people did by hand, newest first",
		Long: "Who did what, why, and what became of it. Every order of a person is written\n" +
			"down before it is carried out. STATE is done, refused, failed, unknown, or\n" +
			"begun: then it is still under way, or it is not yet known how it ended.\n" +
			"--command shows what became of one order, by its id. Changes nothing." +
			call.Exits,
		Example: "  cordon journal\n" +
			"  cordon journal --command q3mzk2vyt5xw6a7b\n" +
			"  cordon journal --limit 500 --json | jq '.entries[] | select(.by == \"alice@contoso.com\")'",
		Args: call.NoOperand("journal"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asked.Limit < 1 || asked.Limit > journalMost {
				return call.Usagef("--limit %d is out of bounds: expected 1 to %d", asked.Limit, journalMost)
			}
			return showJournal(cmd, o, asked)
		},
	}
	o.ReadFlags(c)
	c.Flags().IntVar(&asked.Limit, "limit", journalUsual, "at most so many, 1 to 5000")
	c.Flags().StringVar(&asked.Command, "command", "", "only what became of this order: its id")
	return c
}

func showJournal(cmd *cobra.Command, o *call.Operator, asked wire.JournalAsked) error {
	read := func(ctx context.Context, desk operate.Desk) (wire.Journal, error) {
		return readJournal(ctx, desk, asked)
	}
	return call.Ask(cmd, o, read, func(w io.Writer, all wire.Journal) error {
		switch {
		case len(all.Entries) == 0 && asked.Command != "":
			return call.Say(w, "order %s was written down, and nothing of it was begun", asked.Command)
		case len(all.Entries) == 0:
			return call.Say(w, "nobody did anything by hand")
		}
		if err := PrintJournal(w, o.Clock(), all.Entries); err != nil {
			return err
		}
		if all.Next != "" {
			return call.Say(w, "there are more; --limit shows up to %d", journalMost)
		}
		return nil
	}, config.Ledger)
}

func readJournal(ctx context.Context, desk operate.Desk, asked wire.JournalAsked) (all wire.Journal, err error) {
	all.Entries = []wire.Entry{}
	limit := asked.Limit
	for {
		asked.Limit = min(limit-len(all.Entries), journalPage)
		asked.After = all.Next
		page, err := desk.Journal(ctx, asked)
		if err != nil {
			return all, err
		}
		all.Entries = append(all.Entries, page.Entries...)
		all.Next = page.Next
		if page.Next == "" || len(all.Entries) >= limit {
			return all, nil
		}
	}
}

// PrintJournal prints what people did, one order a paragraph.
func PrintJournal(w io.Writer, now call.Clock, entries []wire.Entry) error {
	list := terminal.List{
		Heading: []string{"SINCE", "BY", "DID", "TO", "STATE"},
		Cut:     []int{1, 3},
	}
	for _, e := range entries {
		row := terminal.Entry{
			Cells: []string{
				now.Age(e.At),
				e.By,
				e.Verb,
				cmp.Or(e.Name, e.Object),
				e.State,
			},
		}
		for _, line := range []struct{ name, text string }{{"why: ", e.Reason}, {"result: ", e.Result}} {
			if line.text != "" {
				row.Below = append(row.Below, line.name+line.text)
			}
		}
		list.Rows = append(list.Rows, row)
	}
	return list.Write(w, call.FactShown)
}
