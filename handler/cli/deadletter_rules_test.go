package cli

import (
	"context"
	"io"
	"maps"
	"strings"
	"testing"

	"cordon/handler/cli/call"
	"cordon/local/servicebus"
)

func TestDeadLettersWantTheirSettingsAndNoOthers(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	bus := map[string]string{"ServiceBus": y.env["ServiceBus"], "CORDON_SMTP_URL": "nonsense", "CORDON_MODE": "loud"}
	tenant := map[string]string{"ServiceBus": y.env["ServiceBus"], "CORDON_TENANT_ID": ours}
	recorded := map[string]string{"AzureWebJobsStorage": y.env["AzureWebJobsStorage"]}
	maps.Copy(recorded, tenant)
	for _, c := range []struct {
		env   map[string]string
		args  string
		code  int
		says  []string // on standard error if it fails, else on standard output
		never string
	}{
		{bus, "list", call.ExitFailed, []string{"1 setting is wrong", "CORDON_TENANT_ID"}, "SMTP"},
		{tenant, "list", call.ExitDone, []string{"NUMBER", "MaxDeliveryCountExceeded", "unreadable"}, ""},
		{bus, "show 1", call.ExitFailed, []string{"1 setting is wrong", "CORDON_TENANT_ID"}, "SMTP"},
		{
			bus, "replay 1 --yes", call.ExitFailed,
			[]string{"2 settings are wrong", "CORDON_TENANT_ID", "AzureWebJobsStorage"}, "SMTP",
		},
		{tenant, "drop 4 --yes", call.ExitFailed, []string{"1 setting is wrong", "AzureWebJobsStorage"}, "SMTP"},
		{recorded, "drop 4 --yes", call.ExitDone, []string{"dropped"}, ""},
		{
			tenant, "show 1", call.ExitDone,
			[]string{"ledger", "not read: AzureWebJobsStorage: it is not set", "yes: alert da6389"}, "",
		},
		{recorded, "replay 1 --yes", call.ExitDone, []string{"replayed"}, ""},
		{
			map[string]string{"CORDON_TENANT_ID": ours}, "list", call.ExitFailed,
			[]string{"1 setting is wrong", "ServiceBus: it is not set"}, "CORDON_CLIENT_ID",
		},
		{
			map[string]string{
				"ServiceBus__fullyQualifiedNamespace": "x.servicebus.windows.net",
				"CORDON_CLIENT_SECRET":                "s3cr3t",
			},
			"list", call.ExitFailed, []string{"2 settings are wrong", "CORDON_TENANT_ID", "CORDON_CLIENT_ID"}, "SMTP",
		},
		{
			map[string]string{
				"ServiceBus__fullyQualifiedNamespace": "x.servicebus.windows.net",
				"CORDON_TENANT_ID":                    ours,
				"CORDON_CLIENT_ID":                    appID,
				"CORDON_CLIENT_CERTIFICATE":           "none.pem",
			},
			"list", call.ExitFailed, []string{"CORDON_CLIENT_CERTIFICATE: none.pem does not exist"}, "SMTP",
		},
		{
			map[string]string{
				"ServiceBus__fullyQualifiedNamespace": "x.servicebus.windows.net",
				"ServiceBus__clientId":                "my-identity",
				"CORDON_TENANT_ID":                    ours,
			},
			"list", call.ExitFailed, []string{"1 setting is wrong", "ServiceBus__clientId"}, "SMTP",
		},
		{
			map[string]string{
				"ServiceBus":         y.env["ServiceBus"],
				"CORDON_ALERT_QUEUE": "none",
				"CORDON_TENANT_ID":   ours,
			},
			"list", call.ExitFailed, []string{"queue none", "create the queue"}, "",
		},
		{
			map[string]string{"ServiceBus": y.env["ServiceBus"], "CORDON_ALERT_QUEUE": "a b"}, "list", call.ExitFailed,
			[]string{"CORDON_ALERT_QUEUE"}, "",
		},
	} {
		env := map[string]string{"CORDON_ALERT_QUEUE": "alerts", "CORDON_NOTICE_QUEUE": "notices"}
		maps.Copy(env, c.env)
		code, stdout, stderr := direct(t, env, append([]string{"deadletter"}, strings.Fields(c.args)...)...)
		out := stdout
		if c.code != call.ExitDone {
			out = stderr
		}
		for _, want := range c.says {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is not said: %s", c.args, want, out)
			}
		}
		if code != c.code || c.never != "" && strings.Contains(stdout+stderr, c.never) {
			t.Errorf("%s: code %d, %s%s", c.args, code, stdout, stderr)
		}
	}
}

