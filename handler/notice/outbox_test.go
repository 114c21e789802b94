package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/local/tables"
)

// desk is an outbox with everything around it.
type desk struct {
	*Outbox
	tables *tables.Server
	mu     sync.Mutex
	now    time.Time
	queued map[string][]byte // by message id, as the broker keeps them
	ids    []string
	at     []time.Time // when each is due
	mails  []Mail
	fail   error // of the mail server
	broken error // of the queue
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{now: noon, queued: map[string][]byte{}}
	service := tables.New(tables.Options{Now: d.clock})
	d.tables = service
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	store, err := ledger.Open(rows.Options{
		ConnectionString: service.ConnectionString(server.URL),
		Prefix:           "t",
		Tenant:           "tenant",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	d.Outbox = New(Options{
		Notices:    store.Notices,
		Hunts:      store.Hunts,
		Queue:      d,
		Mailer:     d,
		Log:        slog.New(slog.DiscardHandler),
		Now:        d.clock,
		Window:     30 * time.Second,
		Lock:       time.Minute,
		RetryAfter: 5 * time.Second,
		Domain:     "example.org",
		To:         []string{"soc@example.org"},
	})
	return d
}

func (d *desk) clock() time.Time { d.mu.Lock(); defer d.mu.Unlock(); return d.now }
func (d *desk) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *desk) SendNotice(_ context.Context, id string, body []byte, at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return d.broken
	}
	if _, known := d.queued[id]; !known {
		d.queued[id] = body
		d.ids = append(d.ids, id)
		d.at = append(d.at, at)
	}
	return nil
}

func (d *desk) Send(_ context.Context, m Mail) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	d.mails = append(d.mails, m)
	return nil
}

func (d *desk) tell(t *testing.T, group string, e Event) {
	t.Helper()
	if err := d.Tell(context.Background(), group, e); err != nil {
		t.Fatal(err)
	}
}

// deliver answers every queued message from the i-th on.
func (d *desk) deliver(t *testing.T, from int) {
	t.Helper()
	for _, id := range d.ids[from:] {
		if err := d.Deliver(context.Background(), d.queued[id]); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
}

func TestEventsWithinAWindowBecomeOneMailAndLaterOnesAreThreaded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell(t, "incident:1", about(Requested, 0, 0, ""))
	d.tell(t, "incident:1", scanOf(about(Requested, 0, 0, "")))
	d.tell(t, "incident:1", about(Requested, 0, 0, ""))
	d.deliver(t, 0)
	d.tell(t, "incident:1", about(Isolated, 1, 0, ""))
	d.deliver(t, 1)
	if len(d.mails) != 2 || len(d.ids) != 2 {
		t.Fatalf("%d mails for %d messages: %+v", len(d.mails), len(d.ids), d.mails)
	}
	first, second := d.mails[0], d.mails[1]
	if !strings.Contains(first.Subject, "Isolation requested, not confirmed yet; Antivirus") ||
		!strings.Contains(second.Subject, "Isolated") {
		t.Errorf("subjects %q, %q", first.Subject, second.Subject)
	}
	if len(first.References) != 0 || len(second.References) != 1 || second.References[0] != first.ID ||
		second.ID == first.ID {
		t.Errorf("thread: %q, %q refers to %q", first.ID, second.ID, second.References)
	}
	if first.To[0] != "soc@example.org" || !strings.HasSuffix(first.ID, "@example.org") {
		t.Errorf("mail to %v with id %q", first.To, first.ID)
	}
}

func TestSentNoticeIsNotSentAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell(t, "g", about(Requested, 0, 0, ""))
	for range 3 {
		d.deliver(t, 0)
		d.advance(2 * time.Minute)
	}
	if err := d.Resend(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(d.mails) != 1 || len(d.ids) != 1 {
		t.Errorf("%d mails, messages %v", len(d.mails), d.ids)
	}
}

func TestMailTroubleIsTriedAgainWithTheSameMessageID(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell(t, "g", about(Requested, 0, 0, ""))
	d.fail = errors.New("451 try later")
	d.deliver(t, 0)
	d.advance(d.at[1].Sub(d.clock()))
	d.deliver(t, 1)
	d.fail = nil
	d.advance(d.at[2].Sub(d.clock()))
	d.deliver(t, 2)
	d.deliver(t, 0)
	if len(d.mails) != 1 || len(d.ids) != 3 || d.mails[0].ID != d.messageID("g", 1) {
		t.Errorf("mails %+v, messages %v", d.mails, d.ids)
	}
}

