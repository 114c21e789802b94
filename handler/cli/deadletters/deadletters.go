// Package deadletters is the command of messages that were set aside: it lists and shows them, sends them again and
// drops them. What the handler would make of one is said by package deadletter.
package deadletters

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/deadletter"
	"cordon/handler/operate"
	"cordon/handler/terminal"
)

// flags are the flags of all sub-commands of deadletter.
type flags struct {
	call.Operator
	queue string
	shown int // --limit of list
	limit int // --limit of replay and drop
	all   bool
}

// How many dead letters are looked at, and how many one order is about.
const (
	mostShown = 500
)

// ledgerPatience is how long show waits for the ledger, without which it is still of use.
const ledgerPatience = 20 * time.Second

// Command makes the command of messages that were set aside.
func Command(p call.Program) *cobra.Command {
	f := &flags{Operator: call.Operator{Program: p}}
	group := &cobra.Command{
		Use:   "deadletter",
		Short: "Look at messages that were set aside, send them again or drop them",
		Long: "A message that failed ten deliveries, or that waited for seven days, is set\n" +
			"aside as a dead letter and stays until somebody replays or drops it. With\n" +
			"--direct it needs the setting ServiceBus (or\n" +
			"ServiceBus__fullyQualifiedNamespace and who the app is) with the right to\n" +
			"listen, and to send for replay; list and show want CORDON_TENANT_ID as well,\n" +
			"replay and drop the settings of the ledger, where they are recorded." +
			call.Exits,
		Example: "  cordon deadletter list\n" +
			"  cordon deadletter show 17\n" +
			"  cordon deadletter replay --all\n" +
			"  cordon deadletter list --queue notices --json",
	}
	group.PersistentFlags().StringVar(&f.queue, "queue", deadletter.Alerts,
		"which queue: alerts (CORDON_ALERT_QUEUE) or notices (CORDON_NOTICE_QUEUE)")
	return call.Group(group, "list, show, replay or drop",
		f.listCommand(), f.showCommand(), f.replayCommand(), f.dropCommand())
}

func (f *flags) listCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, newest first, and say which could be read now",
		Long: "Takes nothing from the queue. NUMBER is what the other commands want. Below each\n" +
			"stands what the handler would make of the message now. Deliveries count those\n" +
			"that came to nothing, those to people who looked for another dead letter among\n" +
			"them. Of more than --limit the oldest are shown." +
			call.Exits,
		Example: "  cordon deadletter list\n" +
			"  cordon deadletter list --queue notices --limit 500\n" +
			"  cordon deadletter list --json | jq '.deadLetters[].number'",
		Args: call.Exactly(0, "list takes no numbers"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd, []config.Need{config.Tenant}, func(desk operate.Desk) error {
				return f.list(cmd, desk)
			})
		},
	}
	f.ReadFlags(c)
	c.Flags().IntVar(&f.shown, "limit", 100, limitHelp())
	return c
}

func (f *flags) showCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show NUMBER",
		Short: "Show one dead letter, and what the ledger knows of it",
		Long: "Reads the message as the handler would now. With --direct, what the ledger knows\n" +
			"is shown if AzureWebJobsStorage (or its account) is set and can be read. Text of\n" +
			"the message is written by whoever sent it: control characters are shown as\n" +
			"escapes, and what is long is cut. Takes nothing from the queue." +
			call.Exits,
		Example: "  cordon deadletter show 17\n" +
			"  cordon deadletter show 17 --json | jq -r .body",
		Args: call.Exactly(1, "show takes one number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			numbers, err := sequenceNumbers(args)
			if err != nil {
				return err
			}
			needs, unread := f.known(cmd)
			return f.with(cmd, needs, func(desk operate.Desk) error {
				return f.show(cmd, desk, numbers[0], unread)
			})
		},
	}
	f.ReadFlags(c)
	return c
}

