// Package checkup wires the checks of package doctor to the clients that the handler uses.
package checkup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/doctor"
	"cordon/handler/entra"
	"cordon/handler/playbook"
	"cordon/handler/trigger"
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
	c := &Checkup{getenv: getenv, sendTest: sendTest, log: slog.New(slog.DiscardHandler)}
	c.settings, c.problems = config.Load(getenv)
	c.book, c.bookErr = setup.Book(c.settings.Playbook)
	c.transport, c.caErr = setup.Transport(c.settings.CAFile)
	c.certificate, c.certErr = setup.Certificate(c.settings)
	c.who = setup.NewSources(c.settings, c.certificate, c.transport)
	return c
}

// Areas are all checks, in the order of the report.
func (c *Checkup) Areas() []doctor.Area {
	areas := []doctor.Area{c.settingsArea(), c.playbookArea(),
		doctor.Schedules(doctor.Schedule{Name: "poll", Setting: "CORDON_POLL_SCHEDULE", Spec: c.settings.PollSchedule, Every: c.settings.PollEvery},
			doctor.Schedule{Name: "follow", Setting: "CORDON_FOLLOW_SCHEDULE", Spec: c.settings.FollowSchedule, Every: c.settings.FollowEvery}),
		c.filesArea(), c.huntsArea(),
		c.area("Defender", config.Defender, c.defenderArea)}
	areas = append(areas, c.queueAreas()...)
	return append(areas, c.area("tables", config.Ledger, c.tablesArea), c.area("mail", config.Mail, c.mailArea))
}

// area is what make makes of settings that are right, or what keeps it from being looked at.
func (c *Checkup) area(name string, need config.Need, make func() (doctor.Area, error)) doctor.Area {
	if why := c.missing(need); why != "" {
		return doctor.Shut(name, why)
	}
	area, err := make()
	if err != nil {
		return doctor.Told(doctor.Finding{Check: name, State: doctor.Fail, Seen: err.Error(), Do: "mend the setting that it names"})
	}
	return area
}

// missing says what has to be mended before a part can be looked at.
func (c *Checkup) missing(need config.Need) string {
	var wrong *config.Error
	if _, err := config.LoadFor(c.getenv, need); errors.As(err, &wrong) {
		names := []string{}
		for _, problem := range wrong.Problems {
			names = append(names, problem.Name)
		}
		return "the settings above are wrong: " + strings.Join(names, ", ")
	}
	if c.caErr != nil {
		return "the certificate authorities cannot be read"
	}
	return ""
}

// Close ends the connections.
func (c *Checkup) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, end := range c.ends {
		end(ctx)
	}
}

func (c *Checkup) settingsArea() doctor.Area {
	var found []doctor.Finding
	tell := func(check string, state doctor.State, seen, do string) {
		found = append(found, doctor.Finding{Check: check, State: state, Seen: seen, Do: do})
	}
	var wrong *config.Error
	switch {
	case errors.As(c.problems, &wrong):
		for _, problem := range wrong.Problems {
			tell("setting "+problem.Name, doctor.Fail, problem.Message, "set it right in the app settings; docs/settings.md has all of them")
		}
	case c.problems != nil:
		tell("settings", doctor.Fail, c.problems.Error(), "")
	default:
		tell("settings", doctor.OK, "everything that the handler asks for is set", "")
	}
	for _, l := range c.settings.Lapses() {
		tell("setting "+l.Setting, doctor.Fail, l.Text, "set it right in the app settings; docs/settings.md has all of them")
	}
	if c.caErr != nil {
		tell("setting CORDON_CA_FILE", doctor.Fail, c.caErr.Error(), "put the PEM file there, or take the setting out")
	}
	switch {
	case c.certErr != nil:
		tell("certificate", doctor.Fail, c.certErr.Error(), "put a PEM file with certificate and key there, and upload the certificate to the app registration")
	case c.certificate == nil:
	case time.Until(c.certificate.ExpiresAt) < setup.CertificateEnding:
		tell("certificate", doctor.Warn, "ends on "+c.certificate.ExpiresAt.UTC().Format(time.DateOnly), "upload a new one to the app registration and set CORDON_CLIENT_CERTIFICATE to its file")
	default:
		tell("certificate", doctor.OK, "good until "+c.certificate.ExpiresAt.UTC().Format(time.DateOnly), "")
	}
	return doctor.Told(found...)
}

func (c *Checkup) playbookArea() doctor.Area {
	f := doctor.Finding{Check: "playbook"}
	if c.bookErr != nil {
		f.State, f.Seen, f.Do = doctor.Fail, c.bookErr.Error(), "mend it; cordon check says when it is right"
		return doctor.Told(f)
	}
	f.State = doctor.OK
	f.Seen = fmt.Sprintf("%d rule(s); it says %s, CORDON_MODE says %s: ", len(c.book.Rules()), c.book.Mode(), c.settings.Mode)
	if setup.Mode(c.settings, c.book) == playbook.Enforce {
		f.Seen += "machines are acted on"
	} else {
		f.Seen += "no machine is acted on"
	}
	return doctor.Told(f)
}

// filesArea looks at the app root, or at the playbook's folder if the app is there.
func (c *Checkup) filesArea() doctor.Area {
	folder := c.settings.AppRoot
	if _, err := os.Stat(filepath.Join(folder, "host.json")); err != nil {
		if _, err := os.Stat(filepath.Join(filepath.Dir(c.settings.Playbook), "host.json")); err == nil {
			folder = filepath.Dir(c.settings.Playbook)
		}
	}
	return doctor.Folder(doctor.App{Files: os.DirFS(folder), Where: folder, Getenv: c.getenv, Deadline: trigger.Deadline})
}
