// Package call is what all commands share: exit codes, what is said of a wrong command line, who is asking and whether
// that person has to be asked back, and how an answer is shown.
package call

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/operate/wire"
)

// Exit codes. The Functions host does not start a handler again that ended with 0, so serving never ends with it.
const (
	ExitDone    = 0
	ExitFailed  = 1   // settings, playbook or command refused; the reason is on stderr
	ExitUsage   = 2   // the command line is wrong
	ExitStopped = 130 // ended by a signal
)

// Exits ends the help of a command.
const Exits = "\n\nExit codes: 0 done, 1 failed or refused, 2 wrong command line, 130 ended by a\n" +
	"signal. See cordon help exit-codes."

// ExitTopic is the help about exit codes.
func ExitTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes of all commands mean",
		Long: "0    Done, or it was so before. explain and run: decided, whatever the plan is.\n" +
			"     backtest: compared, whatever differs. check: the handler would start with\n" +
			"     it. test: every plan is as wanted. doctor and health: nothing failed.\n" +
			"1    Failed or refused, or not all that was asked for was done; standard error\n" +
			"     says what, and the way out. test: a plan is not as wanted. doctor and\n" +
			"     health: something failed. If it is not known whether a command was done,\n" +
			"     its id is told: with --command-id it can be given again and is done once.\n" +
			"2    The command line is wrong; nothing was tried.\n" +
			"130  Ended by a signal, such as Ctrl-C.",
	}
}

// Execute runs a command line and says how it ended, on stderr if it failed.
func Execute(ctx context.Context, root *cobra.Command, stderr io.Writer) (code int) {
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitDone
	}
	fmt.Fprintf(stderr, "cordon: %v\n", err)
	var wrong usageError
	var answer *wire.Problem
	switch {
	case errors.As(err, &wrong):
		return ExitUsage
	case ctx.Err() != nil &&
		(errors.Is(err, context.Canceled) || errors.As(err, &answer)):
		return ExitStopped
	}
	return ExitFailed
}
