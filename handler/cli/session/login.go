package session

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"cordon/handler/operate/wire"
)

// Login is what a person wants to sign in at.
type Login struct {
	App     string // address or name
	Name    string // what it is called from now on; empty: as before, or by its host
	Way     string
	Default bool // commands are about it that name no app
	// Confirm asks the person a question, of which a no is an error.
	Confirm func(question string) error
}

// Login signs a person in. An app is confirmed once; after that it has to be the same.
func (k *Keeper) Login(ctx context.Context, l Login) (*Session, error) {
	f, err := folderOf(k.getenv)
	if err != nil {
		return nil, err
	}
	b, err := f.open()
	if err != nil {
		return nil, err
	}
	name, address, known, err := b.who(k.Chosen(l.App), l.Name)
	if err != nil {
		return nil, err
	}
	says, err := k.client(name, address, nil).SignIn(ctx)
	if err != nil {
		return nil, err
	}
	pin := b.Apps[name]
	if err := checkSignIn(address, says); err != nil {
		return nil, err
	}
	if known {
		err = changed(name, pin, says)
	} else {
		err = l.Confirm(question(name, address, says, l.Way))
	}
	if err != nil {
		return nil, err
	}
	who, err := k.signIn(ctx, f, name, address, says, l.Way)
	if err != nil {
		return nil, err
	}
	err = f.keep(name, l.Default, Pin{
		URL:     address.String(),
		SignIn:  says,
		Way:     l.Way,
		User:    shown(who.name),
		Account: who.account,
	})
	if err != nil {
		return nil, err
	}
	return k.Open(name)
}

// who finds the app that a person wants to sign in at. known: it was confirmed before.
func (b book) who(which, called string) (name string, address *url.URL, known bool, err error) {
	if which == "" {
		which = b.Default
	}
	if which == "" {
		return "", nil, false, errors.New("login wants --app with the address of the app, such as " +
			"https://cordon-prod.azurewebsites.net")
	}
	name, known, err = b.find(which)
	switch {
	case err != nil:
		return "", nil, false, err
	case known && called != "" && called != name:
		return "", nil, false, fmt.Errorf("that app is called %s here; to call it otherwise: cordon logout --app %s "+
			"--forget, then sign in again", name, name)
	case known:
		address, err = b.Apps[name].address()
		return name, address, true, err
	case !isAddress(which):
		return "", nil, false, b.unknown(which)
	}
	address, err = Address(which)
	if err != nil {
		return "", nil, false, err
	}
	name = called
	if name == "" {
		name = nameOf(address)
	}
	if err := CheckName(name); err != nil {
		return "", nil, false, err
	}
	if _, taken := b.Apps[name]; taken {
		return "", nil, false, b.taken(name)
	}
	return name, address, false, nil
}

// question is what a person confirms once.
func question(name string, address *url.URL, says wire.SignIn, way string) string {
	return fmt.Sprintf("App        %s, to be called %s\nTenant     %s, cloud %s\nSign-in    at %s by %s, as %s\n"+
		"Asks for   %s: to use Cordon as you, nothing else\nIs that the app you mean?",
		address, name, says.Tenant, says.Cloud, authorityOf(says), way, says.CLI, says.Scope(address.Hostname()))
}

// signInTime is how long a person may take.
const signInTime = 10 * time.Minute

// signIn has a person prove who it is.
func (k *Keeper) signIn(
	ctx context.Context,
	f folder,
	name string,
	address *url.URL,
	says wire.SignIn,
	way string,
) (who person, err error) {
	scope := says.Scope(address.Hostname())
	if way == AzureCLI {
		_, err := k.byAzureCLI(ctx, says, scope)
		return person{}, err
	}
	if says.CLI == "" {
		return who, fmt.Errorf("%s has no registration for the command line (CORDON_CLI_CLIENT_ID): sign in with --az",
			address.Host)
	}
	c, err := k.entra(f, name, says, true)
	if err != nil {
		return who, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, signInTime, errors.New("nobody signed in within 10 minutes"))
	defer cancel()
	if way == DeviceCode {
		who, err = k.byDeviceCode(ctx, c, scope)
	} else {
		who, err = k.byBrowser(ctx, c, scope)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil:
		err = fmt.Errorf("not signed in: %s", why(err))
	}
	return who, err
}

// Logout forgets the tokens of an app, and with forget that it was confirmed. It answers with its name.
func (k *Keeper) Logout(which string, forget bool) (string, error) {
	f, err := folderOf(k.getenv)
	if err != nil {
		return "", err
	}
	b, err := f.open()
	if err != nil {
		return "", err
	}
	which = k.Chosen(which)
	if which == "" {
		which = b.Default
	}
	if which == "" {
		return "", errors.New("nobody is signed in anywhere")
	}
	name, found, err := b.find(which)
	if err == nil && !found {
		err = b.unknown(which)
	}
	if err != nil {
		return "", err
	}
	if err := f.remove(tokenFile(name)); err != nil {
		return "", err
	}
	pin := b.Apps[name]
	pin.Out, pin.Account = true, ""
	b.Apps[name] = pin
	if forget {
		delete(b.Apps, name)
	}
	if forget && b.Default == name {
		b.Default = ""
	}
	return name, f.save(b)
}
