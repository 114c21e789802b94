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
	"cordon/handler/desk"
	"cordon/handler/desk/post"
	"cordon/handler/doctor"
	"cordon/handler/notice"
	"cordon/handler/operate/web"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook"
)

// newDesk makes what people may do and see.
func newDesk(settings config.Config, c clients, to *setup.Broker, outbox *notice.Outbox) *desk.Desk {
	d := setup.Desk(settings, c.ledger)
	d.API = c.api
	d.Actions = c.api
	d.Queue = to
	d.Teller = outbox
	return d
}

// newOperate makes the operator API; nil if sign-in is off.
func newOperate(
	settings config.Config,
	book *playbook.Book,
	c clients,
	d *desk.Desk,
	to *setup.Broker,
	check *health.Check,
	log *slog.Logger,
	version string,
) http.Handler {
	if c.verifier == nil {
		return nil
	}
	office := setup.Office(settings, c.ledger, d, version)
	office.History.Book = book
	office.Playbook = func() (wire.Playbook, error) {
		return setup.Playbook(settings, book), nil
	}
	office.Letters = &setup.Letters{Broker: to}
	office.Post = &post.Office{Desk: d, Queue: to}
	office.Hunting = c.hunts
	office.Doctor = c.doctor
	office.Health = check.Report
	return web.NewServer(office, c.verifier, setup.SignIn(settings), log)
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
