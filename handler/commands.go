package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"cordon/handler/playbook"
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
		Example:       "  cordon check playbook.yaml\n  cordon deadletter list",
		Args:          noArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
		RunE:          func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), getenv, stdout) },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(checkCommand(getenv), deadLetterCommand(getenv))
	return root
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown command %q; see cordon --help", args[0])}
	}
	return nil
}

func checkCommand(getenv func(string) string) *cobra.Command {
	return &cobra.Command{
		Use:   "check [playbook]",
		Short: "Check a playbook: every problem with file, line, column and the way out",
		Long: "Reads the playbook (CORDON_PLAYBOOK or playbook.yaml if none is named) as the handler does at start.\n" +
			"Exit code 0: the handler would start with it. 1: it would refuse it. 2: the command line is wrong.",
		Example: "  cordon check\n  cordon check playbooks/workstations.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("check takes one playbook, not %d", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path := getenv("CORDON_PLAYBOOK")
			if path == "" {
				path = "playbook.yaml"
			}
			if len(args) == 1 {
				path = args[0]
			}
			book, err := loadBook(path)
			if err != nil {
				return err
			}
			caps := book.Limits().Isolate
			fmt.Fprintf(cmd.OutOrStdout(), "%s is valid: mode %s, %d rule(s), at most %d isolations an hour and %d a day\n",
				path, book.Mode(), len(book.Rules()), caps.PerHour, caps.PerDay)
			for i, name := range book.Rules() {
				fmt.Fprintf(cmd.OutOrStdout(), "  %d. %s\n", i+1, name)
			}
			return nil
		},
	}
}

func loadBook(path string) (*playbook.Book, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the playbook can not be read: %w; name one with CORDON_PLAYBOOK", err)
	}
	return playbook.Load(path, source)
}
