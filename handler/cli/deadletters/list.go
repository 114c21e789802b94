package deadletters

import (
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

func (f *flags) list(cmd *cobra.Command, desk operate.Desk) error {
	found, err := desk.DeadLetters(cmd.Context(), f.queue, f.shown)
	if err != nil {
		return err
	}
	slices.Reverse(found.DeadLetters)
	return f.Show(cmd, found, func(w io.Writer) error {
		return printList(w, f.Clock(), found, f.shown)
	})
}

func printList(w io.Writer, now call.Clock, l wire.DeadLetters, limit int) error {
	if len(l.DeadLetters) == 0 {
		return call.Say(w, "queue %s has no dead letters", l.Queue)
	}
	list := terminal.List{
		Heading: []string{"NUMBER", "SENT", "DELIVERIES", "BYTES", "SET ASIDE FOR"},
		Cut:     []int{4},
	}
	for _, d := range l.DeadLetters {
		list.Rows = append(list.Rows, terminal.Entry{
			Cells: []string{
				strconv.FormatInt(d.Number, 10),
				now.Age(d.SentAt),
				strconv.Itoa(d.Deliveries),
				strconv.Itoa(d.Bytes),
				d.Reason,
			},
			Below: []string{reading(d)},
		})
	}
	if err := list.Write(w, call.CellShown*2); err != nil {
		return err
	}
	switch {
	case l.More && limit < mostShown:
		return call.Say(w, "there are newer ones; --limit shows up to %d", mostShown)
	case l.More:
		return call.Say(w, "there are newer ones")
	}
	return nil
}

// reading is what the handler would make of a dead letter now.
func reading(d wire.DeadLetter) string {
	if d.Readable {
		return d.What
	}
	return "unreadable: " + d.Why
}
