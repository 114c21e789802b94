package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/cli/call"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/operate/wire"
	"cordon/handler/poll"
	"cordon/local/servicebus"
	"cordon/local/tables"
)

const ours = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// yard is a namespace and a storage account on this machine, with the settings of a person who looks at dead letters.
type yard struct {
	*servicebus.Server
	clock *servicebus.ManualClock
	env   map[string]string
	store *ledger.Store
}

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{clock: servicebus.NewManualClock(noon)}
	var err error
	y.Server, err = servicebus.New(servicebus.Options{
		Clock:  y.clock,
		Queues: []servicebus.QueueConfig{{Name: "alerts", DuplicateWindow: 24 * time.Hour}, {Name: "notices"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = y.Server.Close() })
	if _, err := y.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	account := tables.New(tables.Options{})
	web := httptest.NewServer(account)
	t.Cleanup(web.Close)
	connection := account.ConnectionString(web.URL)
	if y.store, err = ledger.Open(rows.Options{
		ConnectionString: connection,
		Prefix:           "cordon",
		Tenant:           ours,
	}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(y.store.Prepare(t.Context()),
		y.store.Switches.SetMark(t.Context(), poll.MarkPoll, noon, "")); err != nil {
		t.Fatal(err)
	}
	y.env = map[string]string{
		"ServiceBus":          y.ConnectionString(),
		"CORDON_TENANT_ID":    ours,
		"AzureWebJobsStorage": connection,
		"CORDON_ALERT_QUEUE":  "alerts",
		"CORDON_NOTICE_QUEUE": "notices",
	}
	return y
}

// setAside makes a dead letter and returns its number.
func (y *yard) setAside(t *testing.T, name string, m servicebus.Message, reason, description string) int64 {
	t.Helper()
	if err := y.Send(name, m); err != nil {
		t.Fatal(err)
	}
	d, err := y.Receive(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := y.DeadLetter(t.Context(), name, d.LockToken, reason, description); err != nil {
		t.Fatal(err)
	}
	y.clock.Advance(time.Second)
	return d.SequenceNumber
}

const (
	decodable = `{"format":1,"tenant":"` + ours + `",` +
		`"alertId":"da638994417204415533_-1184209733","version":1,"reason":"new"}`
	// aimed is a body that a terminal would obey, and a table or JSON might break over.
	aimed = "{\"alertId\":\"\x1b[2J\x1b]0;pwned\x07\u202e\u009b31m\r\nNUMBER\",\t\"x\":\"\x00\"}\n"
)

// someOfEach fills both queues.
func (y *yard) someOfEach(t *testing.T) {
	t.Helper()
	const failed, tries = "MaxDeliveryCountExceeded", "Message could not be consumed after 10 delivery attempts."
	y.setAside(
		t,
		"alerts",
		servicebus.Message{
			ID:          ours + ":da638994417204415533_-1184209733:v1",
			Body:        []byte(decodable),
			ContentType: "application/json",
		},
		failed,
		tries,
	)
	y.setAside(t, "alerts", servicebus.Message{ID: "x", Body: []byte(`{"alertId":"../../machines/1"}`)}, failed, tries)
	y.setAside(t, "alerts", servicebus.Message{ID: "\x1b[31mid", Body: []byte(aimed), ContentType: "text/\x1b[5mplain"},
		"\x1b[8mreason", "\u202edescription\nsecond line\tof it")
	y.setAside(t, "alerts", servicebus.Message{ID: "other", Body: []byte(`{"tenant":"other","alertId":"da1"}`)}, failed,
		tries)
	y.setAside(t, "alerts", servicebus.Message{ID: "newer", Body: []byte(`{"format":2,"alertId":{"id":"da1"}}`)},
		failed, tries)
	y.setAside(t, "alerts", servicebus.Message{ID: "empty"}, "TTLExpiredException",
		"The message expired and was dead lettered.")
	y.setAside(t, "alerts", servicebus.Message{ID: "bytes", Body: []byte{0xff, 0xfe, 0x00}}, failed, tries)
	y.setAside(
		t,
		"notices",
		servicebus.Message{
			ID:   ours + ":incident:48213:1",
			Body: []byte(`{"format":1,"tenant":"` + ours + `","group":"incident:48213","seq":1}`),
		},
		failed,
		tries,
	)
	y.setAside(t, "notices", servicebus.Message{ID: "n", Body: []byte(`{"group":"incident:48213","seq":0}`)}, failed,
		tries)
}

// answered records a run of the decodable message's version that is over.
func (y *yard) answered(t *testing.T) {
	t.Helper()
	const id = "da638994417204415533_-1184209733"
	if _, err := y.store.Runs.Observe(t.Context(),
		runs.Observation{Alert: alert.Alert{ID: id, Updated: noon}, Hash: "h", At: noon}); err != nil {
		t.Fatal(err)
	}
	if _, err := y.store.Runs.Update(t.Context(), id, 1, func(r *runs.Run) (bool, error) {
		r.State, r.ClosedAt, r.Outcome, r.Reason = runs.Closed, noon, "isolated", "action 1f0b\x1b[7m is Succeeded"
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
}

func (y *yard) command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return direct(t, y.env, append([]string{"deadletter"}, args...)...)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

func TestDeadLettersAreShownAsTheGoldenFiles(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	y.answered(t)
	for name, args := range map[string][]string{
		"list":           {"list"},
		"list-json":      {"list", "--json"},
		"list-some":      {"list", "--limit", "2"},
		"list-notices":   {"list", "--queue", "notices"},
		"show-read":      {"show", "1"},
		"show-read-json": {"show", "1", "--json"},
		"show-refused":   {"show", "2"},
		"show-aimed":     {"show", "3"},
		"show-json":      {"show", "3", "--json"},
		"show-newer":     {"show", "5"},
		"show-empty":     {"show", "6"},
		"show-bytes":     {"show", "7", "--json"},
		"show-notice":    {"show", "1", "--queue", "notices"},
	} {
		code, stdout, stderr := y.command(t, args...)
		if code != call.ExitDone || stderr != "" {
			t.Errorf("%s: code %d, %s", name, code, stderr)
		}
		golden(t, "deadletter/"+name, stdout)
	}
	if c := y.Counts("alerts"); c != (servicebus.Counts{DeadLettered: 7}) {
		t.Errorf("looking left %+v", c)
	}
}

func TestNothingThatIsPrintedIsObeyedByATerminal(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	y.answered(t)
	for _, args := range [][]string{
		{"list"}, {"list", "--json"}, {"show", "1"}, {"show", "1", "--json"}, {"show", "3"}, {"show", "3", "--json"},
		{"show", "7"}, {"show", "7", "--json"}, {"replay", "3", "7", "--yes"}, {"replay", "3", "7", "--yes", "--json"},
		{"show", "\x1b[2J"}, {"drop", "\u202e1", "--yes"}, {"\x1b[2J"}, {"list", "--queue", "\x1b[2J"},
		{"drop", "3", "--yes"},
	} {
		_, stdout, stderr := y.command(t, args...)
		if out := stdout + stderr; strings.ContainsFunc(out, func(r rune) bool {
			return r != '\n' && !unicode.IsPrint(r)
		}) || out == "" {
			t.Errorf("%q prints %q", args, out)
		}
	}
}

func TestAnEmptyQueueIsNoFailure(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for _, args := range [][]string{{"list"}, {"replay", "--all", "--yes"}, {"drop", "--all", "--yes"}} {
		if code, stdout, stderr := y.command(t, args...); code != call.ExitDone ||
			stdout != "queue alerts has no dead letters\n" {
			t.Errorf("%v: code %d, %s%s", args, code, stdout, stderr)
		}
	}
	if code, stdout, _ := y.command(t, "list", "--json"); code != call.ExitDone ||
		!strings.Contains(stdout, `"deadLetters": []`) {
		t.Errorf("JSON: code %d, %s", code, stdout)
	}
	if code, _, stderr := y.command(t, "show", "17"); code != call.ExitFailed ||
		!strings.Contains(stderr, "no dead letter 17") {
		t.Errorf("show: code %d, %s", code, stderr)
	}
}

// results reads the JSON of replay and drop.
func results(t *testing.T, stdout string) (list wire.Results) {
	t.Helper()
	if err := json.Unmarshal([]byte(stdout), &list); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	return list
}

func TestReplaySendsWhatCanBeReadAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	code, stdout, stderr := y.command(t, "replay", "2", "1", "99", "5", "--yes", "--json")
	if code != call.ExitFailed || !strings.Contains(stderr, "3 of 4 were not done (command ") {
		t.Errorf("code %d, %s", code, stderr)
	}
	list := results(t, stdout)
	var got []string
	for _, r := range list.Results {
		said, _, _ := strings.Cut(r.Outcome, ":")
		got = append(got, fmt.Sprintf("%s %v %s", r.Object, r.Done, said))
	}
	if diff := cmp.Diff([]string{"alerts 1 true replayed", "alerts 2 false refused", "alerts 5 false refused",
		"alerts 99 false gone"}, got); diff != "" {
		t.Error(diff)
	}
	if why := list.Results[1].Outcome; !strings.Contains(why, "character '/'") {
		t.Errorf("refused because %q", why)
	}
	d, err := y.Receive(t.Context(), "alerts")
	if err != nil {
		t.Fatal(err)
	}
	if d.MessageID != ours+":da638994417204415533_-1184209733:v1:replay:1" ||
		string(d.Body) != decodable || d.ContentType != "application/json" {
		t.Errorf("the copy is %+v with %s", d, d.Body)
	}
	if c := y.Counts("alerts"); c.DeadLettered != 6 {
		t.Errorf("%+v", c)
	}
	if code, stdout, _ := y.command(t, "replay", "1", "--queue", "notices", "--yes"); code != call.ExitDone ||
		!strings.Contains(stdout, "replayed") {
		t.Errorf("a notice: code %d, %s", code, stdout)
	}
	if n, err := y.Receive(t.Context(), "notices"); err != nil || n.MessageID != ours+":incident:48213:1:replay:1" {
		t.Errorf("the notice's copy is %+v, %v", n, err)
	}
}

func TestAllMeansThoseThatAreThereUpToTheLimit(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for i := range 5 {
		y.setAside(t, "alerts",
			servicebus.Message{ID: fmt.Sprint(i), Body: []byte(fmt.Sprintf(`{"alertId":"da%d"}`, i))}, "Test", "")
	}
	code, stdout, stderr := y.command(t, "replay", "--all", "--limit", "3", "--yes", "--json")
	if list := results(t, stdout); code != call.ExitDone || len(list.Results) != 3 ||
		stderr != "there are more: run it again\n" {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
	if code, stdout, _ := y.command(t, "drop", "--all", "--limit", "1", "--yes"); code != call.ExitDone ||
		!strings.Contains(stdout, "there are more: run it again") {
		t.Errorf("code %d, %s", code, stdout)
	}
	if code, stdout, _ := y.command(t, "drop", "--all", "--yes"); code != call.ExitDone ||
		strings.Contains(stdout, "more") {
		t.Errorf("code %d, %s", code, stdout)
	}
	if c := y.Counts("alerts"); c != (servicebus.Counts{Active: 3}) {
		t.Errorf("%+v", c)
	}
}

func TestWithoutATerminalNothingIsChangedUnlessYesWasSaid(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.someOfEach(t)
	for _, verb := range []string{"replay", "drop"} {
		if code, stdout, stderr := y.command(t, verb, "1"); code != call.ExitUsage || stdout != "" ||
			!strings.Contains(stderr, "--yes") {
			t.Errorf("%s: code %d, %s%s", verb, code, stdout, stderr)
		}
	}
	if c := y.Counts("alerts"); c != (servicebus.Counts{DeadLettered: 7}) {
		t.Errorf("%+v", c)
	}
}