// known is what show needs with --direct: the ledger too, unless it cannot be read, which show says.
func (f *flags) known(cmd *cobra.Command) (needs []config.Need, unread error) {
	if !f.Direct {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), ledgerPatience)
	defer cancel()
	_, _, err := f.Ledger(ctx)
	if err != nil {
		return []config.Need{config.Tenant}, err
	}
	return []config.Need{config.Ledger}, nil
}

func (f *flags) replayCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "replay NUMBER...|--all",
		Short: "Send dead letters again, each under a fresh message id",
		Long: "The copy is sent first and the dead letter removed after it, so that nothing is\n" +
			"lost. Interrupted in between, both are there: replay it again or drop it. A\n" +
			"second copy is harmless, because the ledger joins it to the run or the notice\n" +
			"that exists: nothing is done twice. A message that still cannot be read is\n" +
			"refused, and the others go on. Asks first on a terminal; elsewhere it wants\n" +
			"--yes." +
			call.Exits,
		Example: "  cordon deadletter replay 17 18\n" +
			"  cordon deadletter replay --all --yes --json",
		Args: numbersOrAll(f),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.take(cmd, args, replaying())
		},
	}
	f.takeFlags(c)
	return c
}

func (f *flags) dropCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "drop NUMBER...|--all",
		Short: "Remove dead letters for good",
		Long: "What is dropped is gone: look at it with show first. An alert whose run is still\n" +
			"open is found by the sweep and answered all the same. Asks first on a terminal;\n" +
			"elsewhere it wants --yes." +
			call.Exits,
		Example: "  cordon deadletter drop 17\n" +
			"  cordon deadletter drop --queue notices --all --yes",
		Args: numbersOrAll(f),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.take(cmd, args, dropping())
		},
	}
	f.takeFlags(c)
	return c
}

func (f *flags) takeFlags(c *cobra.Command) {
	f.WriteFlags(c, "why; it is recorded")
	c.Flags().BoolVar(&f.all, "all", false, "all that are there now, oldest first, up to --limit")
	c.Flags().IntVar(&f.limit, "limit", mostShown, limitHelp())
}

func limitHelp() string {
	return fmt.Sprintf("at most so many, 1 to %d", mostShown)
}

func (f *flags) take(cmd *cobra.Command, args []string, w way) error {
	numbers, err := sequenceNumbers(args)
	if err != nil {
		return err
	}
	if err := f.Check(cmd, false); err != nil {
		return err
	}
	return f.with(cmd, []config.Need{config.Ledger}, func(desk operate.Desk) error {
		return f.order(cmd, desk, numbers, w)
	})
}

// with opens what a sub-command asks, which with --direct needs some settings besides those of the queues.
func (f *flags) with(cmd *cobra.Command, needs []config.Need, do func(operate.Desk) error) error {
	if f.queue != deadletter.Alerts && f.queue != deadletter.Notices {
		return call.Usagef("--queue %s is not known: expected alerts or notices", terminal.Plain(f.queue, 40))
	}
	for _, limit := range []int{f.shown, f.limit} {
		if limit < 1 || limit > mostShown {
			return call.Usagef("--limit %d is out of bounds: expected 1 to %d", limit, mostShown)
		}
	}
	desk, done, err := f.Desk(cmd, append(needs, config.Queues)...)
	if err != nil {
		return err
	}
	defer done()
	return do(desk)
}

func numbersOrAll(f *flags) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case f.all && len(args) > 0:
			return call.Usagef("either numbers or --all, not both")
		case !f.all && len(args) == 0:
			return call.Usagef("%s wants the numbers that list shows, or --all", call.Name(cmd))
		case !f.all && cmd.Flags().Changed("limit"):
			return call.Usagef("--limit goes with --all only")
		case len(args) > mostShown:
			return call.Usagef("%d numbers are too many at once: at most %d", len(args), mostShown)
		}
		return nil
	}
}

// sequenceNumbers reads numbers and leaves out repeats.
func sequenceNumbers(args []string) ([]int64, error) {
	var numbers []int64
	for _, arg := range args {
		n, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || n < 1 {
			return nil, call.Usagef("%q is no number of a dead letter: expected one that list shows",
				terminal.Plain(arg, 40))
		}
		if !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}
