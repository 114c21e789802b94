package call

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/playbook/spelling"
	"cordon/handler/terminal"
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
		return Unknown(group, args[0])
	}
	group.RunE = func(*cobra.Command, []string) error { return nil } // Args refuses every call
	return group
}

// Unknown is what is said of a command that does not exist, with those that it may have been meant for.
func Unknown(group *cobra.Command, typed string) error {
	said := "there is no command " + terminal.Plain(Name(group)+" "+typed, 100)
	if group == group.Root() {
		said = fmt.Sprintf("unknown command %q", terminal.Plain(typed, 60))
	}
	group.SuggestionsMinimumDistance = 2
	near := group.SuggestionsFor(typed)
	if best := spelling.Nearest(typed, near); len(best) > 0 {
		near = best[:1]
	}
	if len(near) == 0 {
		return Usagef("%s; see %s --help", said, group.CommandPath())
	}
	return Usagef("%s; did you mean %s? See %s --help", said,
		strings.Join(near, " or "),
		group.CommandPath())
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
