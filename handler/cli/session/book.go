package session

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
	"cordon/handler/terminal"
)

// The ways to sign in.
const (
	Browser    = "browser"
	DeviceCode = "device code"
	AzureCLI   = "az"
)

// Pin is an app that a person confirmed once, and who signed in there.
type Pin struct {
	URL    string      `json:"url"`
	SignIn wire.SignIn `json:"signIn"`
	Way    string      `json:"way"`
	User   string      `json:"user,omitempty"`
	// Account is the person at Entra, to which the renewal belongs; empty: the Azure CLI has it.
	Account string `json:"account,omitempty"`
	// Out: signed out; the app stays confirmed.
	Out bool `json:"out,omitzero"`
}

// address is the app's address, which was checked when it was confirmed.
func (p Pin) address() (*url.URL, error) {
	return Address(p.URL)
}

// book is what is kept in the folder besides tokens.
type book struct {
	Default string         `json:"default,omitempty"`
	Apps    map[string]Pin `json:"apps"`
}

const bookFile = "apps.json"

// open reads the book.
func (f folder) open() (book, error) {
	b := book{Apps: map[string]Pin{}}
	body, err := f.read(bookFile)
	if err != nil || len(body) == 0 {
		return b, err
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return b, fmt.Errorf("%s in %s cannot be read: %w; remove it and sign in again", bookFile, f, err)
	}
	if b.Apps == nil {
		b.Apps = map[string]Pin{}
	}
	return b, nil
}

// save writes the book.
func (f folder) save(b book) error {
	body, err := outgoing.Indent(b)
	if err != nil {
		return err
	}
	return f.write(bookFile, body)
}

// keep writes down who signed in at an app. That took its time, in which the book may have changed.
func (f folder) keep(name string, byDefault bool, p Pin) error {
	b, err := f.open()
	if err != nil {
		return err
	}
	other, taken := b.Apps[name]
	if taken && other.URL != p.URL {
		return b.taken(name)
	}
	b.Apps[name] = p
	if b.Default == "" || byDefault {
		b.Default = name
	}
	return f.save(b)
}

// taken is said of a name that is another app's.
func (b book) taken(name string) error {
	return fmt.Errorf("%s is the name of %s already: give --name", name, b.Apps[name].URL)
}

// names are the names of all apps.
func (b book) names() []string {
	return slices.Sorted(maps.Keys(b.Apps))
}

// find finds an app by its name or its address.
func (b book) find(which string) (name string, found bool, err error) {
	if !isAddress(which) {
		_, found = b.Apps[which]
		return which, found, nil
	}
	u, err := Address(which)
	if err != nil {
		return "", false, err
	}
	for _, name := range b.names() {
		if b.Apps[name].URL == u.String() {
			return name, true, nil
		}
	}
	return "", false, nil
}

// unknown is what is said of an app that is not in the book.
func (b book) unknown(which string) error {
	known := "no app is known here"
	if len(b.Apps) > 0 {
		known = "known here: " + strings.Join(b.names(), ", ")
	}
	if isAddress(which) {
		return fmt.Errorf("nobody is signed in at %s: cordon login --app %s (%s)", terminal.Plain(which, 100),
			terminal.Plain(which, 100), known)
	}
	return fmt.Errorf("there is no app %s (%s): cordon login --app https://its-host --name %s",
		terminal.Plain(which, 60), known, terminal.Plain(which, 60))
}
