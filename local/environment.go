package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"cordon/local/defendersim"
	"cordon/local/entrasim"
	"cordon/local/graphsim"
	"cordon/local/servicebus"
	"cordon/local/smtpsink"
	"cordon/local/tables"
)

// The app registration of the local tenant. Nothing of it is secret outside this machine.
const (
	tenantID     = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"
	clientID     = "b71d9c3e-42a8-4e57-8f19-0c6de25a7341"
	clientSecret = "local-environment-only"
)

// The queues, as the real ones should be set up.
const (
	alertQueue  = "alerts"
	noticeQueue = "notices"
)

// environment is Azure on one machine: every stand-in, each on a loopback port of its own.
type environment struct {
	defender *defendersim.Sim
	entra    *entrasim.Sim
	bus      *servicebus.Server
	tables   *tables.Server
	mail     *smtpsink.Sink
	graph    *graphsim.Sim

	mu      sync.Mutex
	callers map[string]int // by API and client id, of those that tokens are checked for here

	settings map[string]string // app settings that point at all of it
	folder   string            // for files that settings name
	closers  []func()
}

// environmentOptions change how the environment behaves.
type environmentOptions struct {
	defender defendersim.Options
	// between puts something between the handler and the Defender stand-in; nil: nothing.
	between func(http.Handler) http.Handler
	// lock is how long the queues lock a message; 0: a minute.
	lock time.Duration
	// playbook is the text of the playbook; empty: the one in the app root.
	playbook string
	// identity is who the handler is; the zero value: the app registration, by secret.
	identity identityKind
	// started is told of the environment before anything is served; nil: nobody.
	started func(*environment)
}

// start brings everything up. Settings fit a scenario of some seconds: short schedules and windows.
func start(o environmentOptions) (e *environment, err error) {
	e = &environment{callers: map[string]int{}}
	if o.started != nil {
		o.started(e)
	}
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	if e.folder, err = os.MkdirTemp("", "cordon-local-"); err != nil {
		return nil, err
	}
	e.closers = append(e.closers, func() { _ = os.RemoveAll(e.folder) })
	if err := os.Mkdir(filepath.Join(e.folder, "hunts"), 0o700); err != nil { // there are none, unless a story brings some
		return nil, err
	}
	entraURL, err := e.startEntra(o.identity)
	if err != nil {
		return nil, err
	}
	if o.defender.Verify == nil {
		o.defender.Verify = e.verify
	}
	o.defender.Audience = entrasim.Defender
	e.defender = defendersim.New(o.defender)
	api := e.defender.Handler()
	if o.between != nil {
		api = o.between(api)
	}
	defenderURL, err := e.serve(api, nil)
	if err != nil {
		return nil, err
	}
	e.tables = tables.New(tables.Options{Verify: e.accept(entrasim.Storage)})
	tablesURL, err := e.serve(e.tables, nil)
	if err != nil {
		return nil, err
	}
	if e.bus, err = newBus(cmp.Or(o.lock, time.Minute), e.accept(entrasim.ServiceBus)); err != nil {
		return nil, err
	}
	e.closers = append(e.closers, func() { e.bus.Close() })
	if _, err := e.bus.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	e.mail = smtpsink.New(smtpsink.Options{})
	mailAddr, err := e.mail.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, func() { _ = e.mail.Close() })
	graphURL, err := e.startGraph()
	if err != nil {
		return nil, err
	}
	e.settings = map[string]string{
		"FUNCTIONS_WORKER_RUNTIME": "custom",
		"PATH":                     os.Getenv("PATH"),
		"CORDON_MODE":              "enforce",
		"CORDON_TENANT_ID":         tenantID,
		"CORDON_CLIENT_ID":         clientID,
		"CORDON_CLIENT_SECRET":     clientSecret,
		"CORDON_AUTHORITY_URL":     entraURL,
		"CORDON_CA_FILE":           filepath.Join(e.folder, "ca.pem"),
		"CORDON_DEFENDER_URL":      defenderURL,
		"CORDON_GRAPH_URL":         graphURL,
		"ServiceBus":               e.bus.ConnectionString(),
		"CORDON_ALERT_QUEUE":       alertQueue,
		"CORDON_NOTICE_QUEUE":      noticeQueue,
		"AzureWebJobsStorage":      e.tables.ConnectionString(strings.TrimPrefix(tablesURL, "http://")),
		"CORDON_POLL_SCHEDULE":     "* * * * * *",
		"CORDON_FOLLOW_SCHEDULE":   "* * * * * *",
		"CORDON_HUNT_SCHEDULE":     "* * * * * *",
		"CORDON_HUNTS":             filepath.Join(e.folder, "hunts"),
		"CORDON_NOTICE_WINDOW":     "2s",
		"CORDON_RETRY_AFTER":       "1s",
		"CORDON_RECHECK_AFTER":     "10s",
		"CORDON_LATCH_HOLD":        "10s",
		"CORDON_MAIL_FROM":         "Cordon <cordon@example.org>",
		"CORDON_MAIL_TO":           "soc@example.org",
		"CORDON_SMTP_URL":          fmt.Sprintf("smtp://%s?tls=none", mailAddr),

		"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1048576",
		"AzureWebJobsDisableHomepage":       "true",
	}
	if err := e.identify(o.identity); err != nil {
		return nil, err
	}
	if o.playbook != "" {
		e.settings["CORDON_PLAYBOOK"] = filepath.Join(e.folder, "playbook.yaml")
		return e, os.WriteFile(e.settings["CORDON_PLAYBOOK"], []byte(o.playbook), 0o600)
	}
	return e, nil
}

// verify reads a token for the Defender stand-in.
func (e *environment) verify(token string) (defendersim.Claims, error) {
	claims, err := e.entra.Verify(token)
	if err != nil {
		return defendersim.Claims{}, err
	}
	return defendersim.Claims{Audience: claims.Audience, AppID: claims.AppID, Roles: claims.Roles, ExpiresAt: time.Unix(claims.Expires, 0)}, nil
}

// serve answers on a free loopback port, over TLS if the certificate of sim is given, and returns the URL.
func (e *environment) serve(h http.Handler, sim *entrasim.Sim) (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(new(bytes.Buffer), "", 0)}
	scheme := "http://"
	serve := func() error { return server.Serve(listener) }
	if sim != nil {
		scheme, server.TLSConfig = "https://", sim.TLSConfig()
		serve = func() error { return server.ServeTLS(listener, "", "") }
	}
	done := make(chan error, 1)
	go func() { done <- serve() }()
	e.closers = append(e.closers, func() { _ = server.Close(); <-done })
	return scheme + listener.Addr().String(), nil
}

// Close ends everything, last started first.
func (e *environment) Close() {
	for i := len(e.closers) - 1; i >= 0; i-- {
		e.closers[i]()
	}
	e.closers = nil
}

// enforcing is the default playbook with its mode switched, so that the scenario shows what the product ships.
func enforcing(appRoot string) (string, error) {
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

// until polls a condition until it holds or the context ends.
func until(ctx context.Context, every time.Duration, holds func() bool) bool {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return holds()
		case <-ticker.C:
		}
	}
	return true
}