func TestALedgerThatCanNotBeReadIsSaidAndShowGoesOn(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	y.env["CORDON_TABLE_PREFIX"] = "another" // of which there are no tables
	code, stdout, stderr := y.command(t, "show", "1")
	said := strings.Join(strings.Fields(stdout), " ")
	if code != call.ExitDone ||
		!strings.Contains(said, "not read: no app has worked under tenant "+ours+" in these tables") {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
}

func TestDeadLetterCommandLinesThatAreWrongTouchNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	for _, line := range []string{
		"", "lst", "list 1", "list --limit 0", "list --limit 1001", "list --queue alert", "list --loud", "show",
		"show 1 2", "show x", "show 0", "show 99999999999999999999", "replay", "replay --yes", "replay --all 1 --yes",
		"replay 1 --limit 5 --yes", "drop", "drop --all --limit 0 --yes", "drop 1 x --yes", "drop 1.5 --yes",
		"drop -- -1 --yes",
	} {
		code, stdout, stderr := y.command(t, strings.Fields(line)...)
		if code != call.ExitUsage || stdout != "" || !strings.HasPrefix(stderr, "cordon: ") ||
			strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: code %d, %s%s", line, code, stdout, stderr)
		}
	}
	if c := y.Counts("alerts"); c != (servicebus.Counts{DeadLettered: 7}) {
		t.Errorf("%+v", c)
	}
}

func TestDeadLetterHelpHasExamplesAndExitCodes(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"--help", "list --help", "show --help", "replay --help", "drop --help"} {
		code, stdout, _ := command(t, nil, append([]string{"deadletter"}, strings.Fields(line)...)...)
		for _, want := range []string{"Examples:", "cordon deadletter ", "Exit codes:", "130", "--queue", "--json"} {
			if code != call.ExitDone || !strings.Contains(stdout, want) {
				t.Errorf("%s: code %d, no %q in\n%s", line, code, want, stdout)
			}
		}
	}
}

func TestAMissingRightAndASignalHaveTheirExitCodes(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	y.Withhold(servicebus.RightListen)
	if code, stdout, stderr := y.command(t, "list"); code != call.ExitFailed || stdout != "" ||
		!strings.Contains(stderr, "right Listen") {
		t.Errorf("without Listen: code %d, %s%s", code, stdout, stderr)
	}
	y.Withhold(servicebus.RightSend)
	code, stdout, stderr := y.command(t, "replay", "1", "--yes")
	if code != call.ExitFailed || !strings.Contains(stdout, "kept") ||
		!strings.Contains(strings.Join(strings.Fields(stdout), " "), "right Send") {
		t.Errorf("without Send: code %d, %s%s", code, stdout, stderr)
	}
	y.Withhold()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	process := Process{
		Args:   []string{"deadletter", "list", "--direct"},
		Getenv: func(name string) string { return y.env[name] },
		In:     strings.NewReader(""),
		Out:    io.Discard,
		Err:    io.Discard,
	}
	if code := Run(ctx, process); code != call.ExitStopped {
		t.Errorf("after a signal: code %d", code)
	}
	if c := y.Counts("alerts"); c != (servicebus.Counts{DeadLettered: 7}) {
		t.Errorf("%+v", c)
	}
}
