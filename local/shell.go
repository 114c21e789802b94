package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"cordon/local/entrasim"
	"cordon/local/scenario"
	"cordon/local/world"
)

// defaultFront is where the host's front listens if nothing is said, and where Core Tools do.
const defaultFront = "127.0.0.1:7071"

// shellTime is how long a shell stays signed in.
const shellTime = 24 * time.Hour

// writeShells writes, for each person of the scenario who may do something, what signs a shell in, and the app's
// settings for commands that go round the app. It returns the lines that take those of the operator.
func writeShells(w *world.World, app string) (lines string, err error) {
	folder, err := filepath.Abs(app)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(w.Folder, settingsFile), []byte(exported(w.Settings)), 0o600); err != nil {
		return "", err
	}
	for _, p := range scenario.People() {
		if len(p.Roles) == 0 {
			continue
		}
		token, err := w.Entra.TokenFor(entrasim.Want{
			Username: p.Username,
			Client:   world.CLIID,
			API:      world.SignInID,
			Lifetime: shellTime,
		})
		if err != nil {
			return "", err
		}
		text := "export CORDON_APP=" + quoted(w.AppURL) + "\n" +
			"export CORDON_TOKEN=" + quoted(token) + "\n" +
			"export CORDON_CA_FILE=" + quoted(w.Settings["CORDON_CA_FILE"]) + "\n" + // for cordon login
			"export PATH=" + quoted(folder) + ":\"$PATH\"\n"
		if book := w.Settings["CORDON_PLAYBOOK"]; book != "" {
			text += "export CORDON_PLAYBOOK=" + quoted(book) + "\n" // for cordon case and check
		}
		if err := os.WriteFile(shellFile(w, p.Username), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("  eval \"$(cat %s)\"\n  eval \"$(cat %s)\"    # for --direct too", shellFile(w, scenario.Operator),
		filepath.Join(w.Folder, settingsFile)), nil
}

// settingsFile has the app's settings, for a shell.
const settingsFile = "settings"

// exported are settings as a shell takes them, but for its own path.
func exported(settings map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if name != "PATH" {
			b.WriteString("export " + name + "=" + quoted(settings[name]) + "\n")
		}
	}
	return b.String()
}

// shellFile is named for what the person may do.
func shellFile(w *world.World, username string) string {
	name, _, _ := strings.Cut(username, "@")
	return filepath.Join(w.Folder, name)
}

// quoted is a text as a shell takes it literally.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// frontAddress is where the host's front listens: on this machine only, because it speaks no TLS.
func frontAddress(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("the address %q is not host:port, such as 127.0.0.1:7072", addr)
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || ip.To4() == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("the address %q is not of this machine alone, and the front speaks no TLS: expected one "+
			"such as 127.0.0.1:%s", addr, port)
	}
	return net.JoinHostPort(host, port), nil
}

// busy words an address that somebody else listens on.
func busy(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("something listens on %s already, another make run perhaps: end it, or take another address: "+
			"make run ADDR=127.0.0.1:7072", addr)
	}
	return err
}

func freeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "free ADDRESS",
		Short:   "Say whether the host's front could listen on an address",
		Args:    cobra.ExactArgs(1),
		Long:    "Exit code 1: it could not; the error says why.",
		Example: "  local free 127.0.0.1:7071",
		RunE: func(_ *cobra.Command, args []string) error {
			addr, err := frontAddress(args[0])
			if err != nil {
				return err
			}
			listener, err := net.Listen("tcp4", addr)
			if err != nil {
				return busy(addr, err)
			}
			return listener.Close()
		},
	}
}
