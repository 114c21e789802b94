package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// byAzureCLI has the Azure CLI say who is signed in there.
func (k *Keeper) byAzureCLI(ctx context.Context, says wire.SignIn, scope string) (string, error) {
	out, err := k.run(ctx, "az", "account", "get-access-token", "--output", "json", "--scope", scope,
		"--tenant", says.Tenant)
	if errors.Is(err, exec.ErrNotFound) {
		return "",
			errors.New("the Azure CLI (az) is not installed, or not in the PATH: install it, or sign in without " +
				"--az")
	}
	if err != nil {
		return "", fmt.Errorf("the Azure CLI gave no token: %w; try az login --tenant %s --scope %s", err, says.Tenant,
			scope)
	}
	var got struct {
		AccessToken string `json:"accessToken"`
	}
	// The text may hold the token, and so may an error about it.
	if json.Unmarshal(out, &got) != nil || !isToken(got.AccessToken) {
		return "", errors.New("the Azure CLI answered without a token that can be read: is az the Azure CLI, and new?")
	}
	return got.AccessToken, nil
}

func isToken(s string) bool {
	return len(s) < 64<<10 && regexp.MustCompile(`^[A-Za-z0-9._~+/=-]+$`).MatchString(s)
}

// runProgram runs a program and answers with what it printed; of one that failed, the error is what it said at last.
func runProgram(ctx context.Context, name string, args ...string) ([]byte, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, err
	}
	var out, errs bytes.Buffer
	program := exec.CommandContext(ctx, path, args...)
	program.Env = strangers(os.Environ())
	program.Stdout, program.Stderr = &out, &errs
	err = program.Run()
	if err == nil {
		return out.Bytes(), nil
	}
	lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
	said := terminal.Plain(strings.TrimSpace(lines[len(lines)-1]), 400)
	return nil, fmt.Errorf("%w: %s", err, said)
}

// strangers is an environment without the settings of Cordon: a token, secrets and connection strings are among them,
// and no other program has a use for them.
func strangers(environment []string) []string {
	return slices.DeleteFunc(environment, func(one string) bool {
		return slices.ContainsFunc([]string{"CORDON_", "AZUREWEBJOBSSTORAGE", "SERVICEBUS"}, func(begins string) bool {
			return strings.HasPrefix(strings.ToUpper(one), begins)
		})
	})
}

// openBrowser tries to open a browser. Whoever has none opens the address that was printed.
func openBrowser(url string) {
	opener := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		opener = []string{"open"}
	case "windows":
		opener = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	browser := exec.Command(opener[0], append(opener[1:], url)...)
	browser.Env = strangers(os.Environ())
	if browser.Start() == nil {
		go func() { _ = browser.Wait() }() // how it ends says nothing
	}
}
