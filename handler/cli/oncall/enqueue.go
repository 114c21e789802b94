package oncall

import (
	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate/wire"
	"cordon/handler/push"
)

// Enqueue makes the command that has alerts answered.
func Enqueue(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "enqueue ALERT...",
		Short: "Have alerts answered now, by their ids",
		Long: "Puts a message for each alert on the alert queue, as a pushed alert is. The app\n" +
			"reads the alert from Defender and answers it by its playbook, mode and rails; a\n" +
			"version of it that was answered is not answered again. Enqueuing twice is\n" +
			"harmless. Of ids that no poll has recorded 20 an hour are looked up; the polls\n" +
			"find the others, if they exist. Does not ask, for it decides nothing. cordon run\n" +
			"shows how each was answered." +
			call.Exits,
		Example: "  cordon enqueue da638994417204415533_-1184209733\n" +
			"  cordon enqueue --json da638994417204415533_-1184209733 da638994417248137806_-1184209733",
		Args: func(_ *cobra.Command, ids []string) error {
			if len(ids) == 0 {
				return call.Usagef("enqueue wants the ids of alerts; see cordon enqueue --help")
			}
			for _, id := range ids {
				if err := push.CheckID(id); err != nil {
					return call.Usagef("alert id %w", err) // it quotes the id
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, ids []string) error {
			return enqueue(cmd, o, ids)
		},
	}
	o.WriteFlags(c, "why; it is recorded")
	return c
}

func enqueue(cmd *cobra.Command, o *call.Operator, ids []string) error {
	o.Yes = true
	if err := o.Check(cmd, false); err != nil {
		return err
	}
	desk, done, err := o.Desk(cmd, config.Ledger, config.Queues)
	if err != nil {
		return err
	}
	defer done()
	results, err := call.Parts(cmd, o, ids, func(order wire.Order, some []string) (wire.Results, error) {
		return desk.Enqueue(
			cmd.Context(),
			wire.EnqueueOrder{Order: order, Alerts: some},
		)
	})
	return o.Report(cmd, results, err, call.Named(results.Results))
}
