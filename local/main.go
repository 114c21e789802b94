// Command local stands in for Azure on one machine: `run` plays a scenario with the real handler and judges it, the
// other commands serve one stand-in alone. It is used by make and by the tests and never deployed.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"cordon/local/world"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := rootCommand().ExecuteContext(ctx)
	ended := ctx.Err() != nil
	stop()
	if err != nil && ended && !errors.Is(err, errBroken) {
		os.Exit(130) // as shells say it of what a person has ended
	}
	if err != nil {
		if !errors.Is(err, errBroken) {
			fmt.Fprintf(os.Stderr, "local: %v\n", err)
		}
		os.Exit(1)
	}
}

// errBroken says that a promise was broken; the summary has said which.
var errBroken = errors.New("a promise was broken")

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "local",
		Short: "Azure on one machine: stand-ins for the Functions host, Service Bus, Tables, Defender, " +
			"Entra, Graph and SMTP",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(runCommand(), chaosCommand(), packageCommand(), sbomCommand(), licensesCommand(),
		stageCommand(), freeCommand())
	root.AddCommand(serveCommands()...)
	return root
}

func runCommand() *cobra.Command {
	o := runOptions{out: os.Stdout}
	c := &cobra.Command{
		Use: "run", Short: "Play the scenario with a staged app and judge it", Args: cobra.NoArgs,
		Example: "  local run --app dist\n  local run --app dist --once --fault swap-machine\n" +
			"  local run --app dist --once --source both",
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	c.Flags().StringVar(&o.app, "app", "dist", "the staged folder with host.json and the binary")
	c.Flags().BoolVar(&o.once, "once", false, "print the summary as one JSON object and exit: 0 if every promise held")
	c.Flags().StringVar(&o.fault, "fault", "", "break something on the way, to see the summary notice")
	c.Flags().StringVar(&o.source, "source", world.OnlyDefender, "where alerts are read: defender, graph or both")
	c.Flags().StringVar(&o.playbook, "playbook", "", "play with this file; the promises are not judged then")
	c.Flags().StringVar(&o.addr, "addr", defaultFront, "address of the host's front; a free port with --once")
	c.Flags().Uint64Var(&o.seed, "seed", 1, "seed of the scenario and of how early or late timers tick")
	c.Flags().BoolVar(&o.verbose, "verbose", false, "show the handler's log")
	return c
}

func packageCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "package STAGED-FOLDER ZIP",
		Short: "Write the zip that is deployed, and print its checksum",
		Args:  cobra.ExactArgs(2),
		Long: "Writes the zip that is deployed: the same files give the same zip. Exit code 1: a file of the app " +
			"is missing.",
		Example: "  local package build/stage build/cordon.zip",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := pack(args[0], args[1]); err != nil {
				return err
			}
			body, err := os.ReadFile(args[1])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s  sha256 %x\n", args[1], sha256.Sum256(body))
			return nil
		},
	}
}
