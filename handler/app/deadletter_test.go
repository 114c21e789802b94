package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/archive"
	"cordon/handler/deadletter"
	"cordon/handler/internal/long"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/notice"
	"cordon/handler/respond"
	"cordon/handler/trigger"
	"cordon/local/tables"
)

const (
	decodable = `{"format":1,"tenant":"` + burstTenant + `",` +
		`"alertId":"da638994417204415533_-1184209733","version":1,"reason":"new"}`
	// aimed is a body that a terminal would obey, and a table or JSON might break over.
	aimed = "{\"alertId\":\"\x1b[2J\x1b]0;pwned\x07\u202e\u009b31m\r\nNUMBER\",\t\"x\":\"\x00\"}\n"
)

// sink takes what the services send and reports that it did.
type sink struct{ sent int }

func (s *sink) SendAlerts(context.Context, []alert.Envelope) error { s.sent++; return nil }
func (s *sink) SendNotice(context.Context, string, []byte, time.Time) error {
	s.sent++
	return nil
}

// TestADeadLetterIsReadAsTheHandlerReadsIt holds what is said of a message against what the functions do with it. The
// tables cannot be reached, so whatever can be read ends in a copy for later.
func TestADeadLetterIsReadAsTheHandlerReadsIt(t *testing.T) {
	long.Test(t)
	t.Parallel()
	connection := tables.New(tables.Options{}).ConnectionString("127.0.0.1:1")
	store, err := ledger.Open(rows.Options{ConnectionString: connection, Prefix: "t", Tenant: burstTenant})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no table is asked
	answers := map[string]func(body []byte, to *sink) error{
		"alerts": func(body []byte, to *sink) error {
			return respond.New(respond.Options{
				Queue:      to,
				Runs:       store.Runs,
				Latches:    store.Latches,
				Budget:     store.Budget,
				Held:       store.Held,
				Findings:   store.Findings,
				Neighbours: store.Neighbours,
				Switches:   store.Switches,
				Trouble:    store.Trouble,
				Archive:    &archive.Archive{Decisions: store.Decisions},
				Log:        log,
				Now:        time.Now,
				RetryAfter: time.Second,
			}).Respond(ctx, body, 1)
		},
		"notices": func(body []byte, to *sink) error {
			return notice.New(notice.Options{
				Queue:      to,
				Notices:    store.Notices,
				Hunts:      store.Hunts,
				Log:        log,
				Now:        time.Now,
				RetryAfter: time.Second,
			}).Deliver(ctx, body)
		},
	}
	bodies := []string{
		decodable,
		aimed,
		"",
		"null",
		"[]",
		"{}",
		"{",
		`"da1"`,
		"\xff\xfe",
		`{"alertId":"da1"}`,
		`{"alertId":"da1","version":-1}`,
		`{"alertId":"da1","version":"1"}`,
		`{"alertId":"../../machines/1"}`,
		`{"alertId":"da1","tenant":"other"}`,
		`{"alertId":"da1","tenant":""}`,
		`{"format":-1,"alertId":"da1"}`,
		`{"format":2,"alertId":{"id":"da1"}}`,
		`{"format":1,"tenant":"` + burstTenant + `","group":"g","seq":1}`,
		`{"tenant":"` + burstTenant + `","group":"g","seq":1}`,
		`{"format":1,"tenant":"other","group":"g","seq":1}`,
		`{"format":1,"tenant":"` + burstTenant + `","group":"","seq":1}`,
		`{"format":1,"tenant":"` + burstTenant + `","group":"g","seq":0}`,
		`{"format":2,"tenant":"` + burstTenant + `","group":["g"]}`,
	}
	reads := map[string]func(tenant string, number int64, body []byte) deadletter.Reading{
		"alerts": deadletter.ReadAlert, "notices": deadletter.ReadNotice,
	}
	for name, answer := range answers {
		readable := 0
		for _, body := range bodies {
			said := reads[name](burstTenant, 7, []byte(body))
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
				if !strings.HasSuffix(said.CopyID(), ":replay:7") || len(said.CopyID()) > 128 {
					t.Errorf("%s %q: the copy's id is %q", name, body, said.CopyID())
				}
			}
		}
		if readable < 2 || readable > 4 {
			t.Errorf("%s: %d of %d can be read", name, readable, len(bodies))
		}
	}
}
