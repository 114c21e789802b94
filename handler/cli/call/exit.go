// Package call is what all commands share: exit codes, what is said of a wrong command line, who is asking and whether
// that person has to be asked back, and how an answer is shown.
package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/terminal"
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
	var b strings.Builder
	_ = terminal.Pairs(&b, FactShown, // a builder takes everything
		[]string{fmt.Sprintf("  %d", ExitDone), done},
		[]string{fmt.Sprintf("  %d", ExitFailed), failed},
		[]string{fmt.Sprintf("  %d", ExitUsage), "the command line is wrong"},
		[]string{fmt.Sprintf("  %d", ExitStopped), "ended by a signal"})
	return "\n\nExit codes:\n" + strings.TrimSuffix(b.String(), "\n")
}

// UsualExits is Exits for most commands that change something.
func UsualExits() string {
	return Exits("done, or it was so before", "it failed or was refused; the reason is said")
}

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
