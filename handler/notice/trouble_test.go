package notice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/internal/long"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/local/tables"
)

// calendar is the notice queue with its time: it gives out what is due next and moves the desk's clock there.
type calendar struct {
	*desk
	known map[string]bool
	items []appointment
}

type appointment struct {
	id   string
	body []byte
	at   time.Time
}

func (c *calendar) SendNotice(_ context.Context, id string, body []byte, at time.Time) error {
	if !c.known[id] {
		c.known[id] = true
		c.items = append(c.items, appointment{id, body, at})
	}
	return nil
}

// pass answers everything that is due within d and lets the time pass, with a look for overdue notices every minute.
func (c *calendar) pass(t *testing.T, d time.Duration) {
	t.Helper()
	for end := c.clock().Add(d); c.clock().Before(end); c.advance(time.Minute) {
		for {
			slices.SortStableFunc(c.items, func(a, b appointment) int {
				return cmp.Compare(a.at.UnixNano(), b.at.UnixNano())
			})
			if len(c.items) == 0 || c.items[0].at.After(c.clock()) {
				break
			}
			next := c.items[0]
			c.items = c.items[1:]
			if err := c.Deliver(t.Context(), next.body); err != nil {
				t.Fatalf("%s was given back: %v", next.id, err)
			}
		}
		if err := c.Resend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDayWithoutMailBurnsNoDeliveryAndEveryMailComesOnceAfterIt has the mail server refuse everything for a day in
// which six machines are isolated.
func TestDayWithoutMailBurnsNoDeliveryAndEveryMailComesOnceAfterIt(t *testing.T) {
	long.Test(t)
	t.Parallel()
	d := newDesk(t)
	c := &calendar{desk: d, known: map[string]bool{}}
	tries := 0
	d.Outbox.Queue, d.Mailer = c, mailerFunc(func(ctx context.Context, m Mail) error {
		tries++
		return d.Send(ctx, m)
	})
	d.fail = errors.New("451 try again later")
	for i := range 6 {
		d.tell(t, fmt.Sprintf("incident:%d", i), about(Requested, 0, 0, ""))
	}
	c.pass(t, 10*time.Minute)
	for i := range 6 {
		d.tell(t, fmt.Sprintf("incident:%d", i), about(Isolated, 10, 0, ""))
	}
	c.pass(t, 24*time.Hour)
	if len(d.mails) != 0 || tries > 6*2*110 {
		t.Errorf("%d mails went out, %d were tried", len(d.mails), tries)
	}
	d.fail = nil
	c.pass(t, 20*time.Minute)
	if len(d.mails) != 12 || len(c.items) != 0 {
		t.Fatalf("%d mails after the day, %d messages left", len(d.mails), len(c.items))
	}
	ids := map[string]bool{}
	for _, m := range d.mails {
		if ids[m.ID] {
			t.Errorf("mail %s came twice", m.ID)
		}
		ids[m.ID] = true
		if !strings.Contains(m.Text, "Outcome   Isolated\n") {
			t.Errorf("%s says what is no longer so:\n%s", m.ID, m.Text)
		}
	}
}

type mailerFunc func(ctx context.Context, m Mail) error

func (f mailerFunc) Send(ctx context.Context, m Mail) error { return f(ctx, m) }

// TestNoticeWaitsItselfWhileTheQueueTakesNoCopy has the mail server and the queue refuse everything for an hour. A
// message that is given back comes again at once, and is set aside after ten deliveries.
func TestNoticeWaitsItselfWhileTheQueueTakesNoCopy(t *testing.T) {
	t.Parallel()
	for what, body := range map[string]string{"a mail that is not sent": `{"format":1,"tenant":"tenant","group":"g",` +
		`"seq":1}`} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := tables.New(tables.Options{})
				store, err := ledger.Open(rows.Options{
					ConnectionString: service.ConnectionString("127.0.0.1:1"),
					Prefix:           "t",
					Tenant:           "tenant",
					Transport:        service,
				})
				if err != nil || store.Prepare(t.Context()) != nil {
					t.Fatal("no ledger")
				}
				begun := time.Now()
				d := &desk{queued: map[string][]byte{}}
				busy := queueFunc(func(id string) error {
					if time.Since(begun) < time.Hour {
						return errors.New("server busy")
					}
					return d.SendNotice(t.Context(), id, nil, time.Time{})
				})
				d.fail = errors.New("451 try again later")
				d.Outbox = New(Options{
					Notices:    store.Notices,
					Hunts:      store.Hunts,
					Queue:      busy,
					Mailer:     d,
					Log:        slog.New(slog.DiscardHandler),
					Now:        time.Now,
					Window:     30 * time.Second,
					Lock:       time.Minute,
					RetryAfter: 5 * time.Second,
					Domain:     "example.org",
					To:         []string{"soc@example.org"},
				})
				d.tell(t, "g", about(Requested, 0, 0, ""))
				for delivery := 1; ; delivery++ {
					if delivery == 10 {
						t.Fatalf("the message is set aside after %s", time.Since(begun))
					}
					ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute) // as an invocation has it
					err := d.Deliver(ctx, []byte(body))
					cancel()
					if err == nil {
						break
					}
				}
				if time.Since(begun) < time.Hour || len(d.ids) != 1 || len(d.mails) != 0 {
					t.Errorf("after %s: copies %v, %d mails", time.Since(begun), d.ids, len(d.mails))
				}
			})
		})
	}
}

type queueFunc func(id string) error

func (f queueFunc) SendNotice(_ context.Context, id string, _ []byte, _ time.Time) error {
	return f(id)
}
