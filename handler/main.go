// Command cordon answers alerts of Microsoft Defender for Endpoint. Without arguments it serves as the custom handler
// of an Azure Functions app; sub-commands check, explain and test a playbook, check the whole set-up, pause acting,
// continue with what was held, list and release isolated machines, look at hunts, and deal with dead letters.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"cordon/handler/cli"
)

// version is set when the binary is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, cli.Process{
		Version: version,
		Args:    os.Args[1:],
		Getenv:  os.Getenv,
		In:      os.Stdin,
		Out:     os.Stdout,
		Err:     os.Stderr,
	})
	stop()
	os.Exit(code)
}
