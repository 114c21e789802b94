// Package session is who a person is at this computer: which apps were confirmed, who signed in there, and the tokens.
//
// Neighbours: handler/cli/access has the commands, handler/operate/client shows the tokens to the app.
package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"cordon/handler/app/setup"
	"cordon/handler/operate/client"
	"cordon/handler/terminal"
)

// Options say at which computer.
type Options struct {
	Getenv  func(string) string
	Version string
	Tell    func(string) // says something to the person
}

// Keeper keeps the sign-ins of a person.
type Keeper struct {
	getenv    func(string) string
	version   string
	tell      func(string)
	browse    func(url string)
	run       func(ctx context.Context, name string, args ...string) ([]byte, error)
	transport *http.Transport
}

// New makes a keeper.
func New(o Options) (*Keeper, error) {
	transport, err := setup.Transport(o.Getenv("CORDON_CA_FILE"))
	return &Keeper{
		getenv:    o.Getenv,
		version:   o.Version,
		tell:      o.Tell,
		browse:    openBrowser,
		run:       runProgram,
		transport: transport,
	}, err
}

// Session is a person at an app.
type Session struct {
	Name   string // of the app
	Pin    Pin
	Others []string // names of all apps
	Client *client.Client
}

// errNoApp says both ways.
var errNoApp = errors.New("which app? Sign in with cordon login --app https://its-host, or name one with --app or " +
	"CORDON_APP; or go round the app with its own settings: --direct")

// Chosen is which app a command is about: named, or set, or the default.
func (k *Keeper) Chosen(which string) string {
	return cmp.Or(which, k.getenv("CORDON_APP"))
}

// Open finds the app that a command is about, and whoever is signed in there.
func (k *Keeper) Open(which string) (*Session, error) {
	f, err := folderOf(k.getenv)
	if err != nil {
		return nil, err
	}
	b, err := f.open()
	if err != nil {
		return nil, err
	}
	given := k.getenv("CORDON_TOKEN")
	which = k.Chosen(which)
	if which == "" && given == "" {
		which = b.Default
	}
	if which == "" {
		return nil, errNoApp
	}
	name, found, err := b.find(which)
	if err != nil {
		return nil, err
	}
	s := &Session{
		Name:   name,
		Pin:    b.Apps[name],
		Others: b.names(),
	}
	if given != "" {
		return s, k.withToken(s, which, found, given, b)
	}
	if !found {
		return nil, b.unknown(which)
	}
	address, err := s.Pin.address()
	if err != nil {
		return nil, err
	}
	s.Client = k.client(name, address, func(ctx context.Context) (string, error) {
		return k.token(ctx, f, name, s.Pin)
	})
	return s, nil
}

// withToken completes a session with a token that was given, as pipelines do. An app that is named by its address needs
// no confirmation then: whoever set both said so.
func (k *Keeper) withToken(
	s *Session,
	which string,
	found bool,
	given string,
	b book,
) error {
	if !isToken(given) {
		return errors.New("CORDON_TOKEN is no token: expected the access token alone, on one line")
	}
	if !found && !isAddress(which) {
		return b.unknown(which)
	}
	address, err := s.Pin.address()
	if !found {
		address, err = Address(which)
	}
	if err != nil {
		return err
	}
	s.Name = cmp.Or(s.Name, address.Host)
	s.Pin.URL = address.String()
	s.Pin.Way = "CORDON_TOKEN"
	s.Client = k.client(s.Name, address, func(context.Context) (string, error) {
		return given, nil
	})
	return nil
}

func (k *Keeper) client(
	name string,
	address *url.URL,
	token func(context.Context) (string, error),
) *client.Client {
	return client.New(client.Options{
		Name:      name,
		URL:       address,
		Version:   k.version,
		Token:     token,
		Transport: k.transport,
		Tell:      k.tell,
	})
}

// token gets a token without asking anybody.
func (k *Keeper) token(
	ctx context.Context,
	f folder,
	name string,
	pin Pin,
) (token string, err error) {
	address, err := pin.address()
	if err == nil {
		err = checkSignIn(address, pin.SignIn)
	}
	if err != nil {
		return "", err
	}
	scope := pin.SignIn.Scope(address.Hostname())
	again := fmt.Sprintf("cordon login --app %s%s", name, flagOf(pin.Way))
	switch {
	case pin.Out:
		return "", fmt.Errorf("nobody is signed in at %s: %s", name, again)
	case pin.Way == AzureCLI:
		return k.byAzureCLI(ctx, pin.SignIn, scope)
	}
	c, err := k.entra(f, name, pin.SignIn, false)
	if err == nil {
		token, err = silently(ctx, c, scope, pin.Account)
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("sign in again: %s (%s)", again, why(err))
	}
	return token, err
}

// flagOf is how a way to sign in is asked for.
func flagOf(way string) string {
	switch way {
	case DeviceCode:
		return " --device-code"
	case AzureCLI:
		return " --az"
	}
	return ""
}

// shown is foreign text for people, on one line.
func shown(s string) string {
	return terminal.Plain(strings.TrimSpace(s), 100)
}
