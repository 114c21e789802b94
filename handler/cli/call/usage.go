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
func Usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// Name is how people write a command.
func Name(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// Group makes a command that only has commands of its own; which names them for whoever calls it without one.
func Group(group *cobra.Command, which string, commands ...*cobra.Command) *cobra.Command {
	group.AddCommand(commands...)
	group.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return Usagef("%s wants %s; see cordon %s --help", group.Use, which, group.Use)
		}
		return Usagef("%s has no command %q; see cordon %s --help", group.Use, args[0], group.Use)
	}
	group.RunE = func(*cobra.Command, []string) error { return nil } // Args refuses every call
	return group
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
	return between(n, n, complaint)
}

// AtMostOne wants one operand or none; complaint begins what is said of another number.
func AtMostOne(complaint string) cobra.PositionalArgs {
	return between(0, 1, complaint)
}

func between(least, most int, complaint string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return Usagef("%s, not %d", complaint, len(args))
		}
		return nil
	}
}
