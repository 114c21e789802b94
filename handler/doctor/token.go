package doctor

import (
	"context"
	"slices"
)

// API is something that is reached by tokens.
type API struct {
	Name     string // as it begins the names of checks: "Defender"
	Who      string // whose tokens they are, for people
	Audience string // without /.default
	// Token gets a token for the audience. Its errors say the way out and hold no secret.
	Token func(ctx context.Context) (Token, error)
	Roles []Role // that the token should have; none: roles are given elsewhere and are not in it
}

// Token is what can be seen of a token.
type Token struct {
	Roles      []string // application permissions
	Principal  string   // object id of whoever it is for; empty: not told
	Unreadable error    // why nothing can be seen; nil: the rest is as the token says
}

// Role is an application permission.
type Role struct {
	Name   string
	Within []string // wider permissions that hold it
	Why    string   // what it is needed for, as in "needed to find alerts"
	// Absent is what it means when the token does not have it: Fail, or Warn for one that can do without for now.
	Absent State
	But    string // for Warn: why it can
	// Grant is the command that grants it; principal is the object id of the identity, empty if it is not known.
	Grant func(principal string) string
}

// Tokens are the checks of the tokens of an API: that there is one, and each role in it.
func Tokens(a API) Area {
	var token Token
	area := Area{
		{
			Name: a.Name + " token",
			Gate: true,
			Slow: "check that the app reaches the authority (CORDON_AUTHORITY_URL, firewall, proxy)",
			Run: func(ctx context.Context) Finding {
				var err error
				token, err = a.Token(ctx)
				if err != nil {
					return failed("see docs/doctor.md, \"Tokens\"", "%v", err)
				}
				return ok("%s gets one for %s", a.Who, a.Audience)
			},
		},
	}
	for _, r := range a.Roles {
		area = append(area,
			Check{
				Name: a.Name + " " + r.Name,
				Run: func(context.Context) Finding {
					return r.in(token)
				},
			})
	}
	return area
}

// in looks for the role. A token is the API's to read and its form may change without notice, so one that cannot be
// read is no failure: then only the API itself can tell ("Access tokens in the Microsoft identity platform").
func (r Role) in(token Token) Finding {
	switch {
	case token.Unreadable != nil:
		return notSeen("look at the app's permissions in the Entra admin center", "the token %v", token.Unreadable)
	case slices.Contains(token.Roles, r.Name):
		return ok("is in the token: %s", r.Why)
	}
	for _, wider := range r.Within {
		if slices.Contains(token.Roles, wider) {
			return ok("%s is in the token and holds it: %s", wider, r.Why)
		}
	}
	f := failed(r.Grant(token.Principal), "is not in the token: needed %s", r.Why)
	if f.State = r.Absent; f.State == Warn {
		f.Seen += "; " + r.But
	}
	return f
}
