// Package app is the wiring: it builds every client and service from the settings and serves the Functions host. Its
// sub-packages are what else needs settings and clients at once: setup makes the clients, health and checkup look at
// them.
package app

import (
	"context"
	"io"
	"log/slog"

	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/defender"
	"cordon/handler/entra"
	"cordon/handler/ledger/budget"
	"cordon/handler/logging"
	"cordon/handler/mail"
	"cordon/handler/playbook"
	"cordon/handler/trigger"
)

// Serve answers the Functions host until the context ends. What is wrong with settings and playbook is said at once,
// all of it, before anything listens; everything slow waits until the host has its port.
func Serve(ctx context.Context, version string, getenv func(string) string, stdout io.Writer) error {
	settings, err := config.Load(getenv)
	book, bookErr := setup.Book(settings.Playbook)
	post, postErr := setup.Mail(settings)
	certificate, certificateErr := setup.Certificate(settings)
	err = config.Join(err, bookErr, postErr, certificateErr)
	if err != nil {
		return err
	}
	log := logging.New(stdout, slog.LevelInfo)
	listener, err := trigger.Listen(settings.Port)
	if err != nil {
		return err
	}
	for _, l := range settings.Lapses() {
		log.ErrorContext(ctx, "a part of Cordon does not work as it is set",
			"part", l.Part, "setting", l.Setting, "error", l.Text)
	}
	log.InfoContext(ctx, "listening", "address", listener.Addr().String(), "version", version,
		"mode", string(setup.Mode(settings, book)), "playbook", book.Hash()[:12])
	handler := trigger.New(trigger.Options{Log: log}, func(context.Context) (trigger.Services, error) {
		return wireUp(settings, book, post, certificate, log, version, getenv)
	})
	return trigger.Serve(ctx, listener, handler)
}

// wireUp builds every client and service. It opens no connection.
func wireUp(
	settings config.Config,
	book *playbook.Book,
	post mail.Config,
	certificate *entra.Certificate,
	log *slog.Logger,
	version string,
	getenv func(string) string,
) (trigger.Services, error) {
	transport, err := setup.Transport(settings.CAFile)
	if err != nil {
		return trigger.Services{}, err
	}
	who, err := setup.Identify(settings, certificate, transport, log)
	if err != nil {
		return trigger.Services{}, err
	}
	needs := book.Needs()
	store, err := setup.Ledger(settings, who.Tables.Credential(), transport,
		needs.AlertsOnMachine || needs.AlertsInIncident)
	if err != nil {
		return trigger.Services{}, err
	}
	bus, err := setup.Bus(settings, who.Bus.Credential(), transport)
	if err != nil {
		return trigger.Services{}, err
	}
	client := setup.Defender(settings, transport, who.App, &setup.Pauses{Switches: store.Switches, Log: log}, log)
	graph := setup.NewAlerts(settings, transport, who.App, log)
	verifier := setup.Verifier(settings, transport, log)
	c := clients{
		api:    setup.NewAPI(settings, client, graph, store.Runs),
		alerts: graph,
		ledger: store,
		bus:    bus,
		mailer: &setup.Postman{
			Sender: setup.NewMailSender(settings, post, transport, who.App, log),
			From:   settings.MailFrom.String(),
			Log:    log,
		},
		hunts: setup.NewHunter(settings, transport, who.App, log),
		quota: budget.Quota{PerMinute: defender.CallsPerMinute, PerHour: defender.CallsPerHour},

		verifier: verifier,
		signIn:   setup.Pages(settings, transport, verifier, store.Sessions, version, log),
		doctor:   doctorOf(getenv),
	}
	return services(settings, book, c, log, version), nil
}
