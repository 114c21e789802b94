package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/alert"
	"cordon/handler/config"
	"cordon/handler/defender"
	"cordon/handler/doctor"
	"cordon/handler/entra"
	"cordon/handler/ledger"
	"cordon/handler/mail"
	"cordon/handler/playbook"
	"cordon/handler/queue"
	"cordon/handler/trigger"
)

// practice wires the checks of doctor to the clients that the handler uses, as far as the settings allow.
type practice struct {
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
	who         *sources
	ends        []func(context.Context)
}

// newPractice reads settings and files. It opens no connection.
func newPractice(getenv func(string) string, sendTest bool) *practice {
	p := &practice{getenv: getenv, sendTest: sendTest, log: slog.New(slog.DiscardHandler)}
	p.settings, p.problems = config.Load(getenv)
	p.book, p.bookErr = loadBook(p.settings.Playbook)
	p.transport, p.caErr = baseTransport(p.settings.CAFile)
	p.certificate, p.certErr = readCertificate(p.settings)
	p.who = newSources(p.settings, p.certificate, p.transport)
	return p
}

// areas are all checks, in the order of the report.
func (p *practice) areas() []doctor.Area {
	areas := []doctor.Area{p.settingsArea(), p.playbookArea(),
		doctor.Schedules(doctor.Schedule{Name: "poll", Setting: "CORDON_POLL_SCHEDULE", Spec: p.settings.PollSchedule, Every: p.settings.PollEvery},
			doctor.Schedule{Name: "follow", Setting: "CORDON_FOLLOW_SCHEDULE", Spec: p.settings.FollowSchedule, Every: p.settings.FollowEvery}),
		p.filesArea(), p.huntsArea(),
		p.area("Defender", config.Defender, p.defenderArea)}
	areas = append(areas, p.queueAreas()...)
	return append(areas, p.area("tables", config.Ledger, p.tablesArea), p.area("mail", config.Mail, p.mailArea))
}

// area is what make makes of settings that are right, or what keeps it from being looked at.
func (p *practice) area(name string, need config.Need, make func() (doctor.Area, error)) doctor.Area {
	if why := p.missing(need); why != "" {
		return doctor.Shut(name, why)
	}
	area, err := make()
	if err != nil {
		return doctor.Told(doctor.Finding{Check: name, State: doctor.Fail, Seen: err.Error(), Do: "mend the setting that it names"})
	}
	return area
}

// missing says what has to be mended before a part can be looked at.
func (p *practice) missing(need config.Need) string {
	var wrong *config.Error
	if _, err := config.LoadFor(p.getenv, need); errors.As(err, &wrong) {
		names := []string{}
		for _, problem := range wrong.Problems {
			names = append(names, problem.Name)
		}
		return "the settings above are wrong: " + strings.Join(names, ", ")
	}
	if p.caErr != nil {
		return "the certificate authorities cannot be read"
	}
	return ""
}

func (p *practice) settingsArea() doctor.Area {
	var found []doctor.Finding
	tell := func(check string, state doctor.State, seen, do string) {
		found = append(found, doctor.Finding{Check: check, State: state, Seen: seen, Do: do})
	}
	var wrong *config.Error
	switch {
	case errors.As(p.problems, &wrong):
		for _, problem := range wrong.Problems {
			tell("setting "+problem.Name, doctor.Fail, problem.Message, "set it right in the app settings; docs/settings.md has all of them")
		}
	case p.problems != nil:
		tell("settings", doctor.Fail, p.problems.Error(), "")
	default:
		tell("settings", doctor.OK, "everything that the handler asks for is set", "")
	}
	for _, l := range p.settings.Lapses() {
		tell("setting "+l.Setting, doctor.Fail, l.Text, "set it right in the app settings; docs/settings.md has all of them")
	}
	if p.caErr != nil {
		tell("setting CORDON_CA_FILE", doctor.Fail, p.caErr.Error(), "put the PEM file there, or take the setting out")
	}
	switch {
	case p.certErr != nil:
		tell("certificate", doctor.Fail, p.certErr.Error(), "put a PEM file with certificate and key there, and upload the certificate to the app registration")
	case p.certificate == nil:
	case time.Until(p.certificate.ExpiresAt) < certificateEnding:
		tell("certificate", doctor.Warn, "ends on "+p.certificate.ExpiresAt.UTC().Format(time.DateOnly), "upload a new one to the app registration and set CORDON_CLIENT_CERTIFICATE to its file")
	default:
		tell("certificate", doctor.OK, "good until "+p.certificate.ExpiresAt.UTC().Format(time.DateOnly), "")
	}
	return doctor.Told(found...)
}

