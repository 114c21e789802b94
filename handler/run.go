package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"

	"cordon/handler/config"
	"cordon/handler/defender"
	"cordon/handler/entra"
	"cordon/handler/httpretry"
	"cordon/handler/hunt"
	"cordon/handler/incoming"
	"cordon/handler/ledger"
	"cordon/handler/logging"
	"cordon/handler/mail"
	"cordon/handler/notice"
	"cordon/handler/playbook"
	"cordon/handler/poll"
	"cordon/handler/push"
	"cordon/handler/queue"
	"cordon/handler/response"
	"cordon/handler/trigger"
	"cordon/handler/watch"
)

// Times that are no settings.
const (
	followBack   = 10 * time.Minute // how far behind its last run a follow reads again
	pendingAfter = 15 * time.Minute // an unconfirmed isolation is told about
	reissueAfter = 12               // times the first pause after trouble: before a failed action is asked for again
)

// serve answers the Functions host until the context ends. What is wrong with settings and playbook is said at once, all
// of it, before anything listens; everything slow waits until the host has its port.
func serve(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	settings, err := config.Load(getenv)
	book, bookErr := loadBook(settings.Playbook)
	post, postErr := parseMail(settings)
	certificate, certificateErr := readCertificate(settings)
	if err := config.Join(err, bookErr, postErr, certificateErr); err != nil {
		return err
	}
	log := logging.New(stdout, slog.LevelInfo)
	listener, err := trigger.Listen(settings.Port)
	if err != nil {
		return err
	}
	for _, l := range settings.Lapses() {
		log.ErrorContext(ctx, "a part of Cordon does not work as it is set", "part", l.Part, "setting", l.Setting, "error", l.Text)
	}
	log.InfoContext(ctx, "listening", "address", listener.Addr().String(), "version", version, "mode", string(mode(settings, book)), "playbook", book.Hash()[:12])
	handler := trigger.New(trigger.Options{Log: log}, func(context.Context) (trigger.Services, error) {
		return wire(settings, book, post, certificate, log)
	})
	if err := trigger.Serve(ctx, listener, handler); err != nil {
		return err
	}
	return errStopped
}

// mode is what the handler does as it is configured.
func mode(settings config.Config, book *playbook.Book) playbook.Mode {
	return playbook.Lower(playbook.Mode(settings.Mode), book.Mode())
}

// authorities are the system's and those of a file; nil, the system's alone, if no file is named.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := incoming.File(file)
	if err != nil {
		return nil, config.Problem{Name: "CORDON_CA_FILE", Message: err.Error()}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, config.Problem{Name: "CORDON_CA_FILE", Message: file + " holds no PEM certificate"}
	}
	return pool, nil
}

// wire builds every client and service. It opens no connection.
func wire(settings config.Config, book *playbook.Book, post mail.Config, certificate *entra.Certificate, log *slog.Logger) (trigger.Services, error) {
	transport, err := baseTransport(settings.CAFile)
	if err != nil {
		return trigger.Services{}, err
	}
	who, err := identify(settings, certificate, transport, log)
	if err != nil {
		return trigger.Services{}, err
	}
	needs := book.Needs()
	store, err := openLedger(settings, who.tables.Credential(), transport, needs.AlertsOnMachine || needs.AlertsInIncident)
	if err != nil {
		return trigger.Services{}, err
	}
	bus, err := openBus(settings, who.bus.Credential(), transport)
	if err != nil {
		return trigger.Services{}, err
	}
	return services(settings, book, clients{
		api: patientClient(settings.DefenderURL, authorized(settings, transport, who.app), &pauses{ledger: store, log: log}, lacks(settings, who.app), log), ledger: store, bus: bus,
		mailer: &postman{sender: newMailSender(settings, post, transport, who.app, log), from: settings.MailFrom.String(), log: log},
		hunts:  newHunter(settings, transport, who.app, log),
		quota:  ledger.Quota{PerMinute: defender.CallsPerMinute, PerHour: defender.CallsPerHour},
	}, log), nil
}

// clients are what the services reach the world through.
type clients struct {
	api    *defender.Client
	ledger *ledger.Store
	bus    *queue.Client
	mailer notice.Mailer
	hunts  hunt.API
	quota  ledger.Quota // of isolations at the API
}

