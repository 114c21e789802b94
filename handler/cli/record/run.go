package record

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// ShowRun makes the command that shows one run as the record has it.
func ShowRun(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "show RUN|ALERT",
		Short: "Show how a version of an alert was answered, and why",
		Long: "As the record has it: the facts as they were, every rule, clause, value and\n" +
			"rail; the steps with the machine actions and what became of them; what people\n" +
			"were told and did; the other versions of the alert; where the portal shows it;\n" +
			"and what today's playbook makes of the facts of then. Of an alert it is the\n" +
			"newest version. cordon runs lists the ids. Facts are kept for\n" +
			"CORDON_FACTS_RETENTION; --json has all of them. Changes nothing." +
			call.Exits,
		Example: "  cordon run show da638994417204415533_-1184209733\n" +
			"  cordon run show da638994417204415533_-1184209733:v2 --json | jq .plan.rails\n" +
			"  cordon run show da638994417204415533_-1184209733 --json | jq .decided.facts",
		Args: call.Exactly(1, "run show takes one run or alert"),
		RunE: func(cmd *cobra.Command, args []string) error {
			read := func(ctx context.Context, desk operate.Desk) (wire.Run, error) {
				return desk.Run(ctx, args[0])
			}
			return call.Ask(cmd, o, read, func(w io.Writer, r wire.Run) error {
				return PrintRun(w, o.Clock(), r)
			}, config.Ledger)
		},
	}
	o.ReadFlags(c)
	return c
}
