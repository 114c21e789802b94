package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/app/health"
	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/internal/long"
	"cordon/handler/ledger"
	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/logging"
	"cordon/handler/notice"
	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
	"cordon/handler/poll"
	"cordon/handler/queue"
	"cordon/handler/watch"
	"cordon/local/servicebus"
	"cordon/local/tables"
)

// readAgain is how old the row is that the summary is answered from, at most.
const readAgain = 15 * time.Second

// clinic is a health with what it looks at, in the bubble's time.
type clinic struct {
	*health.Check
	ledger  *ledger.Store
	watched []watch.Function
	t       *testing.T
	log     bytes.Buffer
	tables  *inMemory
	timers  *timers
	told    []notice.Event
}

// Tell notes an event.
func (c *clinic) Tell(_ context.Context, _ string, e notice.Event) error {
	c.told = append(c.told, e)
	return nil
}

// clinical runs a test in a bubble whose clock begins at a full minute.
func clinical(t *testing.T, change map[string]string, hunts bool, test func(t *testing.T, c *clinic)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		bus, err := servicebus.New(servicebus.Options{
			Queues: []servicebus.QueueConfig{{Name: "alerts"}, {Name: "notices"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		client, err := queue.New(queue.Options{
			ConnectionString: bus.ConnectionString(),
			NewConn:          func(ctx context.Context) (net.Conn, error) { return bus.Pipe(ctx) },
		})
		if err != nil {
			t.Fatal(err)
		}
		server := tables.New(tables.Options{})
		c := &clinic{t: t, tables: &inMemory{to: server}}
		store, err := ledger.Open(rows.Options{
			ConnectionString: server.ConnectionString("127.0.0.1:1"),
			Prefix:           "t",
			Tenant:           burstTenant,
			Transport:        c.tables,
		})
		if err != nil {
			t.Fatal(err)
		}
		settings := loaded(t, bus.ConnectionString(), change)
		log := logging.New(&c.log, slog.LevelInfo)
		timed := onTimers(settings, hunts)
		c.ledger, c.watched = store, timed
		c.Check = health.New(health.Options{
			Ledger:     store,
			Queues:     client,
			Log:        log,
			Alerts:     "alerts",
			Notices:    "notices",
			Sources:    setup.AlertSources(settings),
			Watched:    timed,
			Lapses:     settings.Lapses(),
			Unanswered: watch.AnswerWithin(settings.SweepAfter),
			Now:        time.Now,
		})
		c.timers = &timers{
			trouble: store.Trouble,
			health:  c.Check,
			watched: timed,
			lapses:  settings.Lapses(),
			dog: watch.New(watch.Options{
				Runs:     store.Runs,
				Switches: store.Switches,
				Teller:   c,
				Log:      log,
				Now:      time.Now,
				Operator: []string{"ops@example.com"},
			}),
		}
		test(t, c)
		_ = client.Close(context.Background())
		_ = bus.Close()
	})
}

// loaded are an app's settings, with what a test changes.
func loaded(t *testing.T, bus string, change map[string]string) config.Config {
	t.Helper()
	values := map[string]string{
		"CORDON_TENANT_ID":       burstTenant,
		"CORDON_CLIENT_ID":       burstTenant,
		"CORDON_CLIENT_SECRET":   "s3cret",
		"ServiceBus":             bus,
		"AzureWebJobsStorage":    "UseDevelopmentStorage=true",
		"CORDON_MAIL_FROM":       "cordon@example.com",
		"CORDON_MAIL_TO":         "soc@example.com",
		"CORDON_ALERT_QUEUE":     "alerts",
		"CORDON_NOTICE_QUEUE":    "notices",
		"CORDON_POLL_SCHEDULE":   "0 * * * * *",
		"CORDON_FOLLOW_SCHEDULE": "30 * * * * *",
		"CORDON_HUNT_SCHEDULE":   "0 */5 * * * *",
	}
	maps.Copy(values, change)
	settings, err := config.Load(func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

// ask is the report.
func (c *clinic) ask() wire.Health {
	c.t.Helper()
	answer, err := c.Answer(c.t.Context())
	r, ok := answer.Body.(wire.Health)
	if err != nil || !ok || r.OK != answer.OK || r.OK != (len(r.Reasons) == 0) {
		c.t.Fatalf("%+v, %v", answer, err)
	}
	return r
}

// wants holds the report's reasons, and the summary that the timers' next row gives against it.
func (c *clinic) wants(when string, reasons ...string) wire.Health {
	c.t.Helper()
	r := c.ask()
	if len(r.Reasons) != len(reasons) {
		c.t.Errorf("%s: reasons %q, want %q", when, r.Reasons, reasons)
		return r
	}
	for i, want := range reasons {
		if !strings.Contains(r.Reasons[i], want) {
			c.t.Errorf("%s: reason %q, want %q", when, r.Reasons[i], want)
		}
	}
	return r
}

// pass lets minutes go by in which the named functions succeed; every one of the two timers comes each minute.
func (c *clinic) pass(minutes int, succeed ...string) {
	c.t.Helper()
	if err := c.ledger.Prepare(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	for range minutes {
		time.Sleep(time.Minute)
		for _, f := range c.watched {
			var trouble error = errors.New("out of order\xff")
			for _, name := range succeed {
				if name == f.Name {
					trouble = c.ledger.Switches.SetMark(c.t.Context(), f.Mark, time.Now(), "")
				}
			}
			if f.Name == runsHunts {
				_ = c.timers.noted(c.t.Context(), f.Name, trouble)
			} else if err := c.timers.after(c.t.Context(), f.Name, trouble); !errors.Is(err, trouble) {
				c.t.Fatal(err)
			}
		}
	}
}

func TestHealthOfAFreshAppIsStartingUntilItIsLate(t *testing.T) {
	t.Parallel()
	clinical(t, nil, false, func(t *testing.T, c *clinic) {
		begun := time.Now().UTC()
		time.Sleep(10 * time.Second)
		r := c.wants("before the first poll")
		if due := r.Starting[pollAlerts]; !due.Equal(begun.Add(time.Minute)) || len(r.Starting) != 2 {
			t.Errorf("starting %v", r.Starting)
		}
		if s, err := c.Summary(t.Context()); err != nil || !s.OK {
			t.Errorf("summary %+v, %v", s, err)
		}
		time.Sleep(2*time.Minute + 15*time.Second)
		c.wants("two intervals after the first follow was due")
		time.Sleep(10 * time.Second) // that somebody asked does not put it off
		c.wants("later", followActions+" has never succeeded")
		time.Sleep(40 * time.Second)
		c.wants("later still", pollAlerts+" has never succeeded", followActions+" has never succeeded")
		if s, err := c.Summary(t.Context()); err != nil || s.OK {
			t.Errorf("summary %+v, %v", s, err)
		}
	})
	clinical(t, nil, false, func(t *testing.T, c *clinic) {
		c.pass(1, followActions)
		r := c.wants("a first poll that failed", pollAlerts+" has never succeeded")
		if r.LastError.Text != pollAlerts+": out of order\ufffd" {
			t.Errorf("%+v", r.LastError)
		}
	})
}

func TestHealthIsJudgedByWhenTheOldestVersionWasObserved(t *testing.T) {
	long.Test(t)
	t.Parallel()
	clinical(t, nil, false, func(t *testing.T, c *clinic) {
		c.pass(1, pollAlerts, followActions)
		observed := time.Now().UTC()
		if _, err := c.ledger.Runs.Observe(t.Context(),
			runs.Observation{Alert: alert.Alert{ID: "da1", Updated: observed}, Hash: "h", At: observed}); err != nil {
			t.Fatal(err)
		}
		for range 15 {
			c.pass(1, pollAlerts, followActions)
			c.wants("in the first quarter of an hour")
			// Whatever sends it again makes it due anew.
			if _, err := c.ledger.Runs.Update(t.Context(), "da1", 1,
				func(r *runs.Run) (bool, error) { r.Sweeps++; r.DueAt = time.Now(); return true, nil }); err != nil {
				t.Fatal(err)
			}
		}
		c.pass(1, pollAlerts, followActions)
		c.wants("after it", "da1:v1 is unanswered since "+observed.Format(time.RFC3339)+", for 16m0s")
		if !strings.Contains(c.log.String(), `"msg":"open runs","open":1,"ageSeconds":960,"oldest":"da1:v1"`) {
			t.Error("no line with its age")
		}
		if s, err := c.Summary(t.Context()); err != nil || s.OK {
			t.Errorf("summary %+v, %v", s, err)
		}
		// A machine that is offline may take as long as it likes.
		if _, err := c.ledger.Runs.Update(t.Context(), "da1", 1,
			func(r *runs.Run) (bool, error) { r.State = runs.Waiting; return true, nil }); err != nil {
			t.Fatal(err)
		}
		c.wants("it waits for its machine")
	})
}

func TestHuntsAreWatchedLikeTheOtherTimers(t *testing.T) {
	t.Parallel()
	clinical(t, nil, true, func(t *testing.T, c *clinic) {
		c.pass(10, pollAlerts, followActions, runsHunts)
		c.wants("all run")
		c.pass(14, pollAlerts, followActions)
		c.wants("hunts fail, but not for long")
		c.pass(2, pollAlerts, followActions)
		r := c.wants("hunts fail", runsHunts+" last succeeded 16m0s ago")
		if r.LastError.Text == "" || !r.LastError.OverSince.IsZero() {
			t.Errorf("%+v", r.LastError)
		}
		c.pass(1, pollAlerts, followActions)
		if len(c.told) == 0 || c.told[0].Kind != notice.Overdue || !strings.Contains(c.told[0].Detail, runsHunts) {
			t.Errorf("the operator was told %+v", c.told)
		}
	})
	clinical(t, nil, false, func(t *testing.T, c *clinic) {
		c.pass(30, pollAlerts, followActions)
		c.wants("there are no hunts")
	})
}

// TestAMailThatIsTriedAndFailsIsOverdueAllTheSame puts each try off as the notice service does: the next one is always
// ahead.
func TestAMailThatIsTriedAndFailsIsOverdueAllTheSame(t *testing.T) {
	t.Parallel()
	clinical(t, nil, false, func(t *testing.T, c *clinic) {
		c.pass(1, pollAlerts, followActions)
		first := time.Now().UTC()
		_, _, err := c.ledger.Notices.Add(t.Context(), notices.Told{
			Group: "incident:7",
			Key:   "k",
			Event: "event",
			At:    first,
		}, first)
		if err != nil {
			t.Fatal(err)
		}
		c.wants("a mail that is due")
		for range 3 {
			claim, err := c.ledger.Notices.Claim(t.Context(), "incident:7", 1, time.Now(), time.Minute)
			if err != nil || claim.Nothing != "" {
				t.Fatalf("%+v, %v", claim, err)
			}
			err = c.ledger.Notices.Failed(t.Context(), claim.Notice, time.Now().Add(5*time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			c.pass(5, pollAlerts, followActions)
		}
		r := c.wants("a mail that failed three times", "notice incident:7 is overdue by 15m0s")
		if !r.OldestNotice.Equal(first) {
			t.Errorf("the oldest was due at %v, not %v", r.OldestNotice, first)
		}
		const week = 7 * 24 * 60
		c.pass(1, pollAlerts, followActions)
		time.Sleep((week - 30) * time.Minute)
		c.pass(2, pollAlerts, followActions)
		c.wants("within a week", "notice incident:7 is overdue by 167h")
		time.Sleep(20 * time.Minute)
		c.pass(1, pollAlerts, followActions)
		if r := c.wants("after a week"); r.Notices != "1" {
			t.Errorf("%s unsent", r.Notices)
		}
	})
}

func TestTroubleThatIsOverSaysSinceWhen(t *testing.T) {
	long.Test(t)
	t.Parallel()
	clinical(t, nil, false, func(t *testing.T, c *clinic) {
		c.pass(2, followActions)
		if r := c.ask(); !r.LastError.OverSince.IsZero() || !strings.HasPrefix(r.LastError.Text, pollAlerts+": ") {
			t.Errorf("trouble: %+v", r.LastError)
		}
		c.pass(1, pollAlerts, followActions)
		over := time.Now().UTC()
		c.pass(10, pollAlerts, followActions)
		if r := c.ask(); !r.LastError.OverSince.Equal(over) {
			t.Errorf("over since %s, want %s", r.LastError.OverSince, over)
		}
		c.pass(1, followActions)
		if r := c.ask(); !r.LastError.OverSince.IsZero() {
			t.Errorf("again: %+v", r.LastError)
		}
		// An alert's trouble is over when its run goes on.
		if _, err := c.ledger.Runs.Observe(t.Context(),
			runs.Observation{
				Alert: alert.Alert{ID: "da1", Updated: time.Now()},
				Hash:  "h",
				At:    time.Now(),
			}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		c.ledger.Trouble.Note(t.Context(), time.Now(), "alert da1", errors.New("endpoint paused"))
		if r := c.ask(); r.LastError.Text != "alert da1: endpoint paused" || !r.LastError.OverSince.IsZero() {
			t.Errorf("paused: %+v", r.LastError)
		}
		time.Sleep(time.Minute)
		over = time.Now().UTC()
		if _, err := c.ledger.Runs.Update(t.Context(), "da1", 1,
			func(r *runs.Run) (bool, error) { r.State, r.ClosedAt = runs.Closed, over; return true, nil }); err != nil {
			t.Fatal(err)
		}
		if r := c.ask(); !r.LastError.OverSince.Equal(over) {
			t.Errorf("its run is over: %+v", r.LastError)
		}
	})
}

func TestTheSummaryIsOneRowThatNobodyCanMakeItReadOften(t *testing.T) {
	t.Parallel()
	clinical(t, nil, false, func(t *testing.T, c *clinic) {
		c.pass(1, pollAlerts, followActions)
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		before := c.tables.requests.Load()
		for range 100 {
			if s, err := c.Summary(gone); err != nil || !s.OK {
				t.Fatalf("a caller that hung up: %+v, %v", s, err)
			}
		}
		if n := c.tables.requests.Load() - before; n != 1 {
			t.Errorf("%d reads for a hundred callers", n)
		}
		time.Sleep(readAgain)
		if s, _ := c.Summary(t.Context()); !s.OK || c.tables.requests.Load()-before != 2 {
			t.Errorf("%+v after %d reads", s, c.tables.requests.Load()-before)
		}
		time.Sleep(5*time.Minute + time.Second) // the timers are dead
		if s, _ := c.Summary(t.Context()); s.OK {
			t.Error("a row that is too old is taken for good")
		}
		c.pass(1, followActions) // a poll fails, which is not yet late: one failure in ten minutes
		time.Sleep(readAgain)
		if s, _ := c.Summary(t.Context()); s.OK {
			t.Error("the last poll is six minutes old")
		}
	})
}

func TestAFunctionThatTheHostLeavesOutIsNamed(t *testing.T) {
	t.Parallel()
	for setting, function := range map[string]string{
		"CORDON_POLL_SCHEDULE":   pollAlerts,
		"CORDON_FOLLOW_SCHEDULE": followActions,
		"CORDON_HUNT_SCHEDULE":   runsHunts,
	} {
		clinical(t, map[string]string{setting: ""}, false, func(t *testing.T, c *clinic) {
			r := c.ask()
			if r.OK || !strings.HasPrefix(r.Reasons[0], function+" does not run: "+setting+" is not set") {
				t.Errorf("without %s: %q", setting, r.Reasons)
			}
			if s, err := c.Summary(t.Context()); err != nil || s.OK {
				t.Errorf("without %s: summary %+v, %v", setting, s, err)
			}
		})
	}
}

func TestASecretThatWasNotResolvedFailsItsChannelLoudlyAndNoOther(t *testing.T) {
	t.Parallel()
	const reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)"
	for setting, says := range map[string]string{
		"CORDON_SMTP_URL":       "no mail is sent: CORDON_SMTP_URL: the reference",
		"CORDON_WEBHOOK_SECRET": "no pushed alert is taken: CORDON_WEBHOOK_SECRET: the reference",
	} {
		clinical(t, map[string]string{setting: reference}, false, func(t *testing.T, c *clinic) {
			c.pass(30, pollAlerts, followActions)
			c.wants(setting, says)
			keys := map[string]bool{}
			for _, e := range c.told {
				keys[e.Key()] = true
				if e.Kind != notice.Unready || !strings.HasPrefix(e.Detail, says) {
					t.Errorf("the operator was told %+v", e)
				}
			}
			if len(keys) != 1 {
				t.Errorf("%s: the operator was told %d times in half an hour", setting, len(keys))
			}
		})
	}
}

// TestASourceThatPeopleWereToldOfIsAReason holds that one that is out for a moment is none, and that it is none where
// it is not in use.
func TestASourceThatPeopleWereToldOfIsAReason(t *testing.T) {
	t.Parallel()
	for source, shown := range map[string]int{"both": 1, "defender": 0} {
		clinical(t, map[string]string{"CORDON_ALERT_SOURCE": source}, false, func(t *testing.T, c *clinic) {
			c.pass(1, pollAlerts, followActions)
			stand := func(told bool) {
				note, err := outgoing.Encode(poll.Standing{
					Source: "graph",
					Since:  time.Now(),
					Why:    "410 Gone",
					Told:   told,
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := c.ledger.Switches.SetMark(t.Context(), "source:graph", time.Now(), string(note)); err != nil {
					t.Fatal(err)
				}
			}
			stand(false)
			if r := c.wants("out for a moment"); len(r.Sources) != shown {
				t.Errorf("%s: %d sources are shown, want %d", source, len(r.Sources), shown)
			}
			stand(true)
			if shown == 1 {
				c.wants("told", "alerts are not read from graph since")
			} else {
				c.wants("not in use")
			}
		})
	}
}

// TestLatenessIsReadAsAnEarlierVersionWroteIt is a row that a poll leaves for a week.
func TestLatenessIsReadAsAnEarlierVersionWroteIt(t *testing.T) {
	t.Parallel()
	clinical(t, nil, false, func(t *testing.T, c *clinic) {
		c.pass(1, pollAlerts, followActions)
		if err := c.ledger.Switches.SetMark(t.Context(), "lateness", time.Now(),
			`{"longest":90000000000,"alert":"da1_1","at":"2026-03-02T12:00:00Z"}`); err != nil {
			t.Fatal(err)
		}
		body, err := outgoing.Encode(c.wants("an alert was late"))
		if err != nil ||
			!strings.Contains(string(body),
				`"lateness":{"longest":"1m30s","alert":"da1_1","at":"2026-03-02T12:00:00Z"}`) {
			t.Errorf("%s, %v", body, err)
		}
	})
}
