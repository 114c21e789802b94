package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/config"
	"cordon/handler/defender"
	"cordon/handler/ledger"
	"cordon/handler/queue"
	"cordon/handler/terminal"
)

// operator is the person at a command that changes something: who it is, why, and whether he has to be asked.
type operator struct {
	by, reason string
	yes, json  bool
	getenv     func(string) string
}

// reasonShown is how much of a reason is kept, in characters: what fits into the comment of a machine action.
const reasonShown = 500

func (o *operator) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&o.json, "json", false, "print JSON, for programs")
}

func (o *operator) writeFlags(c *cobra.Command, reason string) {
	c.Flags().StringVar(&o.reason, "reason", "", reason)
	c.Flags().StringVar(&o.by, "by", "", "who says so (default: the user of this computer)")
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	o.jsonFlag(c)
}

// check completes who and why, and refuses a call that would have to ask where nobody can answer.
func (o *operator) check(cmd *cobra.Command, wantsReason bool) error {
	o.reason, o.by = terminal.Plain(o.reason, reasonShown), terminal.Plain(o.by, 100)
	if o.by == "" {
		o.by = thisUser()
	}
	switch {
	case wantsReason && o.reason == "":
		return usageError{fmt.Errorf("%s wants --reason: it is recorded, and others read it", called(cmd))}
	case !o.yes && !terminal.IsTerminal(cmd.InOrStdin()):
		return usageError{fmt.Errorf("%s changes something: it asks on a terminal, and elsewhere it wants --yes", called(cmd))}
	}
	return nil
}

// called is how people write a command.
func called(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

func thisUser() string {
	name, host := "somebody", "a computer without a name"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

func (o *operator) confirm(cmd *cobra.Command, question string) error {
	if o.yes {
		return nil
	}
	agreed, err := terminal.Confirm(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr(), question)
	if err == nil && !agreed {
		err = errors.New("nothing was done")
	}
	return err
}

// ledger opens the ledger for a command, which needs some settings besides its own.
func (o *operator) ledger(ctx context.Context, needs ...config.Need) (config.Config, *ledger.Store, error) {
	settings, err := config.LoadFor(o.getenv, append(needs, config.Ledger)...)
	if err != nil {
		return settings, nil, err
	}
	store, err := commandLedger(ctx, settings)
	return settings, store, err
}

// reach opens the API and the ledger.
func (o *operator) reach(ctx context.Context, needs ...config.Need) (config.Config, *ledger.Store, *defender.Client, error) {
	settings, store, err := o.ledger(ctx, append(needs, config.Defender)...)
	if err != nil {
		return settings, nil, nil, err
	}
	api, err := commandAPI(settings)
	return settings, store, api, err
}

// alertBroker lets a command send to the alert queue; done closes it.
func alertBroker(settings config.Config) (b *broker, done func(context.Context), err error) {
	bus, err := commandBus(settings)
	if err != nil {
		return nil, nil, err
	}
	return &broker{client: bus, alerts: settings.AlertQueue, notices: settings.NoticeQueue}, func(ctx context.Context) { closeBus(ctx, bus) }, nil
}

// show prints JSON for programs, or what print writes for people.
func (o *operator) show(cmd *cobra.Command, v any, print func(io.Writer) error) error {
	if o.json {
		return terminal.JSON(cmd.OutOrStdout(), v)
	}
	return print(cmd.OutOrStdout())
}

// closeTime is how long a command waits for its connection to be closed.
const closeTime = 5 * time.Second

// closeBus ends a command's connection; everything that counts was answered before.
func closeBus(ctx context.Context, bus *queue.Client) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	_ = bus.Close(ctx)
}
