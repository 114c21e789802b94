package mailbox_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cordon/handler/internal/postal"
	"cordon/handler/mailbox"
	"cordon/handler/notice"
)

// isolation is an event about a machine, told for a run.
func isolation(run string, kind notice.Kind) notice.Event {
	return notice.Event{
		Kind:        kind,
		RunID:       run,
		AlertID:     "da1",
		Title:       "Credential theft",
		Severity:    "High",
		Rule:        "contain",
		MachineID:   strings.Repeat("ab", 20),
		MachineName: "fin-lt-0147",
		Episode:     1,
		Detail:      "the rule contain asks for it",
	}
}

// TestARunKnowsWhatBecameOfEachMailThatToldOfIt follows two mails of an incident from their first word to the server's.
func TestARunKnowsWhatBecameOfEachMailThatToldOfIt(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	of := func(run string) string {
		t.Helper()
		told, err := p.Box.Of(t.Context(), run, []string{"incident:7", "incident:8", "incident:7"})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, one := range told {
			m := one.Mail
			all = append(all, fmt.Sprintf("%s %s %s to %s: %s, %d tries %s",
				one.Kind, one.Machine, m.ID, strings.Join(m.To, " "), m.State, m.Tries, m.Why))
		}
		return strings.Join(all, "\n")
	}
	want := func(what string, lines ...string) {
		t.Helper()
		if got := of("da1:v1"); got != strings.Join(lines, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", what, got, strings.Join(lines, "\n"))
		}
	}
	want("nothing is told")
	p.Tell(7, isolation("da1:v1", notice.Requested))
	other := isolation("da2:v1", notice.Requested)
	other.MachineID, other.MachineName, other.To = strings.Repeat("cd", 20), "m2", []string{"lead@contoso.com"}
	p.Tell(8, other)
	want("it waits", "requested fin-lt-0147 incident:7:1 to soc@contoso.com: waiting, 0 tries ")
	if got := of("da2:v1"); got != "requested m2 incident:8:1 to lead@contoso.com: waiting, 0 tries " {
		t.Errorf("of the other run: %s", got)
	}
	w.Refuse(errors.New("550 no"))
	w.Advance(time.Minute)
	p.Deliver()
	want("it is refused", "requested fin-lt-0147 incident:7:1 to soc@contoso.com: failed, 1 tries 550 no")
	p.Tell(7, isolation("da1:v1", notice.Isolated))
	w.Refuse(nil)
	w.Advance(15 * time.Second)
	p.Deliver()
	want("the first is sent",
		"requested fin-lt-0147 incident:7:1 to soc@contoso.com: sent, 1 tries 550 no",
		"isolated fin-lt-0147 incident:7:2 to soc@contoso.com: waiting, 0 tries ")
	w.Advance(time.Minute)
	p.Deliver()
	told, err := p.Box.Of(t.Context(), "da1:v1", []string{"incident:7"})
	if err != nil || len(told) != 2 || told[1].Mail.State != mailbox.Sent || !told[1].Mail.Sent.Equal(w.Clock()) ||
		!strings.Contains(told[1].Mail.About, "fin-lt-0147: Isolated") || told[1].Noted.IsZero() {
		t.Errorf("%+v, %v", told, err)
	}
}

// TestAMailThatIsLateHasNotFailed lets a mail wait once, as after an outage.
func TestAMailThatIsLateHasNotFailed(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	p.Tell(7, isolation("da1:v1", notice.Requested))
	w.Advance(time.Hour)
	p.Deliver()
	told, err := p.Box.Of(t.Context(), "da1:v1", []string{"incident:7"})
	if err != nil || told[0].Mail.State != mailbox.Waiting || told[0].Mail.Tries != 0 || len(w.Taken()) != 0 {
		t.Errorf("%+v, %v", told, err)
	}
	w.Refuse(errors.New("451 later"))
	w.Advance(2 * time.Minute)
	p.Deliver()
	told, err = p.Box.Of(t.Context(), "da1:v1", []string{"incident:7"})
	if err != nil || told[0].Mail.State != mailbox.Failed || told[0].Mail.Tries != 1 {
		t.Errorf("%+v, %v", told, err)
	}
}

