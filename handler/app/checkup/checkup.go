// Package checkup wires the checks of package doctor to the clients that the handler uses.
package checkup

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/doctor"
	"cordon/handler/entra"
	"cordon/handler/playbook"
)

// Checkup wires the checks of doctor to the clients that the handler uses, as far as the settings allow.
type Checkup struct {
	getenv   func(string) string
	sendTest bool
	log      *slog.Logger

	settings    config.Config
	problems    error
	book        *playbook.Book // nil: it cannot be read
	bookErr     error
	transport   *http.Transport // nil: the certificate authorities cannot be read
	caErr       error
	certificate *entra.Certificate
	certErr     error
	who         *setup.Sources
	ends        []func(context.Context)
}

// New reads settings and files. It opens no connection.
func New(getenv func(string) string, sendTest bool) *Checkup {
	c := &Checkup{
		getenv:   getenv,
		sendTest: sendTest,
		log:      slog.New(slog.DiscardHandler),
	}
	c.settings, c.problems = config.Load(getenv)
	c.book, c.bookErr = setup.Book(c.settings.Playbook)
	c.transport, c.caErr = setup.Transport(c.settings.CAFile)
	c.certificate, c.certErr = setup.Certificate(c.settings)
	c.who = setup.NewSources(c.settings, c.certificate, c.transport)
	return c
}

// Areas are all checks, in the order of the report.
func (c *Checkup) Areas() []doctor.Area {
	areas := []doctor.Area{
		c.settingsArea(), c.playbookArea(), c.schedulesArea(), c.filesArea(), c.huntsArea(),
		c.area("Defender", config.Defender, c.defenderArea),
	}
	areas = append(areas, c.alertsAreas()...)
	areas = append(areas, c.queueAreas()...)
	return append(areas,
		c.area("tables", config.Ledger, c.tablesArea),
		c.area("mail", config.Mail, c.mailArea),
		c.signInArea())
}

// Close ends the connections.
func (c *Checkup) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, end := range c.ends {
		end(ctx)
	}
}
