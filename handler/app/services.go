package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cordon/handler/alert"
	"cordon/handler/app/health"
	"cordon/handler/app/setup"
	"cordon/handler/archive"
	"cordon/handler/config"
	"cordon/handler/doctor"
	"cordon/handler/follow"
	"cordon/handler/hunt"
	"cordon/handler/ledger"
	"cordon/handler/ledger/budget"
	"cordon/handler/notice"
	"cordon/handler/notice/clock"
	"cordon/handler/playbook"
	"cordon/handler/poll"
	"cordon/handler/push"
	"cordon/handler/queue"
	"cordon/handler/respond"
	"cordon/handler/signin"
	"cordon/handler/tally"
	"cordon/handler/trigger"
	"cordon/handler/watch"
)

// Times that are no settings.
const (
	followBack   = 10 * time.Minute // how far behind its last run a follow reads again
	pendingAfter = 15 * time.Minute // then people hear that an isolation is not confirmed
	reissueAfter = 12               // of CORDON_RETRY_AFTER: then a failed action is asked for again

	// holdsOfHunt is for how many holds of a latch one invocation owns a turn of a hunt: by default five minutes,
	// which is longer than a query may last.
	holdsOfHunt = 5
)

// clients are what the services reach the world through.
type clients struct {
	api    *setup.API
	alerts poll.Alerts // of Graph
	ledger *ledger.Store
	bus    *queue.Client
	mailer notice.Mailer
	hunts  hunt.API
	quota  budget.Quota // of isolations at the API

	verifier *signin.Verifier                       // nil: sign-in is off
	signIn   setup.SignIns                          // by browser
	doctor   func(context.Context) []doctor.Finding // of the operator API
}

// services builds every service.
func services(
	settings config.Config,
	book *playbook.Book,
	c clients,
	log *slog.Logger,
	version string,
) trigger.Services {
	to := &setup.Broker{
		Client:  c.bus,
		Alerts:  settings.AlertQueue,
		Notices: settings.NoticeQueue,
	}
	outbox := newOutbox(settings, c, to, log)
	poller := newPoller(settings, c, to, outbox, log)
	responder := newResponder(settings, book, c, to, outbox, log, version)
	follower := newFollower(settings, c, to, outbox, log)
	runHunts, hunts := newHunts(settings, c, to, outbox, log)
	receiver := newReceiver(settings, to)
	check, t := newTimers(settings, book, c, outbox, onTimers(settings, hunts), log, version)
	d := newDesk(settings, c, to, outbox)
	office := newOffice(settings, book, c, d, to, check, version)
	counts := newTally(settings, c)
	alertsAgain := newPutBacks(settings, to.SendAlert, log)
	noticesAgain := newPutBacks(settings, to.SendNotice, log)
	return trigger.Services{
		PollAlerts: func(ctx context.Context, _ trigger.Tick) error {
			return t.after(ctx, pollAlerts, poller.Poll(ctx))
		},
		FollowActions: func(ctx context.Context, _ trigger.Tick) error {
			return t.after(ctx, followActions, errors.Join(
				follower.Follow(ctx),
				d.Settle(ctx),
				counts.Keep(ctx),
				outbox.Resend(ctx),
			))
		},
		RunHunts: func(ctx context.Context, _ trigger.Tick) error {
			return t.noted(ctx, runsHunts, runHunts(ctx))
		},
		RespondToAlert: func(ctx context.Context, d trigger.Delivery) error {
			return alertsAgain.orLater(ctx, d,
				responder.Respond(ctx, d.Body, d.DeliveryCount))
		},
		ReceiveAlert: func(ctx context.Context, p trigger.Pushed) (trigger.Receipt, error) {
			receipt, err := receiver.Receive(ctx, p.Header, p.Body)
			return trigger.Receipt(receipt), err
		},
		SendNotice: func(ctx context.Context, d trigger.Delivery) error {
			return noticesAgain.orLater(ctx, d, outbox.Deliver(ctx, d.Body))
		},
		Health:        check.Answer,
		HealthSummary: check.Summary,
		Operate:       newOperate(settings, c, office, log),
		SignIn:        c.signIn.Pages,
		Console:       newConsole(settings, c, office, log, version),
	}
}

// newTimers makes the report of health and what comes after every run of a timer.
func newTimers(
	settings config.Config,
	book *playbook.Book,
	c clients,
	outbox *notice.Outbox,
	timed []watch.Function,
	log *slog.Logger,
	version string,
) (*health.Check, *timers) {
	check := health.New(health.Options{
		Ledger:     c.ledger,
		Queues:     c.bus,
		Log:        log,
		Alerts:     settings.AlertQueue,
		Notices:    settings.NoticeQueue,
		Version:    version,
		Mode:       setup.Mode(settings, book),
		Sources:    setup.AlertSources(settings),
		Watched:    timed,
		Lapses:     settings.Lapses(),
		Unanswered: watch.AnswerWithin(settings.SweepAfter),
		Now:        time.Now,
	})
	dog := watch.New(watch.Options{
		Runs:     c.ledger.Runs,
		Switches: c.ledger.Switches,
		Teller:   outbox,
		Log:      log,
		Now:      time.Now,
		Operator: setup.Addresses(settings.OperatorMail),
	})
	return check, &timers{
		trouble: c.ledger.Trouble,
		dog:     dog,
		health:  check,
		watched: timed,
		lapses:  settings.Lapses(),
	}
}

