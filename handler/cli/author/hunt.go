package author

import (
	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
)

// Hunt makes the command of hunting queries.
func Hunt(p call.Program) *cobra.Command {
	group := &cobra.Command{
		Use:   "hunt",
		Short: "Check, run and list hunting queries",
		Long: "Hunts are files hunts/*.kql: a query with a header that says when it runs and\n" +
			"what becomes of its rows. docs/hunting.md has the header. RunHunts runs them on\n" +
			"their schedule; these commands only look: check in a folder, list and run at the\n" +
			"app, or here with --direct.",
		Example: "  cordon hunt check\n" +
			"  cordon hunt run remote-access-tools --since 7d --csv > rows.csv\n" +
			"  cordon hunt list",
	}
	return call.Group(group, "check, run or list",
		huntCheckCommand(p), huntListCommand(p), huntRunCommand(p))
}
