package author

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/hunt"
	"cordon/handler/terminal"
)

func huntCheckCommand(p call.Program) *cobra.Command {
	var strict bool
	c := &cobra.Command{
		Use:   "check [FOLDER]",
		Short: "Check every hunt of a folder",
		Long: "Reads every .kql file and prints each mistake as file:line, the line and the way\n" +
			"out. Without FOLDER it is the one of CORDON_HUNTS. Warns about hunts that look\n" +
			"back for less than the time between two turns. Whether a query itself is right\n" +
			"only Defender knows: cordon hunt run asks it. Needs no settings." +
			call.Exits,
		Example: "  cordon hunt check\n" +
			"  cordon hunt check --strict hunts",
		Args: call.AtMostOne("check takes one folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings := folderOf(p.Getenv)
			if len(args) == 1 {
				settings.Hunts, settings.HuntsNamed = args[0], false
			}
			return checkHunts(cmd.OutOrStdout(), p.Clock(), settings, strict)
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	return c
}

func checkHunts(out io.Writer, now call.Clock, settings config.Config, strict bool) error {
	hunts, err := setup.Hunts(settings)
	if err != nil {
		return err
	}
	if len(hunts.Hunts()) == 0 {
		return fmt.Errorf("there is no .kql file in %s", terminal.Plain(settings.Hunts, call.CellShown))
	}
	rows := [][]string{{"HUNT", "DO", "NEXT TURN", "FILE"}}
	for _, h := range hunts.Hunts() {
		rows = append(rows,
			[]string{h.Name, string(h.Do), now.Stamp(h.Next(now.Now)), h.File})
	}
	err = terminal.Table(out, call.CellShown, rows...)
	warnings := hunts.Warnings()
	if err != nil || len(warnings) == 0 {
		return err
	}
	err = call.Say(out, "\n%d warning(s):\n\n%v", len(warnings),
		&hunt.Error{Problems: warnings})
	if err == nil && strict {
		err = fmt.Errorf("there are %d warning(s), and with --strict there may be none", len(warnings))
	}
	return err
}

// folderOf is the catalogue's folder as the settings say it, whatever else is wrong with them.
func folderOf(getenv func(string) string) config.Config {
	settings, _ := config.Load(getenv) // what is wrong with the others is not asked here
	return settings
}