func newOutbox(settings config.Config, c clients, to *setup.Broker, log *slog.Logger) *notice.Outbox {
	return notice.New(notice.Options{
		Notices:    c.ledger.Notices,
		Hunts:      c.ledger.Hunts,
		Queue:      to,
		Mailer:     c.mailer,
		Log:        log,
		Now:        time.Now,
		Window:     settings.NoticeWindow,
		Lock:       settings.MessageLock,
		RetryAfter: settings.RetryAfter,
		Domain:     setup.Domain(settings.MailFrom.Address),
		To:         setup.Addresses(settings.MailTo),
		Portal:     setup.Portal(settings),
		Console:    setup.Console(settings),
		Clock:      clock.Clock{Zone: settings.TimeZone},

		OnlyOutcomes: settings.OnlyOutcomes,
	})
}

func newPoller(
	settings config.Config, c clients, to *setup.Broker, outbox *notice.Outbox, log *slog.Logger,
) *poll.Poller {
	var from []poll.Source
	for _, source := range setup.AlertSources(settings) {
		if source == alert.Graph {
			from = append(from, poll.Graph(c.alerts))
		} else {
			from = append(from, poll.Defender(c.api))
		}
	}
	return poll.New(poll.Options{
		API:        c.api,
		Sources:    from,
		Queue:      to,
		Runs:       c.ledger.Runs,
		Latches:    c.ledger.Latches,
		Switches:   c.ledger.Switches,
		Ledger:     c.ledger,
		Log:        log,
		Now:        time.Now,
		Teller:     outbox,
		Operator:   setup.Addresses(settings.OperatorMail),
		Every:      settings.PollEvery,
		Overlap:    settings.PollOverlap,
		Lookback:   settings.PollLookback,
		SweepAfter: settings.SweepAfter,
		Retention:  settings.Retention,

		FactsRetention: settings.FactsRetention,
	})
}

func newResponder(
	settings config.Config,
	book *playbook.Book,
	c clients,
	to *setup.Broker,
	outbox *notice.Outbox,
	log *slog.Logger,
	version string,
) *respond.Responder {
	return respond.New(respond.Options{
		API:            c.api,
		Queue:          to,
		Runs:           c.ledger.Runs,
		Latches:        c.ledger.Latches,
		Budget:         c.ledger.Budget,
		Held:           c.ledger.Held,
		Findings:       c.ledger.Findings,
		Neighbours:     c.ledger.Neighbours,
		Switches:       c.ledger.Switches,
		Trouble:        c.ledger.Trouble,
		Archive:        &archive.Archive{Decisions: c.ledger.Decisions, Version: version},
		Teller:         outbox,
		Book:           book,
		Log:            log,
		Now:            time.Now,
		Ceiling:        playbook.Mode(settings.Mode),
		SnapshotMaxAge: settings.SnapshotMaxAge,
		StaleAfter:     settings.StaleAfter,
		Lift:           settings.IsolationLift,
		RecheckAfter:   settings.RecheckAfter,
		Hold:           settings.LatchHold,
		SendWithin:     settings.LatchHold / 3,
		RetryAfter:     settings.RetryAfter,
		Operator:       setup.Addresses(settings.OperatorMail),
		Quota:          c.quota,
	})
}

func newFollower(
	settings config.Config,
	c clients,
	to *setup.Broker,
	outbox *notice.Outbox,
	log *slog.Logger,
) *follow.Follower {
	return follow.New(follow.Options{
		API:          c.api,
		Queue:        to,
		Runs:         c.ledger.Runs,
		Latches:      c.ledger.Latches,
		Budget:       c.ledger.Budget,
		Switches:     c.ledger.Switches,
		Teller:       outbox,
		Log:          log,
		Now:          time.Now,
		Every:        settings.FollowEvery,
		Overlap:      followBack,
		Lift:         settings.IsolationLift,
		StaleAfter:   settings.StaleAfter,
		RecheckAfter: settings.RecheckAfter,
		PendingAfter: pendingAfter,
		ReissueAfter: reissueAfter * settings.RetryAfter,
		Operator:     setup.Addresses(settings.OperatorMail),
	})
}

// newHunts makes what RunHunts calls, and says whether there are hunts. A catalogue that cannot be read keeps hunts
// from running and nothing else: every call says why.
func newHunts(
	settings config.Config,
	c clients,
	to *setup.Broker,
	outbox *notice.Outbox,
	log *slog.Logger,
) (run func(context.Context) error, some bool) {
	catalogue, err := setup.Hunts(settings)
	if err != nil {
		return func(context.Context) error { return fmt.Errorf("the hunts are not run: %w", err) }, true
	}
	service := hunt.New(hunt.Options{
		API:       c.hunts,
		Queue:     to,
		Hunts:     c.ledger.Hunts,
		Findings:  c.ledger.Findings,
		Switches:  c.ledger.Switches,
		Teller:    outbox,
		Catalogue: catalogue,
		Log:       log,
		Now:       time.Now,
		Hold:      holdsOfHunt * settings.LatchHold,
		RetryIn:   settings.RetryAfter,
	})
	return service.Run, len(catalogue.Hunts()) > 0
}

func newReceiver(settings config.Config, to *setup.Broker) *push.Receiver {
	return push.New(push.Options{
		Queue:    to,
		Tenant:   settings.TenantID,
		Secret:   settings.WebhookSecret.Reveal(),
		Unproven: settings.WebhookUnresolved,
		Now:      time.Now,
	})
}

func newTally(settings config.Config, c clients) *tally.Tally {
	return &tally.Tally{
		Lists:    c.ledger.Lists,
		Tallies:  c.ledger.Tallies,
		Switches: c.ledger.Switches,
		Now:      time.Now,
		Tick:     settings.FollowEvery,
	}
}
