package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"cordon/handler/cli/call"
	"cordon/handler/notice"
	"cordon/handler/operate/wire"
)

// post is a notice service whose queue is a list and whose mail server answers what it is told.
type post struct {
	*notice.Outbox
	queued  [][]byte
	refuses error
	taken   []notice.Mail
}

func newPost(y *yard, now func() time.Time) *post {
	p := &post{}
	p.Outbox = notice.New(notice.Options{
		Notices:    y.store.Notices,
		Hunts:      y.store.Hunts,
		Queue:      p,
		Mailer:     p,
		Log:        slog.New(slog.DiscardHandler),
		Now:        now,
		Window:     0,
		Lock:       time.Minute,
		RetryAfter: 5 * time.Second,
		Domain:     "contoso.com",
		To:         []string{`"Doe, Jane" <jane@contoso.com>`, "soc@contoso.com"},
	})
	return p
}

// SendNotice implements notice.Queue.
func (p *post) SendNotice(_ context.Context, _ string, body []byte, _ time.Time) error {
	p.queued = append(p.queued, body)
	return nil
}

// Send implements notice.Mailer.
func (p *post) Send(_ context.Context, m notice.Mail) error {
	if p.refuses == nil {
		p.taken = append(p.taken, m)
	}
	return p.refuses
}

