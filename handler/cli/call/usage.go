package call

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usageError is a command line that is wrong.
type usageError struct{ error }

// Usage makes an error one of the command line.
func Usage(err error) error { return usageError{err} }

// Usagef is what is wrong with a command line.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Name is how people write a command.
func Name(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// NoOperand refuses everything but flags.
func NoOperand(command string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return Usagef("%s takes no %q; see cordon %s --help", command, args[0], command)
		}
		return nil
	}
}

// Exactly wants n operands; complaint begins what is said of another number.
func Exactly(n int, complaint string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return Usagef("%s, not %d", complaint, len(args))
		}
		return nil
	}
}
