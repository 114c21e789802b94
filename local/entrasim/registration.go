package entrasim

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// App is one app registration.
type App struct {
	TenantID string
	ClientID string
	Name     string // what pages and errors call it; empty: its client id
	Secret   string
	// SecretExpires is when the secret ends; zero means never.
	SecretExpires time.Time
	// Certificates are those that were uploaded to the registration; client assertions are signed with the key of one
	// of them.
	Certificates []*x509.Certificate
	// Issuers and SubjectName let in every certificate of that common name whose chain, sent along as x5c, leads to one
	// of them; nil means that only Certificates count.
	Issuers     *x509.CertPool
	SubjectName string
	// Federated are the federated credentials: tokens of these let the app in.
	Federated []Federated
	// Public is an app on people's machines: it has no credential, and must not send one.
	Public bool
	// RedirectURIs are where people may be sent back to. Of a loopback one any port counts
	// (https://learn.microsoft.com/entra/identity-platform/reply-url).
	RedirectURIs []string
	// Roles are the application permissions that were granted, by resource. A resource named here is known to the
	// tenant.
	Roles map[string][]string
	// API is what the app exposes to others; nil: nothing.
	API *API
}

// Federated is a federated credential of a registration.
type Federated struct {
	Issuer   string // empty: this authority for the tenant of the app
	Subject  string // object id of a managed identity
	Audience string // TokenExchange
}

// TokenExchange is the audience of tokens of managed identities that stand for a credential.
const TokenExchange = "api://AzureADTokenExchange"

// API is what a registration exposes. Tokens for it are of version 2.0.
type API struct {
	URI    string   // the identifier URI
	Scopes []string // what clients may be let do for a person
	Roles  []string // app roles, for people and apps
	// PreAuthorized are the clients that nobody needs to consent to. The sim has no page for consent: others are
	// refused.
	PreAuthorized []string
	// AssignmentRequired lets in only people with a role.
	AssignmentRequired bool
}

// called is the app's name, for people.
func (a App) called() string {
	if a.Name == "" {
		return a.ClientID
	}
	return a.Name
}

// asApp is a managed identity as tokens are issued to it.
func (i Identity) asApp() App { return App{TenantID: i.TenantID, ClientID: i.ClientID, Roles: i.Roles} }

// checkOptions refuses registrations, identities and people that lack something.
func checkOptions(o Options) error {
	for i, a := range o.Apps {
		if a.TenantID == "" || a.ClientID == "" || !a.Public && a.Secret == "" && a.Certificates == nil &&
			a.Issuers == nil && a.Federated == nil {
			return fmt.Errorf("entrasim: app %d needs a tenant id, a client id and a credential, or to be public", i)
		}
	}
	for i, id := range o.Identities {
		if id.TenantID == "" || id.ClientID == "" {
			return fmt.Errorf("entrasim: identity %d needs a tenant id and a client id", i)
		}
	}
	for i, p := range o.People {
		if p.TenantID == "" || p.Username == "" {
			return fmt.Errorf("entrasim: person %d needs a tenant id and a username", i)
		}
	}
	if len(o.Apps)+len(o.Identities) == 0 {
		return errors.New("entrasim: no app registration and no identity given")
	}
	return nil
}

func (s *Sim) hasTenant(id string) bool {
	return slices.ContainsFunc(s.options.Apps, func(a App) bool { return strings.EqualFold(a.TenantID, id) })
}

func (s *Sim) app(tenant, client string) (App, bool) {
	for _, a := range s.options.Apps {
		if strings.EqualFold(a.TenantID, tenant) && strings.EqualFold(a.ClientID, client) {
			return a, true
		}
	}
	return App{}, false
}

// exposed finds the app of a tenant that a resource names, by identifier URI or client id.
func (s *Sim) exposed(tenant, resource string) (App, bool) {
	resource = strings.TrimSuffix(resource, "/")
	for _, a := range s.options.Apps {
		if strings.EqualFold(a.TenantID, tenant) && a.API != nil &&
			(a.API.URI == resource || strings.EqualFold(a.ClientID, resource)) {
			return a, true
		}
	}
	return App{}, false
}

// allows says whether the API lets a client act for people without asking them. An app may always sign people in at
// itself.
func (a App) allows(client App) bool {
	return strings.EqualFold(a.ClientID, client.ClientID) ||
		slices.ContainsFunc(a.API.PreAuthorized, func(id string) bool { return strings.EqualFold(id, client.ClientID) })
}