// TestARowOfTheVersionBeforeIsReadAsFarAsItGoes has a mail whose row knows only how often it failed.
func TestARowOfTheVersionBeforeIsReadAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	p.Tell(7, isolation("da1:v1", notice.Requested))
	claim, err := p.Ledger.Notices.Claim(t.Context(), "incident:7", 1, w.Clock(), postal.Lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ledger.Notices.Failed(t.Context(), claim.Notice, w.Clock().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	page, _, err := p.Box.Page(t.Context(), mailbox.Failed, 10, "")
	if err != nil || len(page) != 1 || page[0].About != "incident 7" || page[0].Tries != 1 || page[0].Why != "" {
		t.Errorf("%+v, %v", page, err)
	}
	told, err := p.Box.Of(t.Context(), "da1:v1", []string{"incident:7"})
	if err != nil || len(told) != 1 || !slices.Equal(told[0].Mail.To, []string{"soc@contoso.com"}) {
		t.Errorf("%+v, %v", told, err)
	}
}

// TestHostileTextsOfWhatWasToldAreBounded has an attacker write every text.
func TestHostileTextsOfWhatWasToldAreBounded(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	hostile := strings.Repeat("\x1b[2J\u202e\x00\xff\r\n", 120)
	e := isolation("da1:v1", notice.Held)
	e.Title, e.MachineName, e.Step, e.Detail, e.Rule = hostile, hostile, "", hostile, hostile
	p.Tell(7, e)
	w.Refuse(errors.New(strings.Repeat(hostile, 300)))
	w.Advance(time.Minute)
	p.Deliver()
	told, err := p.Box.Of(t.Context(), "da1:v1", []string{"incident:7"})
	if err != nil || len(told) != 1 {
		t.Fatalf("%d, %v", len(told), err)
	}
	m := told[0].Mail
	for _, text := range []string{told[0].Machine, told[0].Step, told[0].Detail, m.About, m.Why} {
		if utf8.RuneCountInString(text) > 1001 || strings.ContainsAny(text, "\x00\x1b") || !utf8.ValidString(text) {
			t.Errorf("%d bytes: %.80q", len(text), text)
		}
	}
}

func TestIDsOfMailsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, group := range []string{"incident:7", "incident:7:abcdef012345", "alert:da1_2", "hunt:x:2026-03-02T12:00:00Z"} {
		got, seq, ok := mailbox.Named(mailbox.ID(group, 12))
		if !ok || got != group || seq != 12 {
			t.Errorf("%s: %q, %d, %v", group, got, seq, ok)
		}
	}
	none := []string{"", ":", "1", ":1", "incident:7:", "incident:7:0", "incident:7:-1", "incident:7:+1", "incident:7:01"}
	if i := slices.IndexFunc(none, func(id string) bool { _, _, ok := mailbox.Named(id); return ok }); i >= 0 {
		t.Errorf("%q is taken for an id", none[i])
	}
}

// TestWhatGoesWithTheNextMailIsToldSoUntilThereIsOne has the second request for a machine, which makes no mail.
func TestWhatGoesWithTheNextMailIsToldSoUntilThereIsOne(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	failed := isolation("da1:v1", notice.Failed)
	failed.Again = true
	p.Tell(7, failed)
	w.Advance(time.Minute)
	p.Deliver()
	second := isolation("da1:v1", notice.Requested)
	second.Episode = 2
	p.Tell(7, second)
	mailOf := func() mailbox.Mail {
		t.Helper()
		told, err := p.Box.Of(t.Context(), "da1:v1", []string{"incident:7"})
		if err != nil || len(told) < 2 || told[1].Kind != notice.Requested {
			t.Fatalf("%+v, %v", told, err)
		}
		return told[1].Mail
	}
	if m := mailOf(); m.ID != "" || m.State != "" {
		t.Errorf("it has a mail: %+v", m)
	}
	done := isolation("da1:v1", notice.Isolated)
	done.Episode = 2
	w.Advance(time.Minute)
	p.Tell(7, done)
	if m := mailOf(); m.ID != "incident:7:2" || m.State != mailbox.Waiting {
		t.Errorf("it goes with %+v", m)
	}
}
