package config

import (
	"errors"
	"strings"
	"testing"
)

const (
	signInID = "5a1b0d3e-42a8-4e57-8f19-0c6de25a7343"
	cliID    = "6b2c1e4f-42a8-4e57-8f19-0c6de25a7344"
)

func TestSignInIsOnWithAddressAndRegistration(t *testing.T) {
	c, err := Load(settings())
	if err != nil || c.SignIn.On() {
		t.Errorf("without settings: %v, %+v", err, c.SignIn)
	}
	for written, want := range map[string]string{
		"https://cordon.example.com":     "https://cordon.example.com",
		"https://Cordon.Example.com:443": "https://cordon.example.com",
		"https://cordon.example.com/":    "https://cordon.example.com",
		"https://cordon.example:8443":    "https://cordon.example:8443",
		"http://localhost:7071":          "http://localhost:7071",
		"http://127.0.0.1:80":            "http://127.0.0.1",
	} {
		c, err = Load(settings("CORDON_APP_URL", written, "CORDON_SIGNIN_CLIENT_ID", strings.ToUpper(signInID),
			"CORDON_CLI_CLIENT_ID", strings.ToUpper(cliID)))
		if err != nil || !c.SignIn.On() || c.SignIn.AppURL.String() != want ||
			c.SignIn.ClientID != signInID || c.SignIn.CLIClientID != cliID {
			t.Errorf("%s: %v, %+v", written, err, c.SignIn)
		}
	}
}

// TestHalfOfSignInIsAMistake names the setting that is missing or wrong, and only that.
func TestHalfOfSignInIsAMistake(t *testing.T) {
	const app, client, at = "CORDON_APP_URL", "CORDON_SIGNIN_CLIENT_ID", "https://cordon.example.com"
	for _, c := range []struct {
		wrong   string
		changes []string
	}{
		{client, []string{app, at}},
		{app, []string{client, signInID}},
		{app, []string{client, signInID, "CORDON_CLI_CLIENT_ID", cliID}},
		{app, []string{client, signInID, "CORDON_SIGNIN_SECRET", "s3cr3t"}},
		{app, []string{client, signInID, "CORDON_SIGNIN_CERTIFICATE", "/app.pem"}},
		{"CORDON_SIGNIN_CERTIFICATE", []string{
			app, at, client, signInID, "CORDON_SIGNIN_SECRET", "s3cr3t", "CORDON_SIGNIN_CERTIFICATE", "/app.pem",
		}},
		{"CORDON_SIGNIN_CERTIFICATE", []string{
			app, at, client, signInID, "CORDON_SIGNIN_CERTIFICATE", "-----BEGIN PRIVATE KEY----- s3cr3t",
		}},
		{client, []string{app, at, client, "my-app"}},
		{client, []string{app, at, client, strings.ToUpper(settings()("CORDON_CLIENT_ID"))}},
		{"CORDON_CLI_CLIENT_ID", []string{app, at, client, signInID, "CORDON_CLI_CLIENT_ID", signInID}},
		{"CORDON_CLI_CLIENT_ID", []string{
			app, at, client, signInID, "CORDON_CLI_CLIENT_ID", settings()("CORDON_CLIENT_ID"),
		}},
		{"CORDON_CLI_CLIENT_ID", []string{app, at, client, signInID, "CORDON_CLI_CLIENT_ID", "my-cli"}},
		{app, []string{app, "http://cordon.example.com", client, signInID}},
		{app, []string{app, "https://cordon.example.com/app", client, signInID}},
		{app, []string{app, "https://cordon.example.com?code=s3cr3t", client, signInID}},
		{app, []string{app, "https://u:s3cr3t@cordon.example.com", client, signInID}},
		{app, []string{app, "cordon.example.com", client, signInID}},
		{app, []string{app, "https://cordon_app.example.com", client, signInID}},
		{app, []string{app, "javascript://cordon.example.com", client, signInID}},
	} {
		_, err := Load(settings(c.changes...))
		var wrong *Error
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || wrong.Problems[0].Name != c.wrong ||
			strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v, want a problem of %s alone", c.changes, err, c.wrong)
		}
	}
}
