package author

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/cli/cases"
	"cordon/handler/hunt/header"
	"cordon/handler/playbook/read/language"
	"cordon/handler/terminal"
)

// schema is a kind of file that has a schema.
type schema struct {
	name  string
	print func() []byte
}

// schemas are those of all files that people write.
func schemas() []schema {
	return []schema{
		{"playbook", language.Schema},
		{"cases", cases.Schema},
		{"hunt", header.Schema},
	}
}

// Schema makes the command that prints the schema of a playbook, of a file of cases or of the header of a hunt.
func Schema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [playbook|cases|hunt]",
		Short: "Print the JSON Schema of a playbook, of cases or of a hunt",
		Long: "Without a word it is that of a playbook. A schema knows keys, words and bounds.\n" +
			"What is wrong inside a condition or a comment only cordon check finds, what is\n" +
			"wrong in a case cordon test, and in a hunt cordon hunt check. A hunt's is that\n" +
			"of its header as an object. The folder docs/schemas has them all as printed." +
			call.Exits,
		Example: "  cordon schema > playbook.schema.json\n" +
			"  cordon schema cases > cases.schema.json\n" +
			"  # first line of a playbook, for editors with the YAML language server:\n" +
			"  # yaml-language-server: $schema=playbook.schema.json",
		Args: call.AtMostOne("schema takes the name of one schema"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var names []string
			for _, s := range schemas() {
				if len(args) == 0 || args[0] == s.name {
					_, err := cmd.OutOrStdout().Write(s.print())
					return err
				}
				names = append(names, s.name)
			}
			return call.Usage(fmt.Errorf("there is no schema of %s; there are %s",
				terminal.Plain(args[0], 60), strings.Join(names, ", ")))
		},
	}
}
