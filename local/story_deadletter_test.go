package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/go-amqp"

	"cordon/local/judge"
	"cordon/local/servicebus"
	"cordon/local/world"
)

// cordon runs a command of the binary with the named settings only, as a person elsewhere would.
func (s *story) cordon(settings []string, args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	root, err := app()
	if err != nil {
		s.t.Fatal(err)
	}
	command := exec.CommandContext(s.t.Context(), filepath.Join(root, "cordon"), args...)
	command.Env = []string{}
	for _, name := range settings {
		command.Env = append(command.Env, name+"="+s.Settings[name])
	}
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err = command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

// direct is cordon round the app.
func (s *story) direct(settings []string, args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	if args[0] == "run" {
		return s.cordon(settings, args...) // its author's, and has no other way
	}
	return s.cordon(settings, append(slices.Clone(args), "--direct")...)
}

// marked waits until the ledger shows that an app has worked there: before, no command changes anything.
func (s *story) marked() {
	s.t.Helper()
	s.eventually("the app's first mark in the ledger", func() bool {
		code, _, _ := s.direct(forLedger, "resume", "--yes")
		return code == 0
	})
}

var (
	forQueues = []string{"ServiceBus", "CORDON_ALERT_QUEUE", "CORDON_NOTICE_QUEUE"}
	forReplay = append(slices.Clone(forQueues), "CORDON_TENANT_ID")
	forLedger = append(slices.Clone(forReplay), "AzureWebJobsStorage")
)

// asleep keeps the timers from bringing an answer about.
func asleep() map[string]string {
	return map[string]string{"CORDON_POLL_SCHEDULE": "0 0 0 1 1 *"}
}

func TestStoryPoisonIsListedAndItsReasonIsShown(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, asleep())
	if err := s.Bus.Send(world.AlertQueue, servicebus.Message{
		ID:   "poison",
		Body: []byte("{\"alertId\":\"../../machines/1\",\"x\":\"\\u001b[2J\u202e\"}"),
	}); err != nil {
		t.Fatal(err)
	}
	s.eventually("the dead letter", func() bool { return s.Bus.Counts(world.AlertQueue).DeadLettered == 1 })
	code, stdout, stderr := s.direct(forReplay, "deadletter", "list", "--json")
	var list struct {
		DeadLetters []struct {
			Number     int64
			ID         string
			Deliveries int
			Reason     string
			Readable   bool
			Why        string
		}
	}
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != 0 || len(list.DeadLetters) != 1 {
		t.Fatalf("code %d, %v: %s%s", code, err, stdout, stderr)
	}
	d := list.DeadLetters[0]
	if d.ID != "poison" || d.Deliveries != 10 || d.Reason != "MaxDeliveryCountExceeded" || d.Readable ||
		!strings.Contains(d.Why, "character '/'") {
		t.Errorf("listed as %+v", d)
	}
	code, stdout, stderr = s.direct(forLedger, "deadletter", "show", "1")
	unfolded := strings.Join(strings.Fields(stdout), " ")
	if code != 0 || !strings.Contains(unfolded, "character '/'") || !strings.Contains(stdout, `\u202e`) ||
		strings.ContainsAny(stdout, "\x1b\u202e") {
		t.Errorf("show: code %d, %s%s", code, stdout, stderr)
	}
	if s.logged(`"level":"ERROR"`, d.Why[strings.Index(d.Why, "character '/'"):]) != 1 {
		t.Error("show and the handler's log say different things")
	}
	s.marked()
	code, stdout, stderr = s.direct(forLedger, "deadletter", "replay", "1", "--yes")
	if code != 1 || !strings.Contains(stdout, "refused") || !strings.Contains(stderr, "1 of 1") {
		t.Errorf("replay: code %d, %s%s", code, stdout, stderr)
	}
	if code, _, stderr = s.direct(forQueues, "deadletter", "drop", "1"); code != 2 ||
		s.Bus.Counts(world.AlertQueue).DeadLettered != 1 {
		t.Errorf("drop without a yes: code %d, %s", code, stderr)
	}
	if code, _, stderr = s.direct(forLedger, "deadletter", "drop", "1", "--yes"); code != 0 ||
		s.Bus.Counts(world.AlertQueue).DeadLettered != 0 {
		t.Errorf("drop: code %d, %s", code, stderr)
	}
}

