package author

import (
	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
)

// Hunt makes the command of hunting queries.
func Hunt(getenv func(string) string) *cobra.Command {
	group := &cobra.Command{
		Use:   "hunt",
		Short: "Check, run and list hunting queries",
		Long: "Hunts are files hunts/*.kql: a query with a header that says when it runs and\n" +
			"what becomes of its rows. docs/hunting.md has the header. RunHunts runs them on\n" +
			"their schedule; these commands only look.",
		Example: "  cordon hunt check\n" +
			"  cordon hunt run remote-access-tools --since 7d --csv > rows.csv\n" +
			"  cordon hunt list",
	}
	return call.Group(group, "check, run or list",
		huntCheckCommand(getenv), huntListCommand(getenv), huntRunCommand(getenv))
}
