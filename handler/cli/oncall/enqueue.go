package oncall

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/push"
)

// Enqueue makes the command that has alerts answered.
func Enqueue(getenv func(string) string) *cobra.Command {
	o := &call.Operator{Getenv: getenv}
	c := &cobra.Command{
		Use:   "enqueue ALERT_ID...",
		Short: "Have alerts answered now, by their ids",
		Long: "Puts a message for each alert on the alert queue, as a pushed alert is. The app\n" +
			"reads the alert from Defender and answers it by its playbook, mode and rails; a\n" +
			"version of it that was answered is not answered again. Enqueuing twice is\n" +
			"harmless. Of ids that no poll has recorded 20 an hour are looked up; the polls\n" +
			"find the others, if they exist. Needs the settings of Service Bus and\n" +
			"CORDON_TENANT_ID. Does not ask, for it decides nothing." +
			call.UsualExits(),
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
	o.JSONFlag(c)
	return c
}

func enqueue(cmd *cobra.Command, o *call.Operator, ids []string) error {
	ctx := cmd.Context()
	settings, err := config.LoadFor(o.Getenv, config.Queues, config.Tenant)
	if err != nil {
		return err
	}
	to, done, err := setup.CommandBroker(settings)
	if err != nil {
		return err
	}
	defer done(context.WithoutCancel(ctx))
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	err = push.Enqueue(ctx, to, settings.TenantID, "asked", time.Now().UTC(), ids)
	if err != nil {
		return err
	}
	return o.Show(cmd, map[string]any{"enqueued": ids}, func(out io.Writer) error {
		for _, id := range ids {
			fmt.Fprintln(out, "enqueued", id)
		}
		return call.Say(out, "cordon run --alert ID --observe shows how each was answered")
	})
}