// busy is a mailbox that wants to be left alone for a while.
type busy struct{ wait time.Duration }

func (b busy) Error() string                  { return "throttled" }
func (b busy) RetryIn() (time.Duration, bool) { return b.wait, true }

func TestAMailboxThatNamesATimeIsLeftAloneUntilThen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ asked, want time.Duration }{
		{0, 10 * time.Second}, {time.Second, 10 * time.Second}, {7 * time.Minute, 7 * time.Minute},
		{48 * time.Hour, time.Hour},
	} {
		d := newDesk(t)
		d.tell(t, "g", about(Requested, 0, 0, ""))
		d.fail = fmt.Errorf("send mail: %w", busy{c.asked})
		d.deliver(t, 0)
		if len(d.at) != 2 || d.at[1].Sub(d.clock()) != c.want {
			t.Errorf("asked for %v: scheduled at %v, want in %v", c.asked, d.at, c.want)
		}
	}
}

func TestNoticeWhoseMessageWasLostIsFoundOverdue(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.broken = errors.New("the broker is down")
	d.tell(t, "g", about(Requested, 0, 0, ""))
	d.broken = nil
	if err := d.Resend(context.Background()); err != nil || len(d.ids) != 0 {
		t.Fatalf("a notice that is not due was asked for: %v, %v", err, d.ids)
	}
	d.advance(2 * time.Minute)
	if err := d.Resend(context.Background()); err != nil {
		t.Fatal(err)
	}
	d.deliver(t, 0)
	if len(d.mails) != 1 {
		t.Errorf("%d mails", len(d.mails))
	}
}

func TestSenderThatDiedBeforeMarkingIsRepeatedWithTheSameMessageID(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell(t, "g", about(Requested, 0, 0, ""))
	if _, err := d.Notices.Claim(context.Background(), "g", 1, d.clock(), time.Minute); err != nil {
		t.Fatal(err)
	}
	d.deliver(t, 0)
	if len(d.mails) != 0 {
		t.Fatal("a notice was sent while another instance holds it")
	}
	d.advance(2 * time.Minute)
	if err := d.Resend(context.Background()); err != nil {
		t.Fatal(err)
	}
	d.deliver(t, 0)
	if len(d.mails) != 1 || d.mails[0].ID != d.messageID("g", 1) {
		t.Errorf("mails %+v", d.mails)
	}
}

// TestNoticeThatWasNeverWrittenIsForgotten has the ledger refuse the second of the two writes that open a notice.
func TestNoticeThatWasNeverWrittenIsForgotten(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tables.SetFault(func(r *http.Request) *tables.Fault {
		if strings.Contains(r.URL.Path, "$batch") {
			return &tables.Fault{Status: http.StatusForbidden}
		}
		return nil
	})
	if err := d.Tell(t.Context(), "g", about(Requested, 0, 0, "")); err == nil {
		t.Fatal("a notice that was not written counts as recorded")
	}
	d.tables.SetFault(nil)
	unsent := func() int {
		t.Helper()
		if err := d.Resend(t.Context()); err != nil {
			t.Fatal(err)
		}
		left, err := d.Notices.Unsent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(left)
	}
	d.advance(10 * time.Minute)
	if n := unsent(); n != 1 {
		t.Errorf("%d unsent while its writer may still live", n)
	}
	d.advance(2 * time.Minute)
	if n := unsent(); n != 0 || len(d.mails) != 0 {
		t.Errorf("%d unsent for ever, %d mails", n, len(d.mails))
	}
}

