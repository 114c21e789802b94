package entrasim

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Person is somebody of a tenant who can sign in.
type Person struct {
	TenantID string
	ObjectID string // empty: one that follows from the username
	Username string // as people know it: reader@contoso.com
	Name     string
	Disabled bool
	// Roles are the app roles that the person was assigned, by the client id of the app.
	Roles map[string][]string
}

// directory holds the people of all tenants, as they are now.
type directory struct {
	mu     sync.Mutex
	people []Person
}

func newDirectory(people []Person) *directory {
	d := &directory{people: slices.Clone(people)}
	for i, p := range d.people {
		if p.ObjectID == "" {
			sum := sha256.Sum256([]byte(p.TenantID + "/" + p.Username))
			d.people[i].ObjectID = formatID(sum[:16])
		}
	}
	return d
}

// People are the people of a tenant, as they are now.
func (s *Sim) People(tenant string) []Person {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.people.people), func(p Person) bool {
		return !strings.EqualFold(p.TenantID, tenant)
	})
}

// SetRoles assigns a person the roles of an app, and no others; none takes them all away. Tokens that were issued keep
// what they say.
func (s *Sim) SetRoles(username, clientID string, roles ...string) error {
	return s.people.change(username, func(p *Person) {
		changed := map[string][]string{clientID: roles}
		for app, had := range p.Roles {
			if !strings.EqualFold(app, clientID) {
				changed[app] = had
			}
		}
		p.Roles = changed
	})
}

// SetDisabled disables a person's account, or enables it again. Tokens that were issued stay valid.
func (s *Sim) SetDisabled(username string, disabled bool) error {
	return s.people.change(username, func(p *Person) { p.Disabled = disabled })
}

func (d *directory) change(username string, change func(*Person)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.people {
		if strings.EqualFold(d.people[i].Username, username) {
			change(&d.people[i])
			return nil
		}
	}
	return fmt.Errorf("entrasim: there is no person %q", username)
}

// person finds somebody of a tenant by username or object id.
func (d *directory) person(tenant, who string) (Person, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.people {
		if strings.EqualFold(p.TenantID, tenant) && (strings.EqualFold(p.Username, who) || p.ObjectID == who) {
			return p, true
		}
	}
	return Person{}, false
}

// rolesAt are the person's roles at an app.
func (p Person) rolesAt(app App) []string {
	for id, roles := range p.Roles {
		if strings.EqualFold(id, app.ClientID) {
			return roles
		}
	}
	return nil
}

// admits says why a person may not sign in at apps; nil: they may.
func admits(p Person, apps ...App) *refusal {
	if p.Disabled {
		return &refusal{400, "invalid_grant", 50057, "The user account is disabled."}
	}
	for _, a := range apps {
		if a.API != nil && a.API.AssignmentRequired && len(p.rolesAt(a)) == 0 {
			return &refusal{
				400, "invalid_grant", 50105,
				fmt.Sprintf("Your administrator has configured the application %s ('%s') to block users unless they "+
					"are specifically granted ('assigned') access to the application. The signed in user '%s' is "+
					"blocked because they are not a direct member of a group with access, nor had access directly "+
					"assigned by an administrator. Please contact your administrator to assign access to this "+
					"application.", a.called(), a.ClientID, p.Username),
			}
		}
	}
	return nil
}
