// Package world is Azure on one machine: every stand-in, each on a loopback port of its own, and the app settings that
// point the real binary at them. `local run`, the stories and the kill sweeps all play in one.
package world

import (
	"bytes"
	"cmp"
	"errors"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"cordon/local/alertsim"
	"cordon/local/defendersim"
	"cordon/local/entrasim"
	"cordon/local/funchost"
	"cordon/local/graphsim"
	"cordon/local/servicebus"
	"cordon/local/smtpsink"
	"cordon/local/tables"
)

// The queues, as the real ones should be set up.
const (
	AlertQueue  = "alerts"
	NoticeQueue = "notices"
)

// MailDomain is whose Message-IDs the handler makes.
const MailDomain = "example.org"

// World is one tenant with everything that the handler talks to.
type World struct {
	Defender *defendersim.Sim
	Entra    *entrasim.Sim
	Bus      *servicebus.Server
	Tables   *tables.Server
	Mail     *smtpsink.Sink
	Graph    *graphsim.Sim // mail and hunting
	Alerts   *alertsim.Sim // of Graph, over the tenant of Defender
	GraphAPI http.Handler  // Graph and Alerts at one address, as the handler reaches them

	Settings map[string]string // app settings that point at all of it
	Folder   string            // for files that settings name
	SMTP     string            // address of Mail
	AppURL   string            // where people reach the app: the front of the first host

	mu      sync.Mutex
	front   net.Listener   // until a host takes it
	callers map[string]int // by API and client id, of those that tokens are checked for here
	closers []func()
}

// Options change how a world behaves.
type Options struct {
	Defender defendersim.Options
	Alerts   alertsim.Options // Tenant, Verify and Audience are the world's own
	// Between puts something between the handler and the Defender stand-in; nil: nothing.
	Between func(http.Handler) http.Handler
	// BetweenAlerts puts something between the handler and Graph's alerts; nil: nothing.
	BetweenAlerts func(http.Handler) http.Handler
	// Lock is how long the queues lock a message; 0: a minute.
	Lock time.Duration
	// Source is where alerts are read, as CORDON_ALERT_SOURCE says it; empty: nothing is said.
	Source string
	// Playbook is the text of the playbook; empty: the one in the app root.
	Playbook string
	// Identity is who the handler is; the zero value: the app registration, by secret.
	Identity Identity
	// Settings are app settings on top of the world's own.
	Settings map[string]string
	// Fresh is an app that never looked at its tenant; else it has done so for a month.
	Fresh bool
	// Addr is where people reach the app; empty: a free port of this machine.
	Addr string
	// Started is told of the world before anything is served; nil: nobody.
	Started func(*World)
}

// Start brings everything up; no process of the handler runs yet. Settings fit a scenario of some seconds: short
// schedules and windows.
func Start(o Options) (_ *World, err error) {
	w := &World{callers: map[string]int{}}
	if o.Started != nil {
		o.Started(w)
	}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if w.Folder, err = os.MkdirTemp("", "cordon-local-"); err != nil {
		return nil, err
	}
	w.closers = append(w.closers, func() { _ = os.RemoveAll(w.Folder) })
	w.Settings = w.ownSettings()
	if err := os.Mkdir(w.Settings["CORDON_HUNTS"], 0o700); err != nil { // there are none, unless a story brings some
		return nil, err
	}
	for _, start := range []func(Options) error{
		w.listen,
		w.startEntra,
		w.startDefender,
		w.startTables,
		w.startBus,
		w.startMail,
		w.startGraph,
	} {
		if err := start(o); err != nil {
			return nil, err
		}
	}
	if err := w.identify(o.Identity); err != nil {
		return nil, err
	}
	maps.Copy(w.Settings, o.Settings)
	if o.Source != "" {
		w.Settings["CORDON_ALERT_SOURCE"] = o.Source
	}
	if o.Playbook == "" {
		return w, nil
	}
	w.Settings["CORDON_PLAYBOOK"] = filepath.Join(w.Folder, "playbook.yaml")
	return w, os.WriteFile(w.Settings["CORDON_PLAYBOOK"], []byte(o.Playbook), 0o600)
}

// ownSettings are those that hold wherever the stand-ins listen.
func (w *World) ownSettings() map[string]string {
	return map[string]string{
		"FUNCTIONS_WORKER_RUNTIME": "custom",
		"PATH":                     os.Getenv("PATH"),
		"CORDON_MODE":              "enforce",
		"CORDON_TENANT_ID":         TenantID,
		"CORDON_CLIENT_ID":         ClientID,
		"CORDON_CLIENT_SECRET":     ClientSecret,
		"CORDON_CA_FILE":           filepath.Join(w.Folder, "ca.pem"),
		"CORDON_ALERT_QUEUE":       AlertQueue,
		"CORDON_NOTICE_QUEUE":      NoticeQueue,
		"CORDON_POLL_SCHEDULE":     "* * * * * *",
		"CORDON_FOLLOW_SCHEDULE":   "* * * * * *",
		"CORDON_HUNT_SCHEDULE":     "* * * * * *",
		"CORDON_HUNTS":             filepath.Join(w.Folder, "hunts"),
		"CORDON_NOTICE_WINDOW":     "2s",
		"CORDON_RETRY_AFTER":       "1s",
		"CORDON_RECHECK_AFTER":     "10s",
		"CORDON_LATCH_HOLD":        "10s",
		"CORDON_MAIL_FROM":         "Cordon <cordon@" + MailDomain + ">",
		"CORDON_MAIL_TO":           "soc@example.org",

		"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1048576",
		"AzureWebJobsDisableHomepage":       "true",
	}
}