// tell tells that a machine is isolated, and tries to send that.
func (p *post) tell(t *testing.T, incident int, name string) {
	t.Helper()
	err := p.Tell(t.Context(), fmt.Sprintf("incident:%d", incident), notice.Event{
		Kind:        notice.Isolated,
		RunID:       "da1:v1",
		AlertID:     "da1",
		Title:       name,
		MachineID:   strings.Repeat("ab", 20),
		MachineName: name,
		Episode:     1,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// deliver answers the newest message.
func (p *post) deliver(t *testing.T) {
	t.Helper()
	if err := p.Deliver(t.Context(), p.queued[len(p.queued)-1]); err != nil {
		t.Fatal(err)
	}
}

const full = "mail: recipients at smtp.contoso.com:587: 1 of 2 refused, at contoso.com: 452 the mailbox is full; " +
	"look at the quota of the mailbox"

// TestMailsAreShownAsTheGoldenFiles has one mail of each kind.
func TestMailsAreShownAsTheGoldenFiles(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	now := noon
	p := newPost(y, func() time.Time { return now })
	_, none, stderr := direct(t, y.env, "mails")
	golden(t, "mails-none", none+stderr)
	p.tell(t, 7, "fin-lt-0147.corp.contoso.com")
	p.deliver(t)
	now = noon.Add(150 * time.Minute)
	p.tell(t, 8, "hr-vm-22.corp.contoso.com")
	p.refuses = errors.New(full)
	p.deliver(t)
	now = noon.Add(180 * time.Minute)
	p.refuses = &notice.PartlySentError{Left: []string{"soc@contoso.com"}, Err: errors.New("451 greylisted")}
	p.deliver(t)
	p.tell(t, 12, "ws-1.contoso.com")
	for name, args := range map[string][]string{
		"mails":        {"mails"},
		"mails-failed": {"mails", "--state", "failed"},
		"mails-one":    {"mails", "--limit", "1"},
		"mails.json":   {"mails", "--json"},
	} {
		code, shown, stderr := direct(t, y.env, args...)
		if code != call.ExitDone {
			t.Errorf("%v: %d", args, code)
		}
		golden(t, name, shown+stderr)
		for line := range strings.Lines(shown) {
			if utf8.RuneCountInString(line) > 81 && name != "mails.json" {
				t.Errorf("wider than a terminal: %s", line)
			}
		}
	}
}

// TestWhatTheServerRefusedIsSentOnceWhenAPersonSaysSo goes from a mail server that refuses to one that is well again,
// with nothing but the commands.
func TestWhatTheServerRefusedIsSentOnceWhenAPersonSaysSo(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := newPost(y, time.Now)
	p.refuses = errors.New(full)
	p.tell(t, 7, "fin-lt-0147")
	p.deliver(t)
	if _, shown, stderr := direct(t, y.env, "mails", "--state", "failed"); !strings.Contains(shown, "incident:7:1") ||
		!strings.Contains(shown, "452 the mailbox is full") || !strings.Contains(shown, "failed once") {
		t.Errorf("%s%s", shown, stderr)
	}
	p.refuses = nil
	send := func(want int, says string, args ...string) {
		t.Helper()
		args = append([]string{"mails", "send"}, args...)
		code, shown, stderr := direct(t, y.env, append(args, "--yes", "--reason", "the mailbox has room again")...)
		if code != want || !strings.Contains(shown+stderr, says) {
			t.Errorf("%v: %d\n%s%s", args, code, shown, stderr)
		}
	}
	send(call.ExitDone, "incident:7:1: it is due now", "incident:7:1", "--command-id", "order-12")
	send(call.ExitDone, "was given before", "incident:7:1", "--command-id", "order-12")
	for first := true; first || y.Counts("notices").Active > 0; first = false {
		asked, err := y.Receive(t.Context(), "notices") // this queue has no duplicate detection
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Deliver(t.Context(), asked.Body); err != nil {
			t.Fatal(err)
		}
		if err := y.Complete(t.Context(), "notices", asked.LockToken); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.taken) != 1 {
		t.Errorf("%d mails", len(p.taken))
	}
	send(call.ExitFailed, "NOT DONE, it was sent already", "incident:7:1")
	send(call.ExitFailed, "NOT DONE, there is no mail incident:9:1", "incident:9:1")
	send(call.ExitDone, "no mail has failed", "--all")
	if _, shown, stderr := direct(t, y.env, "mails", "--state", "sent"); !strings.Contains(shown, "incident:7:1") {
		t.Errorf("%s%s", shown, stderr)
	}
	if _, shown, _ := direct(t, y.env, "journal"); !strings.Contains(shown, "send") ||
		!strings.Contains(shown, "why: the mailbox has room again") {
		t.Errorf("%s", shown)
	}
}

// TestWhatCanNeverArriveIsDropped drops a mail with nothing but the commands.
func TestWhatCanNeverArriveIsDropped(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := newPost(y, time.Now)
	p.refuses = errors.New("550 no such user")
	p.tell(t, 7, "fin-lt-0147")
	p.deliver(t)
	drop := func(want int, says string, args ...string) {
		t.Helper()
		args = append([]string{"mails", "drop"}, args...)
		code, shown, stderr := direct(t, y.env, append(args, "--yes", "--reason", "the address is gone")...)
		if code != want || !strings.Contains(shown+stderr, says) {
			t.Errorf("%v: %d\n%s%s", args, code, shown, stderr)
		}
	}
	drop(call.ExitUsage, "mails drop wants the mails")
	drop(call.ExitDone, "incident:7:1: dropped: it is not tried any more", "--all")
	drop(call.ExitFailed, "NOT DONE, it was dropped, at ", "incident:7:1")
	drop(call.ExitDone, "no mail has failed", "--all")
	if _, shown, stderr := direct(t, y.env, "mails"); !strings.Contains(shown, "no mail: failed, waiting, sent") {
		t.Errorf("%s%s", shown, stderr)
	}
	if _, shown, stderr := direct(t, y.env, "mails", "--state", "dropped"); !strings.Contains(shown, "incident:7:1") ||
		!strings.Contains(shown, "failed once") {
		t.Errorf("%s%s", shown, stderr)
	}
	if _, shown, _ := direct(t, y.env, "journal"); !strings.Contains(shown, "give up") ||
		!strings.Contains(shown, "why: the address is gone") {
		t.Errorf("%s", shown)
	}
}

// TestMailsAreAskedOfTheAppThatIsSignedInAt has the commands ask an app.
func TestMailsAreAskedOfTheAppThatIsSignedInAt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	code, shown, stderr := command(t, s.env, "mails", "--limit", "10")
	if code != call.ExitDone || !strings.Contains(shown, "incident:7:failed") ||
		!strings.Contains(shown, "incident:7:waiting") || !strings.Contains(shown, "incident:7:sent") ||
		!strings.Contains(shown, "11 at most") || strings.Contains(shown, "there are more") {
		t.Errorf("%d\n%s%s", code, shown, stderr)
	}
	code, shown, stderr = command(t, s.env, "mails", "send", "--all", "--yes", "--reason", "mended")
	if code != call.ExitDone || shown != "incident:7:failed: asked for\n" || len(s.orders) == 0 ||
		!strings.Contains(s.orders[0], `"mails":["incident:7:failed"]`) {
		t.Errorf("%d %v\n%s%s", code, s.orders, shown, stderr)
	}
}

// TestMailsOfAttackersAreHarmless has an attacker and the mail server write what they can.
func TestMailsOfAttackersAreHarmless(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := newPost(y, time.Now)
	hostile := "\x1b[2J\x1b]0;pwned\x07\u202e\u009b31m\r\nSTATE\x00\u2028<script>"
	p.refuses = errors.New(strings.Repeat(hostile, 8000))
	p.tell(t, 7, hostile)
	p.deliver(t)
	_, shown, stderr := direct(t, y.env, "mails")
	if at := strings.IndexFunc(shown+stderr, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); at >= 0 ||
		!strings.Contains(shown, "incident:7:1") || len(shown) > 4000 {
		t.Errorf("%d bytes: %q", len(shown), shown)
	}
	_, listed, _ := direct(t, y.env, "mails", "--json")
	var all wire.Mails
	if err := json.Unmarshal([]byte(listed), &all); err != nil || len(all.Mails) != 1 || len(listed) > 8000 ||
		strings.ContainsFunc(listed, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("%v\n%q", err, listed)
	}
}

// TestACommandLineAboutMailsThatIsWrongIsNamed has what cannot be meant.
func TestACommandLineAboutMailsThatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"mails --state gone":                    "--state gone is none of mails: expected failed, waiting, sent or dropped",
		"mails --limit 0":                       "--limit 0 is out of bounds: expected 1 to 5000",
		"mails sned incident:7:1":               "there is no command mails sned; did you mean send? See cordon mails --help",
		"mails send --yes --reason x":           "mails send wants the mails that cordon mails lists, or --all",
		"mails send a:1 --all --yes --reason x": "either mails or --all, not both",
		"mails send incident:7:1 --yes":         "mails send wants --reason: it is recorded, and others read it",
	} {
		code, _, stderr := command(t, nil, strings.Fields(line)...)
		if code != call.ExitUsage || stderr != "cordon: "+want+"\n" {
			t.Errorf("%s: %d %s", line, code, stderr)
		}
	}
}