// services builds every service.
func services(settings config.Config, book *playbook.Book, c clients, log *slog.Logger) trigger.Services {
	api, store := c.api, c.ledger
	to := &broker{client: c.bus, alerts: settings.AlertQueue, notices: settings.NoticeQueue}
	outbox := notice.New(notice.Options{Ledger: store, Queue: to, Mailer: c.mailer, Log: log, Now: time.Now, Window: settings.NoticeWindow, Lock: settings.MessageLock,
		RetryAfter: settings.RetryAfter, Domain: domain(settings.MailFrom.Address), To: addresses(settings.MailTo), Portal: portal(settings)})
	poller := poll.New(poll.Options{API: api, Queue: to, Ledger: store, Log: log, Now: time.Now, Every: settings.PollEvery, Overlap: settings.PollOverlap, Lookback: settings.PollLookback,
		SweepAfter: settings.SweepAfter, Retention: settings.Retention})
	responder := response.New(response.Options{API: api, Queue: to, Ledger: store, Teller: outbox, Book: book, Log: log, Now: time.Now,
		Ceiling: playbook.Mode(settings.Mode), SnapshotMaxAge: settings.SnapshotMaxAge, StaleAfter: settings.StaleAfter, Lift: settings.IsolationLift, RecheckAfter: settings.RecheckAfter,
		Hold: settings.LatchHold, SendWithin: settings.LatchHold / 3, RetryAfter: settings.RetryAfter, Operator: addresses(settings.OperatorMail), Quota: c.quota})
	follower := response.NewFollower(response.FollowOptions{API: api, Queue: to, Ledger: store, Teller: outbox, Log: log, Now: time.Now, Every: settings.FollowEvery, Overlap: followBack,
		Lift: settings.IsolationLift, StaleAfter: settings.StaleAfter, RecheckAfter: settings.RecheckAfter, PendingAfter: pendingAfter,
		ReissueAfter: reissueAfter * settings.RetryAfter, Operator: addresses(settings.OperatorMail)})
	runHunts, hunts := huntRunner(settings, hunt.Options{API: c.hunts, Queue: to, Ledger: store, Teller: outbox, Log: log, Now: time.Now,
		Hold: holdsOfHunt * settings.LatchHold, RetryIn: settings.RetryAfter})
	receiver := push.New(push.Options{Queue: to, Tenant: settings.TenantID, Secret: settings.WebhookSecret.Reveal(), Unproven: settings.WebhookUnresolved, Now: time.Now})
	timed := onTimers(settings, hunts)
	dog := watch.New(watch.Options{Ledger: store, Teller: outbox, Log: log, Now: time.Now, Operator: addresses(settings.OperatorMail)})
	check := &health{ledger: store, queue: c.bus, log: log, alerts: settings.AlertQueue, notices: settings.NoticeQueue, mode: mode(settings, book),
		watched: timed, lapses: settings.Lapses(), unanswered: watch.AnswerWithin(settings.SweepAfter), now: time.Now}
	t := &timers{ledger: store, dog: dog, health: check, watched: timed}
	alertsAgain := &putBacks{send: to.sendAlert, pause: settings.RetryAfter, now: time.Now, log: log}
	noticesAgain := &putBacks{send: to.SendNotice, pause: settings.RetryAfter, now: time.Now, log: log}
	return trigger.Services{
		PollAlerts: func(ctx context.Context, _ trigger.Tick) error {
			return t.after(ctx, pollAlerts, poller.Poll(ctx))
		},
		FollowActions: func(ctx context.Context, _ trigger.Tick) error {
			return t.after(ctx, followActions, errors.Join(follower.Follow(ctx), outbox.Resend(ctx)))
		},
		RunHunts: func(ctx context.Context, _ trigger.Tick) error { return t.noted(ctx, runsHunts, runHunts(ctx)) },
		RespondToAlert: func(ctx context.Context, d trigger.Delivery) error {
			return alertsAgain.orLater(ctx, d, responder.Respond(ctx, d.Body, d.DeliveryCount))
		},
		ReceiveAlert: func(ctx context.Context, p trigger.Pushed) (trigger.Receipt, error) {
			receipt, err := receiver.Receive(ctx, p.Header, p.Body)
			return trigger.Receipt(receipt), err
		},
		SendNotice: func(ctx context.Context, d trigger.Delivery) error {
			return noticesAgain.orLater(ctx, d, outbox.Deliver(ctx, d.Body))
		},
		Health:        check.report,
		HealthSummary: check.summary,
	}
}

// baseTransport is the plain connection to Microsoft, with the app's own certificate authorities.
func baseTransport(caFile string) (*http.Transport, error) {
	pool, err := authorities(caFile)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32 // as many as there are invocations at once, and some
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
}

// defenderClient is the client of a command, which shares nothing with the processes of the app.
func defenderClient(settings config.Config, transport http.RoundTripper, tokens *entra.Source, log *slog.Logger) *defender.Client {
	return patientClient(settings.DefenderURL, authorized(settings, transport, tokens), nil, lacks(settings, tokens), log)
}

// authorized puts tokens for the Defender API over the connection.
func authorized(settings config.Config, transport http.RoundTripper, tokens *entra.Source) http.RoundTripper {
	return &entra.Transport{Base: transport, Source: tokens, Scope: settings.DefenderAudience + "/.default", AllowedHost: settings.DefenderURL.Host}
}

// lacks tells whether the token for the Defender API is known not to hold a permission.
func lacks(settings config.Config, tokens *entra.Source) func(context.Context, string) bool {
	return func(ctx context.Context, permission string) bool {
		return entra.Lacks(ctx, tokens, settings.DefenderAudience+"/.default", permission)
	}
}

// patientClient stacks waits for quotas and repeats of what is safe to repeat over a connection with tokens. It follows no
// redirect: a token goes to one host.
func patientClient(base *url.URL, authorized http.RoundTripper, pauses httpretry.Pauses, lacks func(context.Context, string) bool, log *slog.Logger) *defender.Client {
	patient := httpretry.New(httpretry.Options{Base: authorized, Budget: defender.Budget, Pauses: pauses, OnRetry: func(r httpretry.Retry) {
		log.Warn("request is repeated", "endpoint", r.Key, "attempt", r.Attempt, "status", r.Status, "wait", r.Wait.String())
	}})
	client := &http.Client{Transport: patient, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return defender.New(defender.Options{Base: base, HTTP: client, SendBy: httpretry.SendBy, Lacks: lacks})
}

func text(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
}

func domain(address string) string {
	_, host, _ := strings.Cut(address, "@")
	return host
}

func addresses(list []netmail.Address) []string {
	plain := make([]string, 0, len(list))
	for _, a := range list {
		plain = append(plain, a.String())
	}
	return plain
}
