package mailbox_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/internal/postal"
	"cordon/handler/mailbox"
	"cordon/handler/notice"
)

// listed are the ids of all mails by state, as people see them.
func listed(t *testing.T, p *postal.Process) map[string]mailbox.State {
	t.Helper()
	all := map[string]mailbox.State{}
	for _, state := range []mailbox.State{mailbox.Sent, mailbox.Waiting, mailbox.Failed} {
		for after, more := "", true; more; more = after != "" {
			page, next, err := p.Box.Page(t.Context(), state, 1, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page {
				if was := all[m.ID]; was != "" && was != m.State {
					t.Errorf("%s is listed as %s and as %s", m.ID, was, m.State)
				}
				all[m.ID] = m.State
			}
			after = next
		}
	}
	return all
}

// TestKilledAtAnyCallAMailStaysListed kills the process at every call of sending two mails, of which the server first
// refuses one, and looks at the lists after each death and after the next process has gone on.
func TestKilledAtAnyCallAMailStaysListed(t *testing.T) {
	t.Parallel()
	for breaths := 0; killedAtSending(t, breaths, false); breaths++ {
		killedAtSending(t, breaths, true)
	}
}

func killedAtSending(t *testing.T, breaths int, mute bool) (died bool) {
	t.Helper()
	w := postal.New(t)
	alive := w.Start(-1, false)
	for i := range int64(2) {
		e := isolation("da1:v1", notice.Requested)
		e.MachineName = fmt.Sprintf("m%d", i)
		alive.Tell(i+1, e)
	}
	told := listed(t, alive)
	w.Advance(time.Minute)
	p := w.Start(breaths, mute)
	w.Refuse(errors.New("451 later"))
	if body, found := w.Due(); found {
		_ = p.Outbox.Deliver(t.Context(), body)
	}
	w.Refuse(nil)
	p.Deliver()
	died = p.Died()
	what := fmt.Sprintf("killed after %d calls (answer lost: %v)", breaths, mute)
	if at := listed(t, alive); len(at) != len(told) {
		t.Errorf("%s: listed are %v", what, at)
	}
	for range 30 {
		w.Advance(2 * time.Minute)
		if err := alive.Outbox.Resend(t.Context()); err != nil {
			t.Fatal(err)
		}
		alive.Deliver()
	}
	at := listed(t, alive)
	for id := range told {
		if at[id] != mailbox.Sent {
			t.Errorf("%s: %s ended as %q", what, id, at[id])
		}
	}
	again := 0
	for subject, n := range w.Taken() {
		if again += n - 1; n < 1 {
			t.Errorf("%s: %s never arrived", what, subject)
		}
	}
	// Only a death between the server's word and the ledger's repeats a mail.
	if again > 1 || len(w.Taken()) != 2 || again == 1 && !died {
		t.Errorf("%s: arrived %v", what, w.Taken())
	}
	return died
}

// TestListsOfMails has more of each state than a page shows.
func TestListsOfMails(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	p := w.Start(-1, false)
	for i := range int64(5) {
		p.Tell(i+1, isolation("da1:v1", notice.Requested))
		w.Advance(time.Second)
	}
	w.Advance(time.Minute)
	p.Deliver()
	w.Refuse(errors.New("550 no such user"))
	for i := range int64(3) {
		p.Tell(i+11, isolation("da1:v1", notice.Requested))
	}
	w.Advance(time.Minute)
	p.Deliver()
	p.Tell(21, isolation("da1:v1", notice.Requested))
	count := map[mailbox.State]int{}
	for _, state := range listed(t, p) {
		count[state]++
	}
	if count[mailbox.Sent] != 5 || count[mailbox.Failed] != 3 || count[mailbox.Waiting] != 1 {
		t.Errorf("%v", count)
	}
	failed, _, err := p.Box.Page(t.Context(), mailbox.Failed, 10, "")
	if err != nil || len(failed) != 3 {
		t.Fatalf("%+v, %v", failed, err)
	}
	m := failed[0]
	if m.Why != "550 no such user" || m.Tries != 1 || !m.Due.After(w.Clock()) || !m.Tried.Equal(w.Clock()) ||
		m.Sending || len(m.To) != 1 || !strings.Contains(m.About, "Isolation requested") {
		t.Errorf("%+v", m)
	}
	waiting, _, err := p.Box.Page(t.Context(), mailbox.Waiting, 10, "")
	if err != nil || waiting[0].About != "incident 21" || waiting[0].Due.IsZero() {
		t.Errorf("%+v, %v", waiting, err)
	}
	sent, _, err := p.Box.Page(t.Context(), mailbox.Sent, 10, "")
	if err != nil || sent[0].ID != "incident:5:1" && !sent[0].Sent.Equal(sent[1].Sent) {
		t.Errorf("%+v, %v", sent, err)
	}
}

// TestAPageOfWhatIsSentIsOneCall counts the calls of a page among few mails and among many.
func TestAPageOfWhatIsSentIsOneCall(t *testing.T) {
	t.Parallel()
	w := postal.New(t)
	writer := w.Start(-1, false)
	for i := range int64(60) {
		writer.Tell(i+1, isolation("da1:v1", notice.Requested))
		if i == 4 || i == 59 {
			w.Advance(time.Minute)
			writer.Deliver()
			calls := 0
			p := w.Start(-1, false)
			p.Between = func() { calls++ }
			page, _, err := p.Box.Page(t.Context(), mailbox.Sent, 5, "")
			if err != nil || len(page) != 5 || calls != 1 {
				t.Errorf("%d mails: %d of them by %d calls, %v", i+1, len(page), calls, err)
			}
		}
	}
}

// TestKilledAtAnyCallWhatMakesNoMailIsToldByTheNext kills the process at every call of noting the second request for a
// machine, which is then noted once more.
func TestKilledAtAnyCallWhatMakesNoMailIsToldByTheNext(t *testing.T) {
	t.Parallel()
	for breaths := 0; killedAtNoting(t, breaths, false); breaths++ {
		killedAtNoting(t, breaths, true)
	}
}

func killedAtNoting(t *testing.T, breaths int, mute bool) (died bool) {
	t.Helper()
	w := postal.New(t)
	alive := w.Start(-1, false)
	send := func() {
		w.Advance(time.Minute)
		alive.Deliver()
	}
	failed := isolation("da1:v1", notice.Failed)
	failed.Again = true
	alive.Tell(7, failed)
	send()
	again := isolation("da1:v1", notice.Requested)
	again.Episode = 2
	p := w.Start(breaths, mute)
	p.Tell(7, again)
	died = p.Died()
	alive.Tell(7, again)
	send()
	what := fmt.Sprintf("killed after %d calls (answer lost: %v)", breaths, mute)
	if at := listed(t, alive); len(at) != 1 {
		t.Errorf("%s: the second request makes a mail: %v", what, at)
	}
	done := isolation("da1:v1", notice.Isolated)
	done.Episode = 2
	alive.Tell(7, done)
	send()
	told, err := alive.Box.Of(t.Context(), "da1:v1", []string{"incident:7"})
	if err != nil || len(told) != 3 || told[1].Kind != notice.Requested || told[1].Mail.ID != "incident:7:2" ||
		told[1].Mail.State != mailbox.Sent {
		t.Errorf("%s: %+v, %v", what, told, err)
	}
	return died
}
