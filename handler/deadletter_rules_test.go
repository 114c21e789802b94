package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/notice"
	"cordon/handler/queue"
	"cordon/handler/response"
	"cordon/handler/trigger"
	"cordon/local/servicebus"
)

func TestDeadLettersWantTheirSettingsAndNoOthers(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	bus := map[string]string{"ServiceBus": y.env["ServiceBus"], "CORDON_SMTP_URL": "nonsense", "CORDON_MODE": "loud"}
	tenant := map[string]string{"ServiceBus": y.env["ServiceBus"], "CORDON_TENANT_ID": ours}
	for _, c := range []struct {
		env   map[string]string
		args  string
		code  int
		says  []string // on standard error if it fails, else on standard output
		never string
	}{
		{bus, "list", exitDone, []string{"NUMBER", "MaxDeliveryCountExceeded"}, "unreadable"},
		{bus, "drop 4 --yes", exitDone, []string{"dropped"}, ""},
		{bus, "show 1", exitFailed, []string{"1 setting is wrong", "CORDON_TENANT_ID"}, "SMTP"},
		{bus, "replay 1 --yes", exitFailed, []string{"1 setting is wrong", "CORDON_TENANT_ID"}, "SMTP"},
		{tenant, "show 1", exitDone, []string{"ledger", "not read: AzureWebJobsStorage: it is not set", "yes: alert da6389"}, ""},
		{tenant, "replay 1 --yes", exitDone, []string{"replayed"}, ""},
		{map[string]string{"CORDON_TENANT_ID": ours}, "list", exitFailed, []string{"1 setting is wrong", "ServiceBus: it is not set"}, "CORDON_CLIENT_ID"},
		{map[string]string{"ServiceBus__fullyQualifiedNamespace": "x.servicebus.windows.net", "CORDON_CLIENT_SECRET": "s3cr3t"}, "list", exitFailed, []string{"2 settings are wrong", "CORDON_TENANT_ID", "CORDON_CLIENT_ID"}, "SMTP"},
		{map[string]string{"ServiceBus__fullyQualifiedNamespace": "x.servicebus.windows.net", "CORDON_TENANT_ID": ours, "CORDON_CLIENT_ID": appID, "CORDON_CLIENT_CERTIFICATE": "none.pem"},
			"list", exitFailed, []string{"CORDON_CLIENT_CERTIFICATE: none.pem does not exist"}, "SMTP"},
		{map[string]string{"ServiceBus__fullyQualifiedNamespace": "x.servicebus.windows.net", "ServiceBus__clientId": "my-identity"}, "list", exitFailed, []string{"1 setting is wrong", "ServiceBus__clientId"}, "SMTP"},
		{map[string]string{"ServiceBus": y.env["ServiceBus"], "CORDON_ALERT_QUEUE": "none"}, "list", exitFailed, []string{"queue none", "create the queue"}, ""},
		{map[string]string{"ServiceBus": y.env["ServiceBus"], "CORDON_ALERT_QUEUE": "a b"}, "list", exitFailed, []string{"CORDON_ALERT_QUEUE"}, ""},
	} {
		env := map[string]string{"CORDON_ALERT_QUEUE": "alerts", "CORDON_NOTICE_QUEUE": "notices"}
		maps.Copy(env, c.env)
		code, stdout, stderr := command(t, env, append([]string{"deadletter"}, strings.Fields(c.args)...)...)
		out := stdout
		if c.code != exitDone {
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
	if code != exitDone || !strings.Contains(stdout, "not read: no app has worked under tenant "+ours+" in these tables") {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
}

func TestDeadLetterCommandLinesThatAreWrongTouchNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	for _, line := range []string{"", "lst", "list 1", "list --limit 0", "list --limit 1001", "list --queue alert", "list --loud", "show", "show 1 2", "show x", "show 0", "show 99999999999999999999",
		"replay", "replay --yes", "replay --all 1 --yes", "replay 1 --limit 5 --yes", "drop", "drop --all --limit 0 --yes", "drop 1 x --yes", "drop 1.5 --yes", "drop -- -1 --yes"} {
		code, stdout, stderr := y.command(t, strings.Fields(line)...)
		if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "cordon: ") || strings.Count(stderr, "\n") != 1 {
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
			if code != exitDone || !strings.Contains(stdout, want) {
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
	if code, stdout, stderr := y.command(t, "list"); code != exitFailed || stdout != "" || !strings.Contains(stderr, "right Listen") {
		t.Errorf("without Listen: code %d, %s%s", code, stdout, stderr)
	}
	y.Withhold(servicebus.RightSend)
	code, stdout, stderr := y.command(t, "replay", "1", "--yes")
	if code != exitFailed || !strings.Contains(stdout, "kept") || !strings.Contains(stderr, "right Send") {
		t.Errorf("without Send: code %d, %s%s", code, stdout, stderr)
	}
	y.Withhold()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := run(ctx, []string{"deadletter", "list"}, func(name string) string { return y.env[name] }, strings.NewReader(""), io.Discard, io.Discard); code != exitStopped {
		t.Errorf("after a signal: code %d", code)
	}
	if c := y.Counts("alerts"); c != (servicebus.Counts{DeadLettered: 7}) {
		t.Errorf("%+v", c)
	}
}

// sink takes what the services send and reports that it did.
type sink struct{ sent int }

func (s *sink) SendAlerts(context.Context, []alert.Envelope) error { s.sent++; return nil }
func (s *sink) SendNotice(context.Context, string, []byte, time.Time) error {
	s.sent++
	return nil
}

// TestShowSaysWhatTheHandlerSays holds what is said of a message against what the functions do with it. The tables do not
// exist, so whatever can be read ends in a copy for later.
func TestShowSaysWhatTheHandlerSays(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	if err := y.Server.Close(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no table is created
	answers := map[string]func(body []byte, to *sink) error{
		"alerts": func(body []byte, to *sink) error {
			return response.New(response.Options{Queue: to, Ledger: y.store, Log: log, Now: time.Now, RetryAfter: time.Second}).Respond(ctx, body, 1)
		},
		"notices": func(body []byte, to *sink) error {
			return notice.New(notice.Options{Queue: to, Ledger: y.store, Log: log, Now: time.Now, RetryAfter: time.Second}).Deliver(ctx, body)
		},
	}
	bodies := []string{decodable, aimed, "", "null", "[]", "{}", "{", `"da1"`, "\xff\xfe", `{"alertId":"da1"}`, `{"alertId":"da1","version":-1}`, `{"alertId":"da1","version":"1"}`,
		`{"alertId":"../../machines/1"}`, `{"alertId":"da1","tenant":"other"}`, `{"alertId":"da1","tenant":""}`, `{"format":-1,"alertId":"da1"}`, `{"format":2,"alertId":{"id":"da1"}}`,
		`{"format":1,"tenant":"` + ours + `","group":"g","seq":1}`, `{"tenant":"` + ours + `","group":"g","seq":1}`, `{"format":1,"tenant":"other","group":"g","seq":1}`,
		`{"format":1,"tenant":"` + ours + `","group":"","seq":1}`, `{"format":1,"tenant":"` + ours + `","group":"g","seq":0}`, `{"format":2,"tenant":"` + ours + `","group":["g"]}`}
	for name, answer := range answers {
		x := &deadLetters{deadLetterFlags: deadLetterFlags{queue: name}, tenant: ours}
		readable := 0
		for _, body := range bodies {
			said := x.read(queue.DeadLetter{Number: 7, Body: []byte(body)})
			to := &sink{}
			later := &putBacks{send: to.SendNotice, now: time.Now, log: log}
			err := later.orLater(ctx, trigger.Delivery{Body: []byte(body)}, answer([]byte(body), to))
			var undecodable *alert.UndecodableError
			switch refused := errors.As(err, &undecodable); {
			case refused && (said.Readable || said.Why != undecodable.Err.Error()):
				t.Errorf("%s %q: show says %+v, the handler %v", name, body, said, err)
			case !refused && (err != nil || to.sent != 1):
				t.Errorf("%s %q: the handler sent %d copies, error %v", name, body, to.sent, err)
			case !refused && !said.Readable && !strings.Contains(said.Why, "newer format"):
				t.Errorf("%s %q: show says %+v, the handler takes it", name, body, said)
			case said.Readable:
				readable++
				if !strings.HasSuffix(said.copyID, ":replay:7") || len(said.copyID) > 128 {
					t.Errorf("%s %q: the copy's id is %q", name, body, said.copyID)
				}
			}
		}
		if readable < 2 || readable > 4 {
			t.Errorf("%s: %d of %d can be read", name, readable, len(bodies))
		}
	}
}

func TestACopysIDFitsHoweverLongTheNamesAre(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 128)
	x := &deadLetters{deadLetterFlags: deadLetterFlags{queue: "alerts"}, tenant: ours}
	r := x.read(queue.DeadLetter{Number: 1<<63 - 1, Body: []byte(`{"alertId":"` + long + `","version":2147483647}`)})
	if !r.Readable || len(r.copyID) > 128 {
		t.Errorf("%+v with an id of %d bytes", r, len(r.copyID))
	}
	x.queue = "notices"
	r = x.read(queue.DeadLetter{Number: 1<<63 - 1, Body: []byte(`{"format":1,"tenant":"` + ours + `","group":"` + long + `","seq":2147483647}`)})
	if !r.Readable || len(r.copyID) > 128 {
		t.Errorf("%+v with an id of %d bytes", r, len(r.copyID))
	}
}