// TestNoticeWhoseWriterSleptIsSent has the index row of a notice taken out before its writer wrote the rest, and its
// message lost: the next event of the group brings it back.
func TestNoticeWhoseWriterSleptIsSent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.broken = errors.New("no queue")
	asleep := true
	d.tables.SetFault(func(r *http.Request) *tables.Fault {
		if asleep && strings.Contains(r.URL.Path, "$batch") {
			asleep = false
			d.advance(20 * time.Minute)
			if err := d.Resend(context.Background()); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	d.tell(t, "g", about(Requested, 0, 0, ""))
	d.broken = nil
	d.tell(t, "g", about(Isolated, 1, 0, ""))
	if err := d.Resend(t.Context()); err != nil || len(d.ids) != 1 {
		t.Fatalf("%d messages, %v", len(d.ids), err)
	}
	d.deliver(t, 0)
	d.advance(lateWait)
	d.deliver(t, 1) // it was late
	if len(d.mails) != 1 {
		t.Errorf("%d mails", len(d.mails))
	}
}

// TestAMailThatAnOutageHeldUpWaitsForWhatBecameOfItsAction has FollowActions look after the outage, but after the
// mail's message.
func TestAMailThatAnOutageHeldUpWaitsForWhatBecameOfItsAction(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell(t, "g", about(Requested, 0, 0, ""))
	d.advance(30 * 24 * time.Hour)
	d.deliver(t, 0)
	if len(d.mails) != 0 || len(d.ids) != 2 || !d.at[1].Equal(d.clock().Add(lateWait)) {
		t.Fatalf("%d mails, messages %v at %v", len(d.mails), d.ids, d.at)
	}
	d.deliver(t, 0) // a copy of the message, as an outage leaves them
	if len(d.mails) != 0 {
		t.Error("a copy of the message sent the mail that waits")
	}
	d.tell(t, "g", about(Isolated, 1, 0, ""))
	d.advance(24 * time.Hour) // the next message is late too, and waits for nothing
	d.deliver(t, 1)
	for _, m := range d.mails {
		if !strings.Contains(m.Text, "Outcome   Isolated\n") {
			t.Errorf("%s says:\n%s", m.ID, m.Text)
		}
	}
	if len(d.mails) == 0 {
		t.Error("nobody was told")
	}
}

func TestRecipientsOfARuleHearTheFollowUpToo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	e := about(Requested, 0, 0, "")
	e.To = []string{"fin@example.org"}
	d.tell(t, "g", e)
	d.deliver(t, 0)
	d.tell(t, "g", about(Isolated, 1, 0, ""))
	d.deliver(t, 1)
	for _, m := range d.mails {
		if len(m.To) != 1 || m.To[0] != "fin@example.org" {
			t.Errorf("mail %q to %v", m.Subject, m.To)
		}
	}
}

func TestLedgerTroubleBringsTheNoticeBackByACopy(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell(t, "g", about(Requested, 0, 0, ""))
	gone, cancel := context.WithCancel(context.Background())
	cancel() // every call of the ledger fails
	if err := d.Deliver(gone, d.queued[d.ids[0]]); err != nil || len(d.ids) != 2 || len(d.mails) != 0 {
		t.Fatalf("Deliver = %v, messages %v, %d mails", err, d.ids, len(d.mails))
	}
	d.deliver(t, 1)
	if len(d.mails) != 1 {
		t.Errorf("%d mails", len(d.mails))
	}
}

func TestRecipientsWhoWereRefusedForNowAreTheOnlyOnesToGetItLater(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	e := about(Requested, 0, 0, "")
	e.To = []string{"soc@example.org", "lead@example.org"}
	d.tell(t, "g", e)
	d.fail = &PartlySentError{Left: []string{"soc@example.org"}, Err: errors.New("450 greylisted")}
	d.deliver(t, 0)
	d.fail = nil
	d.advance(d.at[1].Sub(d.clock()))
	d.deliver(t, 1)
	if len(d.mails) != 1 || len(d.mails[0].To) != 1 || d.mails[0].To[0] != "soc@example.org" {
		t.Errorf("mails %+v", d.mails)
	}
}

// TestARecipientWhoseNameHasACommaGetsTheMailLater has the names as settings write them.
func TestARecipientWhoseNameHasACommaGetsTheMailLater(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	left := []string{`"Doe, Jane" <jane@example.org>`, "soc@example.org"}
	d.tell(t, "g", about(Requested, 0, 0, ""))
	d.fail = &PartlySentError{Left: left, Err: errors.New("450 greylisted")}
	d.deliver(t, 0)
	d.fail = nil
	d.advance(d.at[1].Sub(d.clock()))
	d.deliver(t, 1)
	if len(d.mails) != 1 || !slices.Equal(d.mails[0].To, left) {
		t.Errorf("mails %+v", d.mails)
	}
	if n, _, err := d.Notices.Notice(t.Context(), "g", 1); err != nil || n.To != "soc@example.org" {
		t.Errorf("everybody who got it: %q, %v", n.To, err)
	}
}

func TestForeignNoticeMessagesAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, body := range []string{
		"", "[]", "{}", `{"format":1,"tenant":"other","group":"g","seq":1}`,
		`{"format":1,"tenant":"tenant","group":"","seq":1}`, `{"format":1,"tenant":"tenant","group":"g","seq":0}`,
	} {
		var undecodable *alert.UndecodableError
		if err := d.Deliver(context.Background(), []byte(body)); !errors.As(err, &undecodable) {
			t.Errorf("Deliver(%q) = %v", body, err)
		}
	}
	if err := d.Deliver(context.Background(),
		[]byte(`{"format":1,"tenant":"tenant","group":"nobody","seq":7}`)); err != nil {
		t.Errorf("a notice that does not exist: %v", err)
	}
	for _, body := range []string{`{"format":9,"tenant":"tenant"}`, `{"format":9,"tenant":["tenant"],"seq":"1"}`} {
		if err := d.Deliver(context.Background(), []byte(body)); !errors.Is(err, alert.ErrUnknownFormat) ||
			len(d.ids) != 0 {
			t.Errorf("a newer format: %v, %v", err, d.ids)
		}
	}
}

