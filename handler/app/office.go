package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"cordon/handler/app/checkup"
	"cordon/handler/app/health"
	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/console"
	"cordon/handler/desk"
	"cordon/handler/desk/post"
	"cordon/handler/desk/shared"
	"cordon/handler/doctor"
	"cordon/handler/notice"
	"cordon/handler/notice/clock"
	"cordon/handler/operate"
	"cordon/handler/operate/web"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook"
)

// newDesk makes what people may do and see.
func newDesk(settings config.Config, c clients, to *setup.Broker, outbox *notice.Outbox) *desk.Desk {
	d := setup.Desk(settings, c.ledger)
	d.API = c.api
	defender := shared.New(c.api, time.Now)
	d.Actions = defender
	d.Seen = defender.Reads()
	d.Queue = to
	d.Teller = outbox
	return d
}

// newOffice makes the operator API, whoever asks and however.
func newOffice(
	settings config.Config,
	book *playbook.Book,
	c clients,
	d *desk.Desk,
	to *setup.Broker,
	check *health.Check,
	version string,
) *operate.Office {
	office := setup.Office(settings, c.ledger, d, version)
	office.History.Book = book
	office.Playbook = func() (wire.Playbook, error) {
		return setup.Playbook(settings, book), nil
	}
	office.Letters = &setup.Letters{Broker: to}
	office.Post = &post.Office{Desk: d, Queue: to}
	office.Hunting = c.hunts
	office.Doctor = oneDoctor(c.doctor)
	office.Health = check.Report
	return office
}

// newOperate answers the operator API over HTTP; nil if sign-in is off.
func newOperate(
	settings config.Config,
	c clients,
	office *operate.Office,
	log *slog.Logger,
) http.Handler {
	if c.verifier == nil {
		return nil
	}
	return web.NewServer(office, c.verifier, setup.SignIn(settings), log)
}

// newConsole makes the pages; nil if sign-in is off.
func newConsole(
	settings config.Config,
	c clients,
	office *operate.Office,
	log *slog.Logger,
	version string,
) http.Handler {
	if c.verifier == nil {
		return nil
	}
	return console.New(console.Options{
		App:     settings.SignIn.AppURL.String(),
		Who:     c.signIn.Who,
		As:      office.As,
		Clock:   clock.Clock{Zone: settings.TimeZone},
		Version: version,
		Log:     log,
		Now:     time.Now,
	})
}

// keepFindings is how old what the doctor found may be when somebody is told it.
const keepFindings = 30 * time.Second

// oneDoctor has one look at the set-up at a time, whose findings serve everybody who asks meanwhile or soon after.
func oneDoctor(look func(context.Context) []doctor.Finding) func(context.Context) ([]doctor.Finding, error) {
	answers := &shared.Answers{Now: time.Now}
	return func(ctx context.Context) ([]doctor.Finding, error) {
		return shared.Ask(ctx, answers, "doctor", keepFindings, func(ctx context.Context) ([]doctor.Finding, error) {
			return look(ctx), nil
		})
	}
}

// doctorTime is how long each check may take of a doctor that people wait for at the operator API.
const doctorTime = 5 * time.Second

// doctorOf looks at the whole set-up, with clients of its own.
func doctorOf(getenv func(string) string) func(context.Context) []doctor.Finding {
	return func(ctx context.Context) []doctor.Finding {
		set := checkup.New(getenv, false)
		defer set.Close(ctx)
		return doctor.Run(ctx, doctorTime, set.Areas()...)
	}
}
