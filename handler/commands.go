package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Exit codes. The Functions host does not start a handler again that ended with 0, so serving never ends with it.
const (
	exitDone    = 0
	exitFailed  = 1   // settings, playbook or command refused; the reason is on stderr
	exitUsage   = 2   // the command line is wrong
	exitStopped = 130 // ended by a signal
)

// errStopped ends serving after a signal.
var errStopped = errors.New("stopped by a signal")

// usageError is a command line that is wrong.
type usageError struct{ error }

// run is the program with everything that it takes from the process.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := rootCommand(getenv, stdout)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errStopped):
		return exitStopped
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "cordon: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "cordon: %v\n", err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitStopped
	}
	return exitFailed
}

func rootCommand(getenv func(string) string, stdout io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "cordon",
		Short: "Automatic response for Microsoft Defender for Endpoint",
		Long: "Without a command, cordon serves as the custom handler of an Azure Functions app on\n" +
			"127.0.0.1:$FUNCTIONS_CUSTOMHANDLER_PORT. Settings are environment variables, see README.",
		Example:       "  cordon check playbook.yaml\n  cordon explain --alert da638994417204415533_-1184209733\n  cordon test playbooks\n  cordon doctor\n  cordon deadletter list",
		Args:          noArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
		RunE:          func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), getenv, stdout) },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(checkCommand(getenv), explainCommand(getenv), testCommand(), schemaCommand(), deadLetterCommand(getenv), doctorCommand(getenv),
		runCommand(getenv), enqueueCommand(getenv), pauseCommand(getenv), resumeCommand(getenv), heldCommand(getenv), isolatedCommand(getenv), releaseCommand(getenv), huntCommand(getenv))
	return root
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown command %q; see cordon --help", args[0])}
	}
	return nil
}
