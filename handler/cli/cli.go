// Package cli is the command line: what each command is called, and the program that runs without one. The commands are
// in author, for whoever writes playbooks and hunts, and in oncall and deadletters, for whoever looks after the app
// that runs.
package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/app"
	"cordon/handler/cli/author"
	"cordon/handler/cli/call"
	"cordon/handler/cli/deadletters"
	"cordon/handler/cli/oncall"
)

// Process is what the program takes from its process.
type Process struct {
	Version string // of the program
	Args    []string
	Getenv  func(name string) string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
}

// Run is the program: it runs a command line and returns the exit code.
func Run(ctx context.Context, p Process) (code int) {
	served := false
	root := rootCommand(p.Version, p.Getenv, &served)
	root.SetArgs(p.Args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	code = call.Execute(ctx, root, p.Err)
	if served && code == call.ExitDone {
		return call.ExitStopped
	}
	return code
}

func rootCommand(version string, getenv func(string) string, served *bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "cordon",
		Short: "Automatic response for Microsoft Defender for Endpoint",
		Long: "Without a command, cordon serves as the custom handler of an Azure Functions app\n" +
			"on 127.0.0.1:$FUNCTIONS_CUSTOMHANDLER_PORT. Settings are environment variables,\n" +
			"see docs/settings.md.",
		Example: "  cordon check playbook.yaml\n" +
			"  cordon explain --alert da638994417204415533_-1184209733\n" +
			"  cordon test playbooks\n" +
			"  cordon doctor\n" +
			"  cordon deadletter list",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return call.Usagef("unknown command %q; see cordon --help", args[0])
			}
			return nil
		},
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
		RunE: func(cmd *cobra.Command, _ []string) error {
			*served = true
			return app.Serve(cmd.Context(), version, getenv, cmd.OutOrStdout())
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return call.Usage(err)
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		author.Check(getenv), author.Explain(getenv), author.Hunt(getenv), author.Run(getenv), author.Schema(),
		author.Test(),
		deadletters.Command(getenv),
		oncall.Doctor(getenv, version), oncall.Enqueue(getenv), oncall.Held(getenv), oncall.Isolated(getenv),
		oncall.Pause(getenv), oncall.Release(getenv), oncall.Resume(getenv),
	)
	return root
}
