// Package deadletters is the command of messages that were set aside: it lists and shows them, sends them again and
// drops them. What the handler would make of one is said by package deadletter.
package deadletters

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/queue"
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

// box is one call of a sub-command: the queue it is about and how its messages are read.
type box struct {
	*flags
	cmd    *cobra.Command
	bus    *queue.Client
	name   string // of the queue in the namespace
	tenant string // empty: not known, so messages are not read
}

func exits() string {
	return call.Exits("done", "something failed, or a message could not be had or was refused; the reason is said")
}

// Command makes the command of messages that were set aside.
func Command(getenv func(string) string) *cobra.Command {
	f := &flags{Operator: call.Operator{Getenv: getenv}}
	group := &cobra.Command{
		Use:   "deadletter",
		Short: "Look at messages that were set aside, send them again or drop them",
		Long: "A message that failed ten deliveries, or that waited for seven days, is set\n" +
			"aside as a dead letter and stays until somebody replays or drops it. Needs the\n" +
			"setting ServiceBus (or ServiceBus__fullyQualifiedNamespace and who the app is)\n" +
			"with the right to listen, and to send for replay; show and replay need\n" +
			"CORDON_TENANT_ID as well." +
			exits(),
		Example: "  cordon deadletter list\n" +
			"  cordon deadletter show 17\n" +
			"  cordon deadletter replay --all\n" +
			"  cordon deadletter list --queue notices --json",
	}
	group.PersistentFlags().StringVar(&f.queue, "queue", "alerts",
		"which queue: alerts (CORDON_ALERT_QUEUE) or notices (CORDON_NOTICE_QUEUE)")
	group.PersistentFlags().BoolVar(&f.JSON, "json", false, "print JSON, for programs")
	return call.Group(group, "list, show, replay or drop",
		f.listCommand(), f.showCommand(), f.replayCommand(), f.dropCommand())
}

func (f *flags) listCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, oldest first, and say which could be read now",
		Long: "Takes nothing from the queue. NUMBER is what the other commands want. MESSAGE is\n" +
			"what the handler would make of the message now; it is empty unless\n" +
			"CORDON_TENANT_ID is set. Deliveries count those that came to nothing, those to\n" +
			"people who looked for another dead letter among them." +
			exits(),
		Example: "  cordon deadletter list\n" +
			"  cordon deadletter list --queue notices --limit 1000\n" +
			"  cordon deadletter list --json | jq '.deadLetters[].number'",
		Args: call.Exactly(0, "list takes no numbers"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd, nil, func(x *box) error {
				return x.list()
			})
		},
	}
	c.Flags().IntVar(&f.shown, "limit", 100, limitHelp())
	return c
}

func (f *flags) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show NUMBER",
		Short: "Show one dead letter, why it cannot be read, and what the ledger knows of it",
		Long: "Reads the message as the handler would now. What the ledger knows is shown if\n" +
			"AzureWebJobsStorage (or its account) is set and can be read. Text of the message\n" +
			"is written by whoever sent it: control characters are shown as escapes, and what\n" +
			"is long is cut. Takes nothing from the queue." +
			exits(),
		Example: "  cordon deadletter show 17\n" +
			"  cordon deadletter show 17 --json | jq -r .body",
		Args: call.Exactly(1, "show takes one number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			numbers, err := sequenceNumbers(args)
			if err != nil {
				return err
			}
			return f.with(cmd, []config.Need{config.Tenant}, func(x *box) error {
				return x.show(numbers[0])
			})
		},
	}
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
			exits(),
		Example: "  cordon deadletter replay 17 18\n" +
			"  cordon deadletter replay --all --yes --json",
		Args: numbersOrAll(f),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.take(cmd, args, []config.Need{config.Tenant}, replaying())
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
			exits(),
		Example: "  cordon deadletter drop 17\n" +
			"  cordon deadletter drop --queue notices --all --yes",
		Args: numbersOrAll(f),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.take(cmd, args, nil, dropping())
		},
	}
	f.takeFlags(c)
	return c
}

func (f *flags) takeFlags(c *cobra.Command) {
	c.Flags().BoolVar(&f.all, "all", false, "all that are there now, oldest first, up to --limit")
	f.YesFlag(c)
	c.Flags().IntVar(&f.limit, "limit", queue.MaxDeadLetters, limitHelp())
}

func limitHelp() string {
	return fmt.Sprintf("at most so many, 1 to %d", queue.MaxDeadLetters)
}

func (f *flags) take(cmd *cobra.Command, args []string, needs []config.Need, w way) error {
	numbers, err := sequenceNumbers(args)
	if err != nil {
		return err
	}
	if err := f.Check(cmd, false); err != nil {
		return err
	}
	return f.with(cmd, needs, func(x *box) error {
		return x.take(w, numbers)
	})
}

// with opens the queue for a sub-command, which needs some settings besides those of the queues.
func (f *flags) with(cmd *cobra.Command, needs []config.Need, do func(*box) error) error {
	if f.queue != "alerts" && f.queue != "notices" {
		return call.Usagef("--queue %s is not known: expected alerts or notices", terminal.Plain(f.queue, 40))
	}
	for _, limit := range []int{f.shown, f.limit} {
		if limit < 1 || limit > queue.MaxDeadLetters {
			return call.Usagef("--limit %d is out of bounds: expected 1 to %d", limit, queue.MaxDeadLetters)
		}
	}
	settings, err := config.LoadFor(f.Getenv, append(needs, config.Queues)...)
	if err != nil {
		return err
	}
	bus, err := setup.CommandBus(settings)
	if err != nil {
		return err
	}
	defer setup.CloseBus(cmd.Context(), bus)
	x := &box{
		flags: f,
		cmd:   cmd,
		bus:   bus,
		name:  settings.AlertQueue,
	}
	if f.queue == "notices" {
		x.name = settings.NoticeQueue
	}
	known, err := config.LoadFor(f.Getenv, config.Tenant)
	if err == nil {
		x.tenant = known.TenantID
	}
	return do(x)
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
		case len(args) > queue.MaxDeadLetters:
			return call.Usagef("%d numbers are too many at once: at most %d", len(args), queue.MaxDeadLetters)
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