func (p *practice) playbookArea() doctor.Area {
	f := doctor.Finding{Check: "playbook"}
	if p.bookErr != nil {
		f.State, f.Seen, f.Do = doctor.Fail, p.bookErr.Error(), "mend it; cordon check says when it is right"
		return doctor.Told(f)
	}
	f.State = doctor.OK
	f.Seen = fmt.Sprintf("%d rule(s); it says %s, CORDON_MODE says %s: ", len(p.book.Rules()), p.book.Mode(), p.settings.Mode)
	if mode(p.settings, p.book) == playbook.Enforce {
		f.Seen += "machines are acted on"
	} else {
		f.Seen += "no machine is acted on"
	}
	return doctor.Told(f)
}

// filesArea looks at the app root, or at the playbook's folder if the app is there.
func (p *practice) filesArea() doctor.Area {
	folder := p.settings.AppRoot
	if _, err := os.Stat(filepath.Join(folder, "host.json")); err != nil {
		if _, err := os.Stat(filepath.Join(filepath.Dir(p.settings.Playbook), "host.json")); err == nil {
			folder = filepath.Dir(p.settings.Playbook)
		}
	}
	return doctor.Folder(doctor.App{Files: os.DirFS(folder), Where: folder, Getenv: p.getenv, Deadline: trigger.Deadline})
}

// tokens are what an identity gets for an audience.
func tokens(source *entra.Source, audience string) func(context.Context) (doctor.Token, error) {
	return func(ctx context.Context) (doctor.Token, error) {
		token, err := source.Token(ctx, audience+"/.default")
		if err != nil {
			return doctor.Token{}, err
		}
		claims, unreadable := entra.ReadClaims(token.Value)
		return doctor.Token{Roles: claims.Roles, Principal: claims.Principal, Unreadable: unreadable}, nil
	}
}

func (p *practice) appSource() (*entra.Source, error) {
	if p.certErr != nil {
		return nil, p.certErr
	}
	return p.who.app()
}

func (p *practice) defenderArea() (doctor.Area, error) {
	app, err := p.appSource()
	if err != nil {
		return nil, err
	}
	area := doctor.Tokens(doctor.API{Name: "Defender", Who: app.Identity(), Audience: p.settings.DefenderAudience,
		Token: tokens(app, p.settings.DefenderAudience), Roles: p.defenderRoles()})
	api := defenderClient(p.settings, p.transport, app, p.log)
	return append(area, doctor.Reads(defenderReads{api}, p.settings.DefenderURL.Host, time.Now)...), nil
}

// defenderReads lets the doctor read from the API without knowing it.
type defenderReads struct{ api *defender.Client }

func (d defenderReads) Alerts(ctx context.Context) (time.Time, error) {
	page, err := d.api.AlertPage(ctx, alert.Window{From: time.Now().Add(-time.Minute), Top: 1}, func(alert.Alert) error { return nil })
	return page.Date, err
}

func (d defenderReads) Actions(ctx context.Context) error {
	_, err := d.api.ActionsSince(ctx, time.Now().Add(-time.Minute))
	return err
}

func (p *practice) queueAreas() []doctor.Area {
	const name = "Service Bus"
	if why := p.missing(config.Queues); why != "" {
		return []doctor.Area{doctor.Shut(name, why)}
	}
	bus, tokenArea, err := p.bus()
	if err != nil {
		return []doctor.Area{doctor.Told(doctor.Finding{Check: name, State: doctor.Fail, Seen: err.Error(), Do: "mend the setting that it names"})}
	}
	areas := []doctor.Area{tokenArea}
	for _, q := range []string{p.settings.AlertQueue, p.settings.NoticeQueue} {
		areas = append(areas, doctor.Queue(queueProbes{bus}, q, p.settings.MessageLock, time.Now))
	}
	return areas
}