func TestManyTellersAtOnceLoseNothingAndRepeatNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var group sync.WaitGroup
	for i := range 4 {
		for range 2 {
			group.Go(func() {
				e := about(Requested, 0, 0, "")
				e.MachineID = fmt.Sprintf("m%d", i)
				if err := d.Tell(context.Background(), "g", e); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	d.deliver(t, 0)
	if len(d.mails) != 4 {
		t.Errorf("mails %+v", d.mails)
	}
	for i, m := range d.mails {
		if slices.ContainsFunc(d.mails[:i], func(other Mail) bool { return other.Text == m.Text }) {
			t.Errorf("twice: %+v", m)
		}
	}
}

func TestGroupIsTheIncidentElseTheAlertAndApartByRecipients(t *testing.T) {
	t.Parallel()
	a := alert.Alert{ID: "da1", IncidentID: 7}
	if got := Group(a, nil); got != "incident:7" {
		t.Errorf("Group = %q", got)
	}
	if got := Group(alert.Alert{ID: "da1"}, nil); got != "alert:da1" {
		t.Errorf("Group = %q", got)
	}
	one, other := Group(a, []string{"a@x", "b@x"}), Group(a, []string{"B@x", "a@x"})
	if one == "incident:7" || Group(a, []string{"c@x"}) == one {
		t.Errorf("groups %q, %q", one, other)
	}
}

func TestMailThatIsSentLateTellsWhatIsSoNow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell(t, "g", about(Requested, 0, 0, ""))
	if _, err := d.Notices.Claim(t.Context(), "g", 1, d.clock(), d.Lock); err != nil { // and dies
		t.Fatal(err)
	}
	d.tell(t, "g", about(Isolated, 1, 0, ""))
	d.advance(2 * time.Minute)
	d.deliver(t, 0)
	if len(d.mails) != 2 {
		t.Fatalf("%d mails", len(d.mails))
	}
	for _, m := range d.mails {
		if !strings.Contains(m.Text, "Outcome   Isolated\n") {
			t.Errorf("%s says:\n%s", m.ID, m.Text)
		}
	}
}

func TestMailIsNotSentOnAClaimThatIsAboutToLapse(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell(t, "g", about(Requested, 0, 0, ""))
	slow := 0
	d.Now = func() time.Time {
		slow++ // half a minute passes with every look at the clock
		return d.clock().Add(time.Duration(slow) * 30 * time.Second)
	}
	d.deliver(t, 0)
	if len(d.mails) != 0 || len(d.ids) != 2 {
		t.Errorf("%d mails, asked %v", len(d.mails), d.ids)
	}
}

// TestAMailIsInTheZoneOfItsReaders has its own times and those in what Defender reported.
func TestAMailIsInTheZoneOfItsReaders(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Clock.Zone = time.FixedZone("", 3600)
	d.tell(t, "incident:1", about(Failed, 0, 0, "Action 1f0b is Failed since 2026-03-02T11:59:00Z."))
	d.deliver(t, 0)
	for _, part := range []string{d.mails[0].Text, d.mails[0].HTML} {
		for _, want := range []string{"13:00:00 +01:00 (12:00:00 UTC)", "12:59:00 +01:00 (11:59:00 UTC)"} {
			if !strings.Contains(strings.ReplaceAll(part, "&#43;", "+"), want) {
				t.Errorf("no %s in\n%s", want, part)
			}
		}
	}
}
