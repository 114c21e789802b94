// Command cordon answers alerts of Microsoft Defender for Endpoint. Without arguments it serves as the custom handler of
// an Azure Functions app; sub-commands check, explain and test a playbook, check the whole
// set-up, pause acting, continue with what was held, list and release isolated machines, look at
// hunts, and deal with dead letters.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set when the binary is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
