package inspect

import (
	"errors"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/terminal"
)

// Health makes the command that shows whether all that should happen does.
func Health(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "health",
		Short: "Show what the app says of its own health, as JSON",
		Long: "The same report that /api/health gives; docs/troubleshooting.md says what each\n" +
			"part means. Only the app knows it: there is no --direct." +
			call.Exits,
		Example: "  cordon health\n" +
			"  cordon health --app prod | jq .reasons",
		Args: call.NoOperand("health"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			desk, done, err := o.Desk(cmd)
			if err != nil {
				return err
			}
			defer done()
			report, err := desk.Health(cmd.Context())
			if err == nil {
				err = terminal.JSON(cmd.OutOrStdout(), report)
			}
			if err == nil && !report.OK {
				err = errors.New("the app is unwell; docs/troubleshooting.md says what to do")
			}
			return err
		},
	}
	o.AppFlag(c)
	return c
}
