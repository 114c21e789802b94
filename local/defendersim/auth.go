package defendersim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Claims are what a token says about its bearer.
type Claims struct {
	Audience  string    // the API that the token is for
	AppID     string    // the client id of the app registration
	Roles     []string  // application permissions
	ExpiresAt time.Time // zero: never
}

func (c Claims) hasAny(roles []string) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(c.Roles, role) })
}

// authenticate reports who calls, and false for a token that is missing, unreadable, expired or for another API.
func (s *Sim) authenticate(r *http.Request, now time.Time) (Claims, bool) {
	if s.o.Verify == nil {
		return Claims{}, true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Claims{}, false
	}
	claims, err := s.o.Verify(token)
	if err != nil || !claims.ExpiresAt.IsZero() && !now.Before(claims.ExpiresAt) {
		return Claims{}, false
	}
	if s.o.Audience != "" && strings.TrimSuffix(claims.Audience, "/") != strings.TrimSuffix(s.o.Audience, "/") {
		return Claims{}, false
	}
	return claims, true
}

func (s *Sim) forbidden(roles []string) answer {
	return s.fail(http.StatusForbidden, "Forbidden",
		"The application does not have any of the required application permissions ("+strings.Join(roles, ", ")+
			") to access the resource.")
}