// bus makes the client of the queues, and the check of its token if it uses one.
func (p *practice) bus() (*queue.Client, doctor.Area, error) {
	const audience = "https://servicebus.azure.net"
	var area doctor.Area
	var credential azcore.TokenCredential // nil: by key
	if p.settings.ServiceBus.Namespace != "" {
		source, err := p.connection(p.settings.ServiceBus.Identity, busClientID)
		if err != nil {
			return nil, nil, err
		}
		credential = source.Credential()
		area = doctor.Tokens(doctor.API{Name: "Service Bus", Who: source.Identity(), Audience: audience, Token: tokens(source, audience)})
	}
	bus, err := openBus(p.settings, credential, p.transport)
	if err != nil {
		return nil, nil, err
	}
	p.ends = append(p.ends, func(ctx context.Context) { _ = bus.Close(ctx) }) // everything that counts was answered before
	return bus, area, nil
}

// connection is the identity of a connection.
func (p *practice) connection(id config.Identity, setting string) (*entra.Source, error) {
	if !id.Managed && p.certErr != nil {
		return nil, p.certErr
	}
	return p.who.of(id, setting)
}

// queueProbes lets the doctor look at queues without knowing the broker.
type queueProbes struct{ *queue.Client }

func (q queueProbes) Probe(ctx context.Context, name string, at time.Time) (doctor.Probe, error) {
	seen, err := q.Client.Probe(ctx, name, at)
	return doctor.Probe(seen), err
}

func (p *practice) tablesArea() (doctor.Area, error) {
	const audience = "https://storage.azure.com"
	var area doctor.Area
	var credential azcore.TokenCredential // nil: by key
	if p.settings.Storage.TableURL != nil {
		source, err := p.connection(p.settings.Storage.Identity, tablesClientID)
		if err != nil {
			return nil, err
		}
		credential = source.Credential()
		area = doctor.Tokens(doctor.API{Name: "Storage", Who: source.Identity(), Audience: audience, Token: tokens(source, audience)})
	}
	store, err := openLedger(p.settings, credential, p.transport, false)
	if err != nil {
		return nil, err
	}
	return append(area, doctor.Tables(ledgerProbe{store})...), nil
}

// ledgerProbe lets the doctor try the tables, and tells an answer of theirs in one line.
type ledgerProbe struct{ store *ledger.Store }

func (l ledgerProbe) Probe(ctx context.Context) error {
	err := l.store.Probe(ctx)
	var answer *azcore.ResponseError
	var tried *ledger.Error
	if errors.As(err, &answer) && errors.As(err, &tried) {
		return fmt.Errorf("%s: the table service answered %d %s", tried.Op, answer.StatusCode, answer.ErrorCode)
	}
	return err
}

func (p *practice) mailArea() (doctor.Area, error) {
	if p.settings.MailUnresolved {
		return doctor.Shut("mail", "the settings above are wrong: CORDON_SMTP_URL"), nil
	}
	post, err := parseMail(p.settings)
	if err != nil {
		return nil, err
	}
	byGraph, byToken := p.settings.SMTPURL.IsZero(), post.Auth == mail.AuthXOAuth2
	var app *entra.Source
	if byGraph || byToken {
		if app, err = p.appSource(); err != nil {
			return nil, err
		}
	}
	sender := newMailSender(p.settings, post, p.transport, app, p.log)
	var area doctor.Area
	m := doctor.Mail{Server: post.Host, To: addresses(p.settings.OperatorMail)}
	switch {
	case byGraph:
		m.Server = p.settings.GraphURL.Host
		area = doctor.Tokens(doctor.API{Name: "Graph", Who: app.Identity(), Audience: p.settings.GraphAudience, Token: tokens(app, p.settings.GraphAudience), Roles: []doctor.Role{p.mailRole()}})
	case byToken:
		area = doctor.Tokens(doctor.API{Name: "mail", Who: app.Identity(), Audience: post.Audience, Token: tokens(app, post.Audience)})
	}
	if server, isServer := sender.(*mail.Sender); isServer {
		m.Check = server.Check
	}
	if p.sendTest {
		m.Send = func(ctx context.Context) error { return sender.Send(ctx, p.testMail()) }
	}
	return append(area, doctor.Mailing(m)...), nil
}

func (p *practice) testMail() mail.Message {
	return mail.Message{ID: "doctor." + rand.Text() + "@" + domain(p.settings.MailFrom.Address), From: p.settings.MailFrom.String(), To: addresses(p.settings.OperatorMail),
		Subject: "Cordon: a test", Text: "Somebody ran \"cordon doctor --send-test\". Mail from Cordon arrives here. Nothing else has happened.\n"}
}