// point serves something and has a setting say where.
func (w *World) point(setting string, h http.Handler, secure *entrasim.Sim) error {
	url, err := w.Serve(h, secure)
	w.Settings[setting] = url
	return err
}

func (w *World) startDefender(o Options) error {
	o.Defender.Audience = entrasim.Defender
	if o.Defender.Verify == nil {
		o.Defender.Verify = w.Verify
	}
	w.Defender = defendersim.New(o.Defender)
	api := w.Defender.Handler()
	if o.Between != nil {
		api = o.Between(api)
	}
	return w.point("CORDON_DEFENDER_URL", api, nil)
}

func (w *World) startTables(o Options) error {
	w.Tables = tables.New(tables.Options{Verify: w.accept(entrasim.Storage)})
	if !o.Fresh {
		w.lookedBefore(time.Now().Add(-30 * 24 * time.Hour))
	}
	url, err := w.Serve(w.Tables, nil)
	w.Settings["AzureWebJobsStorage"] = w.Tables.ConnectionString(url)
	return err
}

func (w *World) startBus(o Options) error {
	var err error
	if w.Bus, err = NewBus(cmp.Or(o.Lock, time.Minute), w.accept(entrasim.ServiceBus)); err != nil {
		return err
	}
	w.closers = append(w.closers, func() { _ = w.Bus.Close() })
	_, err = w.Bus.Listen("127.0.0.1:0")
	w.Settings["ServiceBus"] = w.Bus.ConnectionString()
	return err
}

// NewBus is a broker with the two queues as they are set up in Azure, but for the lock that a story may want shorter.
// Tokens, where they are used, pass the check.
func NewBus(lock time.Duration, check func(token string) error) (*servicebus.Server, error) {
	alerts, notices := Queue(AlertQueue), Queue(NoticeQueue)
	alerts.LockDuration, notices.LockDuration = lock, lock
	return servicebus.New(servicebus.Options{
		Queues:     []servicebus.QueueConfig{alerts, notices},
		CheckToken: check,
	})
}

// Queue is a queue as infra/ sets it up: no sessions, no partitioning.
func Queue(name string) servicebus.QueueConfig {
	return servicebus.QueueConfig{
		Name:             name,
		LockDuration:     time.Minute,
		DuplicateWindow:  24 * time.Hour,
		TTL:              7 * 24 * time.Hour,
		MaxDeliveryCount: 10,
	}
}

// startMail serves SMTP.
func (w *World) startMail(Options) error {
	w.Mail = smtpsink.New(smtpsink.Options{})
	address, err := w.Mail.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	w.closers = append(w.closers, func() { _ = w.Mail.Close() })
	w.SMTP = address.String()
	w.Settings["CORDON_SMTP_URL"] = "smtp://" + w.SMTP + "?tls=none"
	return nil
}

// startGraph serves Microsoft Graph: mail, which goes to the inbox that SMTP goes to, hunting, and the alerts of the
// tenant of the Defender stand-in.
func (w *World) startGraph(o Options) error {
	verify := func(token string) (graphsim.Claims, error) {
		claims, err := w.Entra.Verify(token)
		return graphsim.Claims{Audience: claims.Audience, Roles: claims.Roles, AppID: claims.AppID}, err
	}
	w.Graph = graphsim.New(graphsim.Options{
		Inbox:     w.Mail.Inbox,
		Audience:  entrasim.Graph,
		Mailboxes: []string{"cordon@" + MailDomain},
		Verify:    verify,
	})
	o.Alerts.Tenant, o.Alerts.Audience, o.Alerts.Verify = w.Defender, entrasim.Graph, verify
	w.Alerts = alertsim.New(o.Alerts)
	alerts := http.Handler(w.Alerts)
	if o.BetweenAlerts != nil {
		alerts = o.BetweenAlerts(alerts)
	}
	root := http.NewServeMux()
	root.Handle("/", w.Graph)
	root.Handle("/v1.0/security/alerts_v2", alerts)
	root.Handle("/v1.0/security/alerts_v2/", alerts)
	w.GraphAPI = root
	return w.point("CORDON_GRAPH_URL", root, nil)
}

// Serve answers on a free loopback port until Close, over TLS if the sim whose certificate to use is given, and returns
// the URL.
func (w *World) Serve(h http.Handler, secure *entrasim.Sim) (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(new(bytes.Buffer), "", 0),
	}
	scheme := "http://"
	serve := func() error { return server.Serve(listener) }
	if secure != nil {
		scheme, server.TLSConfig = "https://", secure.TLSConfig()
		serve = func() error { return server.ServeTLS(listener, "", "") }
	}
	done := make(chan error, 1)
	go func() { done <- serve() }()
	w.closers = append(w.closers, func() { _ = server.Close(); <-done })
	return scheme + listener.Addr().String(), nil
}

// Host are the options of a Functions host over the world. Who starts one changes what is to be otherwise.
func (w *World) Host(app string) funchost.Options {
	return funchost.Options{
		AppRoot:             app,
		Settings:            w.Settings,
		Broker:              &Broker{w.Bus},
		Addr:                "127.0.0.1:0",
		Listener:            w.takeFront(),
		ApplicationInsights: true,
	}
}

// Close ends everything, last started first. What was recorded can still be read.
func (w *World) Close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
	w.closers = nil
}

// Enforcing is the default playbook with its mode switched, so that what is played is what the product ships.
func Enforcing(appRoot string) (string, error) {
	body, err := os.ReadFile(filepath.Join(appRoot, "playbook.yaml"))
	if err != nil {
		return "", err
	}
	text := string(body)
	if !strings.Contains(text, "\nmode: observe") {
		return "", errors.New("playbook.yaml has no line \"mode: observe\" to switch to enforce")
	}
	return strings.Replace(text, "\nmode: observe", "\nmode: enforce", 1), nil
}
