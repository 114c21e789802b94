// Package signin says who is asking. Verifier reads the bearer tokens of the operator API; nothing else proves anybody:
// no address, no function key, no header that claims to be somebody's.
//
// Whatever can be judged without the authority's keys is judged first, so that a request without proof causes no call
// to anybody. Every refusal is a *wire.Problem that says what is missing and what to ask for.
//
// Neighbours: handler/operate asks before it answers; handler/trigger passes the requests on.
package signin

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"cordon/handler/operate/wire"
)

// Person is who asks: somebody who signed in, or an app.
type Person struct {
	Name     string // user principal name; of an app its client id
	ObjectID string
	Tenant   string
	Roles    []wire.Role // of Cordon, at least one
	App      bool        // an app without a person: it may read only
	Client   string      // id of the client that the token was given to
	Until    time.Time   // when the proof ends
}

// May is nil if the person has a role, which every one of Cordon's includes for reading, or else what is missing. An
// app may read, whatever its roles say: what is done by hand is done by a person who can be asked about it.
func (p Person) May(role wire.Role) error {
	if role == wire.Anybody || role == wire.Reader && len(p.Roles) > 0 {
		return nil
	}
	if p.App {
		return wire.NewProblem(http.StatusForbidden, "app_may_not_write",
			"an app may read only, whatever its roles are; sign in as a person")
	}
	if !slices.Contains(p.Roles, role) {
		return wire.NewProblem(http.StatusForbidden, "no_role",
			"this needs the role "+string(role)+": "+askForRole)
	}
	return nil
}

const askForRole = "ask whoever manages the enterprise application Cordon in Microsoft Entra to assign it to you, " +
	"then sign in again"

// roles are those of Cordon among others.
func roles(named []string) (ours []wire.Role) {
	for _, role := range []wire.Role{wire.Reader, wire.Operator, wire.Approver} {
		if slices.Contains(named, string(role)) {
			ours = append(ours, role)
		}
	}
	return ours
}

func noRole() *wire.Problem {
	return wire.NewProblem(http.StatusForbidden, "no_role",
		fmt.Sprintf("none of the roles %s, %s and %s is yours: %s",
			wire.Reader,
			wire.Operator,
			wire.Approver,
			askForRole))
}