// setAside makes a dead letter that can be read, as when every delivery of it ended with the process.
func (s *story) setAside(id string) {
	s.t.Helper()
	if err := s.Bus.Send(world.AlertQueue, servicebus.Message{
		ID:          id,
		Body:        []byte(`{"alertId":"da638994417204415533_-1184209733"}`),
		ContentType: "application/json",
	}); err != nil {
		s.t.Fatal(err)
	}
	d, err := s.Bus.Receive(s.t.Context(), world.AlertQueue)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.Bus.DeadLetter(s.t.Context(), world.AlertQueue, d.LockToken, "Test", "set aside by hand"); err != nil {
		s.t.Fatal(err)
	}
}

func TestStoryReplayedTwiceEndsInOneRunAndOneIsolation(t *testing.T) {
	t.Parallel()
	s := newStage(t, world.Options{}, asleep())
	s.highAlert()
	s.setAside("first")
	s.setAside("second") // of the same alert
	s.host = s.open(nil).Host
	s.marked()
	completed := func(suffix string) bool {
		return slices.ContainsFunc(s.Bus.Records(world.AlertQueue), func(r servicebus.Record) bool {
			return strings.HasSuffix(r.MessageID, suffix) && r.Fate == servicebus.Completed
		})
	}
	replay := func(number string) {
		t.Helper()
		code, stdout, stderr := s.direct(forLedger, "deadletter", "replay", number, "--yes")
		if code != 0 || !strings.Contains(stdout, "replayed") {
			t.Fatalf("code %d, %s%s", code, stdout, stderr)
		}
		s.eventually("the copy to be answered", func() bool { return completed(":replay:" + number) })
	}
	replay("1")
	s.eventually("the outcome", func() bool { return s.told("Isolated") })
	if code, stdout, stderr := s.direct(forLedger, "deadletter", "show", "2"); code != 0 ||
		!strings.Contains(stdout, "yes: alert da6389") || !strings.Contains(stdout, "_-1184209733:v1 is ") {
		t.Errorf("show: code %d, %s%s", code, stdout, stderr)
	}
	replay("2")
	s.eventually("the run to close", func() bool {
		return slices.ContainsFunc(s.Runs(), func(r judge.Run) bool {
			return r.State == "closed" && r.Outcome == "isolated"
		})
	})
	if runs := s.Runs(); len(runs) != 1 {
		t.Errorf("runs %+v", runs)
	}
	if n := s.isolations(); n != 1 {
		t.Errorf("%d isolations", n)
	}
	if c := s.Bus.Counts(world.AlertQueue); c.DeadLettered != 0 || c.Active != 0 {
		t.Errorf("%+v", c)
	}
}

// TestStoryMessageThatTheHostCannotReadIsSetAsideAndNobodyIsAsked sends a body that is a map, not bytes or text, and a
// whole message behind it.
func TestStoryMessageThatTheHostCannotReadIsSetAsideAndNobodyIsAsked(t *testing.T) {
	t.Parallel()
	s := newStage(t, world.Options{}, asleep())
	site := s.open(nil)
	s.highAlert()
	s.sendRaw(&amqp.Message{Value: map[string]any{"alertId": pushedID}})
	s.eventually("the dead letter", func() bool { return s.Bus.Counts(world.AlertQueue).DeadLettered == 1 })
	r := s.Bus.Records(world.AlertQueue)[0]
	if r.Deliveries != 10 || r.Reason != "MaxDeliveryCountExceeded" {
		t.Errorf("%d deliveries, set aside because of %q", r.Deliveries, r.Reason)
	}
	s.eventually("ten failures", func() bool { return len(site.answers()) == 10 })
	for _, e := range site.answers() {
		if e.Err == nil || e.Status != 0 {
			t.Errorf("delivery %d: %+v", e.DeliveryCount, e)
		}
	}
	if n := s.logged("RespondToAlert") + s.isolations(); n != 0 {
		t.Errorf("the handler said something of it, or did something: %d", n)
	}
	code, stdout, stderr := s.direct(forReplay, "deadletter", "list", "--json")
	if code != 0 || !strings.Contains(stdout, `"readable": false`) {
		t.Errorf("list: code %d, %s%s", code, stdout, stderr)
	}
	s.marked()
	code, stdout, stderr = s.direct(forLedger, "deadletter", "replay", "1", "--yes")
	if code != 1 || !strings.Contains(stdout, "refused") || s.Bus.Counts(world.AlertQueue).DeadLettered != 1 {
		t.Errorf("replay: code %d, %s%s", code, stdout, stderr)
	}
	s.host = site.Host
	s.eventually("that Health tells of it", func() bool {
		_, body := s.get("/api/health")
		return strings.Contains(body, "dead letter")
	})
	s.sendRaw(amqp.NewMessage([]byte(`{"alertId":"` + pushedID + `"}`)))
	s.eventually("the answer to the next message", func() bool { return s.told("Isolated") })
}
