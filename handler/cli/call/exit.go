// Package call is what all commands share: exit codes, what is said of a wrong command line, who is asking and whether
// that person has to be asked back, and how an answer is shown.
package call

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Exit codes. The Functions host does not start a handler again that ended with 0, so serving never ends with it.
const (
	ExitDone    = 0
	ExitFailed  = 1   // settings, playbook or command refused; the reason is on stderr
	ExitUsage   = 2   // the command line is wrong
	ExitStopped = 130 // ended by a signal
)

// Exits ends the help of a command: what its exit codes mean. done and failed say what 0 and 1 mean for this command.
func Exits(done, failed string) string {
	return fmt.Sprintf("\n\nExit codes:\n  %-3d  %s\n  %-3d  %s\n  %-3d  the command line is wrong\n  %-3d  ended by a signal",
		ExitDone, done, ExitFailed, failed, ExitUsage, ExitStopped)
}

// What the exit codes of most commands mean.
const (
	Done   = "done, or it was so before"
	Failed = "it failed or was refused; the reason is said"
)

// Execute runs a command line and says how it ended, on stderr if it failed.
func Execute(ctx context.Context, root *cobra.Command, stderr io.Writer) (code int) {
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitDone
	}
	fmt.Fprintf(stderr, "cordon: %v\n", err)
	var wrong usageError
	switch {
	case errors.As(err, &wrong):
		return ExitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return ExitStopped
	}
	return ExitFailed
}
