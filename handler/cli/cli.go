// Package cli is the command line: what each command is called, and the program that runs without one. The commands are
// in author, trial and backtest, for whoever writes playbooks and hunts, in oncall, deadletters, record and inspect, for
// whoever looks after the app that runs, and in access, which signs a person in there.
package cli

import (
	"context"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app"
	"cordon/handler/cli/access"
	"cordon/handler/cli/author"
	"cordon/handler/cli/backtest"
	"cordon/handler/cli/call"
	"cordon/handler/cli/deadletters"
	"cordon/handler/cli/inspect"
	"cordon/handler/cli/mails"
	"cordon/handler/cli/oncall"
	"cordon/handler/cli/record"
	"cordon/handler/cli/transfer"
	"cordon/handler/cli/trial"
)

// Process is what the program takes from its process.
type Process struct {
	Version string // of the program
	Args    []string
	Getenv  func(name string) string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Now     func() time.Time // by which ages are told; nil: time.Now
}

// Run is the program: it runs a command line and returns the exit code.
func Run(ctx context.Context, p Process) (code int) {
	served := false
	program := call.Program{
		Version: p.Version,
		Getenv:  p.Getenv,
		Now:     p.Now,
	}
	root := rootCommand(program, &served)
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

func rootCommand(p call.Program, served *bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "cordon",
		Short: "Automatic response for Microsoft Defender for Endpoint",
		Long: "Without a command, cordon serves as the custom handler of an Azure Functions app\n" +
			"on 127.0.0.1:$FUNCTIONS_CUSTOMHANDLER_PORT. Settings are environment variables,\n" +
			"see docs/settings.md.",
		Example: "  cordon check playbook.yaml\n" +
			"  cordon test playbooks\n" +
			"  cordon login --app https://cordon-prod.azurewebsites.net\n" +
			"  cordon isolated\n" +
			"  cordon release ws-0147 --reason reimaged\n" +
			"  cordon help exit-codes",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return call.Unknown(cmd, args[0])
			}
			return nil
		},
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       p.Version,
		RunE: func(cmd *cobra.Command, _ []string) error {
			*served = true
			return app.Serve(cmd.Context(), p.Version, p.Getenv, cmd.OutOrStdout())
		},
	}
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return call.Usage(err)
	})
	root.AddCommand(
		trial.Case(p), author.Check(p.Getenv), author.Explain(p.Getenv), author.Hunt(p), runCommand(p),
		author.Schema(), trial.Test(p),
		access.Login(p), access.Logout(p), access.WhoAmI(p),
		backtest.Command(p),
		deadletters.Command(p),
		inspect.Doctor(p), inspect.Health(p), inspect.Playbook(p),
		oncall.Cancel(p), oncall.Enqueue(p), oncall.Held(p), oncall.Isolated(p),
		transfer.Export(p), transfer.Import(p),
		record.Erase(p), record.Journal(p), record.Machines(p), record.Overview(p), record.Runs(p),
		mails.Command(p), oncall.Machine(p), oncall.Pause(p), oncall.Release(p), oncall.Resume(p),
		call.ExitTopic(), versionCommand(p.Version),
	)
	return root
}

// runCommand has what decides about an alert now, and what shows how it was decided then.
func runCommand(p call.Program) *cobra.Command {
	c := author.Run(p)
	c.AddCommand(record.ShowRun(p))
	return c
}

func versionCommand(version string) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  cordon version",
		Long:    "Prints one line; cordon whoami has the version of the app." + call.Exits,
		Args:    call.NoOperand("version"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return call.Say(cmd.OutOrStdout(), "cordon %s, %s, %s/%s", version, runtime.Version(), runtime.GOOS,
				runtime.GOARCH)
		},
	}
}
