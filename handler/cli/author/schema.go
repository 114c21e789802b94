package author

import (
	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/playbook/read/language"
)

// Schema makes the command that prints the schema of a playbook.
func Schema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a playbook, for editors",
		Long: "The schema knows keys, words and bounds. What is wrong inside a condition or a\n" +
			"comment only cordon check finds." +
			call.Exits,
		Example: "  cordon schema > playbook.schema.json\n" +
			"  # first line of a playbook, for editors with the YAML language server:\n" +
			"  # yaml-language-server: $schema=playbook.schema.json",
		Args: call.Exactly(0, "schema takes no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(language.Schema())
			return err
		},
	}
}
